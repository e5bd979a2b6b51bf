#include "storage/base/io_activity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace tarn {
namespace {

// Other threads of the test program may be at their files too.
size_t RunningWith(int descriptor) {
  const auto running = RunningIo();
  return static_cast<size_t>(std::ranges::count(running, descriptor, &IoOperation::descriptor));
}

TEST(IoActivity, SeesWhatRunsAndNothingElse) {
  constexpr int kDescriptor = 1'000'001;
  EXPECT_EQ(RunningWith(kDescriptor), 0u);
  {
    const IoScope scope(IoKind::kSync, kDescriptor);
    const auto running = RunningIo();
    const auto found = std::ranges::find(running, kDescriptor, &IoOperation::descriptor);
    ASSERT_NE(found, running.end());
    EXPECT_EQ(found->kind, IoKind::kSync);
  }
  EXPECT_EQ(RunningWith(kDescriptor), 0u);
}

TEST(IoActivity, TheOuterOneCounts) {
  const IoScope outer(IoKind::kWrite, 1'000'002);
  {
    const IoScope inner(IoKind::kRead, 1'000'003);
    EXPECT_EQ(RunningWith(1'000'003), 0u);
  }
  EXPECT_EQ(RunningWith(1'000'002), 1u) << "the inner one's end is not its end";
}

TEST(IoActivity, OfEveryThreadAndOldestFirst) {
  constexpr int kDescriptor = 1'000'004;
  std::vector<std::thread> threads;
  std::atomic<int> begun{0};
  std::atomic<bool> done{false};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const IoScope scope(IoKind::kRead, kDescriptor);
      begun.fetch_add(1);
      while (!done.load()) std::this_thread::yield();
    });
  }
  while (begun.load() < 8) std::this_thread::yield();
  EXPECT_EQ(RunningWith(kDescriptor), 8u);
  EXPECT_TRUE(std::ranges::is_sorted(RunningIo(), std::ranges::greater(), &IoOperation::age_ms));
  done.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(RunningWith(kDescriptor), 0u);
}

// Threads come and go for as long as a server runs.
TEST(IoActivity, SlotsAreGivenBack) {
  for (int i = 0; i < 2000; ++i) {
    std::thread([&] {
      const IoScope scope(IoKind::kRead, 1'000'005);
      EXPECT_EQ(RunningWith(1'000'005), 1u);
    }).join();
  }
}

}  // namespace
}  // namespace tarn
