// Many writers at once. The store answers conflicts as the real one does; what is counted is what every client saw.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "storage/base/digest.h"
#include "storage/registry/packument_cache.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

class RegistryConcurrency : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
    AddUser("bob");
  }
  // Runs `work` with 0 … count-1, each on a thread of its own.
  template <typename Work>
  static void InParallel(int count, const Work& work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
    for (std::thread& thread : threads) thread.join();
  }

  Principal alice_;
};

TEST_F(RegistryConcurrency, DifferentVersionsOfOnePackageAllSucceed) {
  constexpr int kWriters = 64;
  std::atomic<bool> stop{false};
  // A reader keeps the packument in memory, so that every publish is also applied to it.
  std::thread reader([&] {
    while (!stop) static_cast<void>(Packument(Principal::Anonymous(), "left").ok());
  });
  InParallel(kWriters, [&](int i) {
    PublishBuilder builder;
    builder.version = "1." + std::to_string(i) + ".0";
    builder.dist_tag = "t" + std::to_string(i);
    const auto answer = Publish(alice_, builder);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
  });
  stop = true;
  reader.join();
  const std::string cached = Packument(Principal::Anonymous(), "left").value();
  for (int i = 0; i < kWriters; ++i) {
    const std::string file = "left-1." + std::to_string(i) + ".0.tgz";
    EXPECT_NE(cached.find(file), std::string::npos) << file;
    EXPECT_TRUE(TarballBytes(alice_, "left", file).ok()) << file;
  }
  Open();
  EXPECT_EQ(Packument(Principal::Anonymous(), "left").value(), cached);
  ExpectVerified();
}

TEST_F(RegistryConcurrency, OneOfManyPublishersOfAVersionWins) {
  constexpr int kWriters = 8;
  for (int round = 0; round < 10; ++round) {
    const std::string version = "1.0." + std::to_string(round);
    std::atomic<int> winner{-1}, winners{0}, refused{0};
    const auto builder_of = [&](int i) {
      PublishBuilder builder;
      builder.version = version;
      builder.contents = "of writer " + std::to_string(i);
      return builder;
    };
    InParallel(kWriters, [&](int i) {
      const auto answer = Publish(alice_, builder_of(i));
      if (answer.ok()) {
        winner = i;
        ++winners;
      }
      if (answer.code() == Code::kAlreadyExists) ++refused;
    });
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(refused, kWriters - 1);
    EXPECT_EQ(TarballBytes(alice_, "left", "left-" + version + ".tgz").value(), builder_of(winner).Tarball());
  }
  ExpectVerified();
}

TEST_F(RegistryConcurrency, OneFounderOfAScope) {
  constexpr int kWriters = 8;
  for (int i = 0; i < kWriters; ++i) AddUser("user" + std::to_string(i));
  std::atomic<int> founders{0}, refused{0};
  InParallel(kWriters, [&](int i) {
    PublishBuilder builder;
    builder.name = "@corp/tool" + std::to_string(i);
    const auto answer = Publish(As("user" + std::to_string(i)), builder);
    if (answer.ok()) ++founders;
    if (answer.code() == Code::kPermissionDenied) ++refused;
  });
  EXPECT_EQ(founders, 1);
  EXPECT_EQ(refused, kWriters - 1);
  ExpectVerified();
}

TEST_F(RegistryConcurrency, ReadersSeeEachPublishAsSoonAsItIsAnswered) {
  PublishBuilder first;
  ASSERT_TRUE(Publish(alice_, first).ok());
  std::atomic<int> published{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      const PackumentForm form = i == 0 ? PackumentForm::kFull : PackumentForm::kAbbreviated;
      while (!stop) {
        const int seen = published;
        const auto packument = Packument(Principal::Anonymous(), "left", form);
        ASSERT_TRUE(packument.ok()) << packument.status().ToString();
        if (seen == 0) continue;
        EXPECT_NE(packument->find("left-2." + std::to_string(seen) + ".0.tgz"), std::string::npos) << seen;
      }
    });
  }
  for (int i = 1; i <= 100; ++i) {
    PublishBuilder builder;
    builder.version = "2." + std::to_string(i) + ".0";
    ASSERT_TRUE(Publish(alice_, builder).ok());
    published = i;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

TEST_F(RegistryConcurrency, DifferentKindsOfWritesKeepThePackageCoherent) {
  PublishBuilder first;
  ASSERT_TRUE(Publish(alice_, first).ok());
  InParallel(8, [&](int i) {
    for (int round = 0; round < 10; ++round) {
      const std::string version = std::to_string(i + 2) + "." + std::to_string(round) + ".0";
      PublishBuilder builder;
      builder.version = version;
      ASSERT_TRUE(Publish(alice_, builder).ok());
      if (i % 3 == 0) {
        ASSERT_TRUE(registry_->SetDistTag(alice_, Name("left"), "t" + std::to_string(i), version).ok());
      }
      if (i % 3 == 1) {
        const std::string body = R"({"versions":{")" + version + R"(":{"deprecated":"x"}}})";
        ASSERT_TRUE(Put(alice_, "left", body).ok());
      }
      if (i % 3 == 2) {
        const auto star = R"({"users":{"bob":)" + std::string(round % 2 == 0 ? "true" : "false") + "}}";
        ASSERT_TRUE(Put(As("bob"), "left", star).ok());
      }
    }
  });
  const std::string cached = Packument(Principal::Anonymous(), "left").value();
  Open();
  EXPECT_EQ(Packument(Principal::Anonymous(), "left").value(), cached);
  ExpectVerified();
}

}  // namespace
}  // namespace tarn::registry
