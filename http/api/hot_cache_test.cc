#include "http/api/hot_cache.h"

#include <gtest/gtest.h>

#include <thread>

#include "http/api/body_file.h"
#include "storage/base/limits.h"

namespace tarn::http {
namespace {

std::shared_ptr<const HotAnswer> Answer(std::string etag, size_t bytes = 10) {
  auto answer = std::make_shared<HotAnswer>();
  answer->etag = std::move(etag);
  answer->pieces.push_back(ShareString(std::string(bytes, 'x')));
  return answer;
}

TEST(HotCache, FindsWhatWasInsertedUntilItsPackageChanges) {
  HotCache cache(limits::kMiB);
  cache.Insert(cache.TakeTicket("a"), "key", Answer("1"));
  ASSERT_NE(cache.Find("key"), nullptr);
  EXPECT_EQ(cache.Find("key")->etag, "1");
  cache.Invalidate("a");
  EXPECT_EQ(cache.Find("key"), nullptr);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(HotCache, RefusesAnAnswerMadeBeforeTheChange) {
  HotCache cache(limits::kMiB);
  const auto ticket = cache.TakeTicket("a");
  cache.Invalidate("a");
  cache.Insert(ticket, "key", Answer("old"));
  EXPECT_EQ(cache.Find("key"), nullptr);
}

TEST(HotCache, KeepsToItsBudgetAndDropsTheOldest) {
  HotCache cache(16 * 64 * limits::kKiB);  // 64 KiB a shard.
  for (int i = 0; i < 1000; ++i) {
    cache.Insert(cache.TakeTicket("p"), "key" + std::to_string(i), Answer("e", 4096));
    cache.Find("key0");
  }
  EXPECT_LE(cache.bytes(), 16u * 64 * limits::kKiB);
  EXPECT_NE(cache.Find("key999"), nullptr);
  EXPECT_NE(cache.Find("key0"), nullptr) << "used all the time, so it stays";
  cache.Insert(cache.TakeTicket("p"), "huge", Answer("e", 64 * limits::kKiB));
  EXPECT_EQ(cache.Find("huge"), nullptr);
}

TEST(HotCache, AsksForAFileOnceWhenALargeAnswerIsAskedForOften) {
  HotCache cache(64 * limits::kMiB);
  cache.Insert(cache.TakeTicket("p"), "large", Answer("e", kBodyFileBytesMin));
  cache.Insert(cache.TakeTicket("p"), "small", Answer("e", kBodyFileBytesMin - 1));
  cache.Insert(cache.TakeTicket("p"), "huge", Answer("e", kBodyFileBytesMax + 1));
  for (uint32_t hit = 1; hit < 3 * kBodyFileHits; ++hit) {
    EXPECT_EQ(cache.WantsFile("large"), hit > kBodyFileHits);
    EXPECT_EQ(cache.Find("large") == nullptr, hit == kBodyFileHits);
    EXPECT_NE(cache.Find("small"), nullptr);
    EXPECT_NE(cache.Find("huge"), nullptr);
  }
  EXPECT_FALSE(cache.WantsFile("small"));
  EXPECT_FALSE(cache.WantsFile("unknown"));
  cache.Invalidate("p");
  cache.Insert(cache.TakeTicket("p"), "large", Answer("e", kBodyFileBytesMin));
  EXPECT_FALSE(cache.WantsFile("large")) << "a new revision begins anew";
}

TEST(HotCache, ChargesForBodyFilesAndNotForTarballs) {
  HotCache cache(16 * limits::kMiB);
  auto answer = std::make_shared<HotAnswer>();
  answer->file = {std::make_shared<int>(), 0, 0, 100'000};
  answer->is_tarball = true;
  cache.Insert(cache.TakeTicket("p"), "key", answer);
  EXPECT_LT(cache.bytes(), 1000u);
  auto in_memory = std::make_shared<HotAnswer>();
  in_memory->file = {std::make_shared<int>(), 0, 0, 100'000};
  cache.Insert(cache.TakeTicket("p"), "key", in_memory);
  EXPECT_GT(cache.bytes(), 100'000u);
}

TEST(HotCache, NeverGivesAnOlderStateThanTheLastChange) {
  HotCache cache(limits::kMiB);
  std::atomic<uint64_t> committed{0};
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (uint64_t i = 1; i <= 20'000; ++i) {
      committed.store(i);
      cache.Invalidate("p");
    }
    done.store(true);
  });
  std::thread filler([&] {
    while (!done.load()) {
      const auto ticket = cache.TakeTicket("p");
      cache.Insert(ticket, "key", Answer(std::to_string(committed.load())));
    }
  });
  writer.join();
  filler.join();
  const auto answer = cache.Find("key");
  if (answer != nullptr) {
    EXPECT_EQ(answer->etag, "20000");
  }
}

}  // namespace
}  // namespace tarn::http
