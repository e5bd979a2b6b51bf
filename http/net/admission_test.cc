#include "http/net/admission.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <string>
#include <utility>
#include <vector>

namespace tarn::http {
namespace {

constexpr AdmissionClass kClass = AdmissionClass::kWrite;

Admission::Options WriteOptions(size_t concurrent_max, uint64_t bytes_max, size_t waiting_max, uint64_t wait_ms_max) {
  Admission::Options options;
  options.write = {concurrent_max, bytes_max, waiting_max, wait_ms_max};
  return options;
}

// Coroutines that enter and stay, on a loop that the test turns by hand.
class Line {
 public:
  explicit Line(const Admission::Options& options) : admission(options) {}
  ~Line() { inside.clear(); }

  void Enter(const std::string& name, uint64_t bytes = 0) {
    boost::asio::co_spawn(context_, Stay(name, bytes), [](std::exception_ptr error) { CHECK(error == nullptr); });
    Turn();
  }
  void Leave(const std::string& name) {
    std::erase_if(inside, [&name](const auto& guest) { return guest.first == name; });
    Turn();
  }
  void Turn() {
    context_.restart();
    context_.poll();
  }
  // Until nobody waits any more.
  void Wait() {
    context_.restart();
    context_.run();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& guest : inside) result.push_back(guest.first);
    return result;
  }

  Admission admission;
  std::vector<std::pair<std::string, Admission::Permit>> inside;
  std::vector<std::string> refused;

 private:
  Task<void> Stay(std::string name, uint64_t bytes) {
    Result<Admission::Permit> permit = co_await admission.Enter(kClass, bytes);
    if (permit.ok())
      inside.emplace_back(name, std::move(*permit));
    else
      refused.push_back(name);
  }

  boost::asio::io_context context_{1};
};

using Names = std::vector<std::string>;

TEST(Admission, LetsThoseWhoWaitInByTurns) {
  Line line(WriteOptions(2, 1000, 10, 60'000));
  for (const char* name : {"a", "b", "c", "d"}) line.Enter(name);
  EXPECT_EQ(line.names(), (Names{"a", "b"}));
  EXPECT_EQ(line.admission.stats(kClass).waiting, 2u);
  EXPECT_FALSE(line.admission.TryEnter(kClass).held());
  line.Leave("b");
  EXPECT_EQ(line.names(), (Names{"a", "c"}));
  line.Leave("a");
  EXPECT_EQ(line.names(), (Names{"c", "d"}));
  line.Leave("c");
  EXPECT_TRUE(line.admission.TryEnter(kClass).held());
  EXPECT_EQ(line.admission.stats(kClass).inside, 1u) << "the permit was given back at once";
}

TEST(Admission, RefusesAfterTheWait) {
  Line line(WriteOptions(1, 1000, 10, 1));
  line.Enter("a");
  line.Enter("b");
  line.Wait();
  EXPECT_EQ(line.refused, Names{"b"});
  EXPECT_EQ(line.names(), Names{"a"});
  EXPECT_EQ(line.admission.stats(kClass).refused, 1u);
  EXPECT_EQ(line.admission.stats(kClass).waiting, 0u);
}

TEST(Admission, RefusesAtOnceWhenTheLineIsLong) {
  Line line(WriteOptions(1, 1000, 1, 60'000));
  for (const char* name : {"a", "b", "c"}) line.Enter(name);
  EXPECT_EQ(line.refused, Names{"c"});
  line.Leave("a");
  EXPECT_EQ(line.names(), Names{"b"});
}

TEST(Admission, KeepsTheBudgetOfBytes) {
  Line line(WriteOptions(10, 100, 10, 60'000));
  line.Enter("a", 60);
  line.Enter("b", 41);
  line.Enter("c", 1);  // Would fit, but does not overtake.
  EXPECT_EQ(line.names(), Names{"a"});
  line.Leave("a");
  EXPECT_EQ(line.names(), (Names{"b", "c"}));
  EXPECT_EQ(line.admission.stats(kClass).bytes, 42u);
  line.Leave("b");
  line.Leave("c");
  line.Enter("huge", 1000);  // Alone.
  line.Enter("d", 1);
  EXPECT_EQ(line.names(), Names{"huge"});
  line.Leave("huge");
  EXPECT_EQ(line.names(), Names{"d"});
}

TEST(Admission, ClassesDoNotCompete) {
  Line line(WriteOptions(1, 1000, 10, 60'000));
  line.Enter("a");
  EXPECT_FALSE(line.admission.TryEnter(kClass).held());
  EXPECT_TRUE(line.admission.TryEnter(AdmissionClass::kMetadata).held());
}

TEST(AdmissionPermit, MovesItsPlace) {
  Admission admission(WriteOptions(2, 1000, 1, 1));
  Admission::Permit a = admission.TryEnter(kClass, 5);
  Admission::Permit b = std::move(a);
  EXPECT_FALSE(a.held());
  EXPECT_TRUE(b.held());
  EXPECT_EQ(admission.stats(kClass).inside, 1u);
  b = admission.TryEnter(kClass, 7);
  EXPECT_EQ(admission.stats(kClass).inside, 1u);
  EXPECT_EQ(admission.stats(kClass).bytes, 7u);
  b.Release();
  b.Release();
  EXPECT_EQ(admission.stats(kClass).inside, 0u);
}

}  // namespace
}  // namespace tarn::http
