#include "storage/registry/packument_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/registry/inflate_for_test.h"
#include "storage/registry/seed_for_test.h"
#include "storage/testing/synthetic_packument.h"

namespace tarn::registry {
namespace {

constexpr char kUrl[] = "https://npm.example";

// Revision n of a package has n versions and is called "n-test".
std::string RevOf(size_t n) { return std::to_string(n) + "-test"; }

PackumentHead HeadOf(size_t n) {
  PackumentHead head = testing::SyntheticHead(n, 0);
  head.rev = RevOf(n);
  return head;
}

VersionEntry EntryOf(size_t index) {
  VersionEntry entry;
  entry.version = "1.0." + std::to_string(index);
  entry.full.json = entry.abbreviated.json = "{\"is\":\"one version\"}";
  return entry;
}

Result<std::unique_ptr<PackumentRope>> RopeOf(size_t n, const std::string& base_url = kUrl) {
  PackumentRopeBuilder builder(base_url);
  for (size_t i = 0; i < n; ++i) {
    const VersionEntry entry = EntryOf(i);
    builder.AddVersion(entry);
    builder.AddTime(entry.version, i);
  }
  return builder.Finish(HeadOf(n));
}

// The number of versions that the body really holds.
size_t VersionsIn(const PackumentBody& body) {
  const std::string text = Decode(body);
  size_t count = 0;
  for (size_t at = text.find("one version"); at != std::string::npos; ++count) {
    at = text.find("one version", at + 1);
  }
  return count;
}

PackumentKey Key(PackumentForm form = PackumentForm::kFull, PackumentCoding coding = PackumentCoding::kGzip) {
  return {.package = "p", .base_url = kUrl, .form = form, .coding = coding};
}

PackumentCache::Build BuildOf(size_t n, int* builds = nullptr) {
  return [n, builds] {
    if (builds != nullptr) ++*builds;
    return RopeOf(n);
  };
}

PackumentCache::Build Never() {
  return []() -> Result<std::unique_ptr<PackumentRope>> { return Internal("must not be built"); };
}

void ExpectRevision(const Result<PackumentCache::BodyPtr>& body, size_t n) {
  ASSERT_TRUE(body.ok()) << body.status().ToString();
  EXPECT_EQ((*body)->rev, RevOf(n));
  EXPECT_EQ(VersionsIn(**body), n);
}

TEST(PackumentCache, OneBuildServesBothFormsAndCodings) {
  PackumentCache cache({});
  int builds = 0;
  EXPECT_EQ(cache.Find(Key()), nullptr);
  for (const PackumentForm form : {PackumentForm::kFull, PackumentForm::kAbbreviated}) {
    for (const PackumentCoding coding : {PackumentCoding::kIdentity, PackumentCoding::kGzip}) {
      const auto body = cache.FindOrBuild(Key(form, coding), BuildOf(3, &builds));
      ExpectRevision(body, 3);
      EXPECT_EQ((*body)->form, form);
      EXPECT_EQ((*body)->coding, coding);
      EXPECT_EQ((*body)->etag, PackumentETag(RevOf(3), kUrl, form, coding));
      EXPECT_EQ(cache.Find(Key(form, coding)), *body);
    }
  }
  EXPECT_EQ(builds, 1);
  EXPECT_EQ(cache.stats().builds, 1u);
}

TEST(PackumentCache, EachBaseUrlHasItsOwnBody) {
  PackumentCache cache({});
  PackumentKey other = Key();
  other.base_url = "http://127.0.0.1:4873";
  const auto one = cache.FindOrBuild(Key(), BuildOf(1));
  const auto two = cache.FindOrBuild(other, [&] { return RopeOf(1, std::string(other.base_url)); });
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE((*one)->etag, (*two)->etag);
  cache.Invalidate("p");
  EXPECT_EQ(cache.Find(Key()), nullptr);
  EXPECT_EQ(cache.Find(other), nullptr);
}

TEST(PackumentCache, AMadeUpHostCannotFillIt) {
  PackumentCache cache({});
  for (size_t i = 0; i < limits::kPackumentBaseUrlsMax + 1; ++i) {
    const std::string url = "http://host" + std::to_string(i);
    PackumentKey key = Key();
    key.base_url = url;
    ASSERT_TRUE(cache.FindOrBuild(key, [&] { return RopeOf(1, url); }).ok());
  }
  EXPECT_EQ(cache.stats().ropes, limits::kPackumentBaseUrlsMax);
}

TEST(PackumentCache, InvalidateMeansTheNextReaderBuilds) {
  PackumentCache cache({});
  ExpectRevision(cache.FindOrBuild(Key(), BuildOf(1)), 1);
  cache.Invalidate("p");
  EXPECT_FALSE(cache.Holds("p"));
  EXPECT_EQ(cache.stats().bytes, 0u);
  ExpectRevision(cache.FindOrBuild(Key(), BuildOf(2)), 2);
}

TEST(PackumentCache, APublishIsAppendedNotBuilt) {
  PackumentCache cache({});
  for (const PackumentCoding coding : {PackumentCoding::kGzip, PackumentCoding::kIdentity}) {
    ExpectRevision(cache.FindOrBuild(Key(PackumentForm::kFull, coding), BuildOf(1)), 1);
  }
  cache.ApplyPublish("p", RevOf(1), EntryOf(1), HeadOf(2));
  cache.ApplyPublish("p", RevOf(2), EntryOf(2), HeadOf(3));
  EXPECT_EQ(cache.Find(Key()), nullptr);
  for (const PackumentCoding coding : {PackumentCoding::kIdentity, PackumentCoding::kGzip}) {
    ExpectRevision(cache.FindOrBuild(Key(PackumentForm::kFull, coding), Never()), 3);
  }
}

TEST(PackumentCache, AHeadChangeKeepsTheVersions) {
  PackumentCache cache({});
  ExpectRevision(cache.FindOrBuild(Key(), BuildOf(2)), 2);
  PackumentHead head = HeadOf(2);
  head.rev = "2-tagged";
  head.dist_tags = {{"next", "1.0.1"}};
  cache.ApplyHead("p", RevOf(2), head);
  const auto body = cache.FindOrBuild(Key(), Never());
  ASSERT_TRUE(body.ok());
  EXPECT_EQ((*body)->rev, "2-tagged");
  EXPECT_EQ(VersionsIn(**body), 2u);
  EXPECT_NE(Decode(**body).find("\"dist-tags\":{\"next\":\"1.0.1\"}"), std::string::npos);
}

TEST(PackumentCache, AChangeThatDoesNotContinueTheRevisionDropsTheRope) {
  PackumentCache cache({});
  ExpectRevision(cache.FindOrBuild(Key(), BuildOf(1)), 1);
  cache.ApplyPublish("p", RevOf(5), EntryOf(5), HeadOf(6));
  EXPECT_FALSE(cache.Holds("p"));
  ExpectRevision(cache.FindOrBuild(Key(), BuildOf(6)), 6);
}

TEST(PackumentCache, AChangeThatTheBuildHasSeenIsNotAppliedTwice) {
  PackumentCache cache({});
  const auto before = cache.FindOrBuild(Key(), BuildOf(2));
  cache.ApplyPublish("p", RevOf(1), EntryOf(1), HeadOf(2));  // The commit was visible already.
  EXPECT_EQ(cache.Find(Key()), *before);
  ExpectRevision(cache.FindOrBuild(Key(), Never()), 2);
}

TEST(PackumentCache, TooManyPendingChangesDropTheRope) {
  PackumentCache cache({});
  ExpectRevision(cache.FindOrBuild(Key(), BuildOf(0)), 0);
  for (size_t n = 0; n < limits::kPackumentPendingChangesMax; ++n) {
    cache.ApplyPublish("p", RevOf(n), EntryOf(n), HeadOf(n + 1));
    ASSERT_TRUE(cache.Holds("p"));
  }
  const size_t last = limits::kPackumentPendingChangesMax;
  cache.ApplyPublish("p", RevOf(last), EntryOf(last), HeadOf(last + 1));
  EXPECT_FALSE(cache.Holds("p"));
}

// The race that the cache is about: the store is read, then a commit comes in, then the build ends.
TEST(PackumentCache, ABuildOvertakenByInvalidateIsNotKept) {
  PackumentCache cache({});
  const auto overlapping = cache.FindOrBuild(Key(), [&] {
    auto rope = RopeOf(1);
    cache.Invalidate("p");
    // Who comes now must not wait for, nor get, what is being built from the old state.
    ExpectRevision(cache.FindOrBuild(Key(), BuildOf(2)), 2);
    return rope;
  });
  ASSERT_TRUE(overlapping.ok());
  ExpectRevision(cache.Find(Key()), 2);
}

TEST(PackumentCache, ABuildOvertakenByInvalidateAloneLeavesNothing) {
  PackumentCache cache({});
  for (const PackumentCoding coding : {PackumentCoding::kGzip, PackumentCoding::kIdentity}) {
    const auto overlapping = cache.FindOrBuild(Key(PackumentForm::kFull, coding), [&] {
      auto rope = RopeOf(1);
      cache.Invalidate("p");
      return rope;
    });
    ASSERT_TRUE(overlapping.ok());
    EXPECT_EQ(cache.Find(Key()), nullptr);
    EXPECT_EQ(cache.stats().bytes, 0u);
  }
}

TEST(PackumentCache, ABuildOvertakenByPublishesIncludesThem) {
  PackumentCache cache({});
  int builds = 0;
  ExpectRevision(cache.FindOrBuild(Key(),
                                   [&] {
                                     ++builds;
                                     auto rope = RopeOf(2);
                                     // The first is in the state that was read, the others not.
                                     cache.ApplyPublish("p", RevOf(1), EntryOf(1), HeadOf(2));
                                     cache.ApplyPublish("p", RevOf(2), EntryOf(2), HeadOf(3));
                                     cache.ApplyPublish("p", RevOf(3), EntryOf(3), HeadOf(4));
                                     return rope;
                                   }),
                 4);
  EXPECT_EQ(builds, 1);
  ExpectRevision(cache.Find(Key()), 4);
}

TEST(PackumentCache, ABuildThatPublishesDoNotContinueIsBuiltAgain) {
  PackumentCache cache({});
  int builds = 0;
  ExpectRevision(cache.FindOrBuild(Key(),
                                   [&] {
                                     if (++builds > 1) return RopeOf(9);
                                     auto rope = RopeOf(2);
                                     cache.ApplyPublish("p", RevOf(8), EntryOf(8), HeadOf(9));
                                     return rope;
                                   }),
                 9);
  EXPECT_EQ(builds, 2);
}

TEST(PackumentCache, AFailedBuildIsReportedAndForgotten) {
  PackumentCache cache({});
  const PackumentCache::Build fails = []() -> Result<std::unique_ptr<PackumentRope>> {
    return NotFound("no such package");
  };
  EXPECT_EQ(cache.FindOrBuild(Key(), fails).code(), Code::kNotFound);
  EXPECT_FALSE(cache.Holds("p"));
  ExpectRevision(cache.FindOrBuild(Key(), BuildOf(1)), 1);
}

TEST(PackumentCache, ConcurrentReadersShareOneBuild) {
  PackumentCache cache({});
  std::atomic<int> builds{0}, started{0};
  constexpr int kReaders = 8;
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] {
      ++started;
      const PackumentForm form = i % 2 == 0 ? PackumentForm::kFull : PackumentForm::kAbbreviated;
      const PackumentCoding coding = i % 4 < 2 ? PackumentCoding::kGzip : PackumentCoding::kIdentity;
      ExpectRevision(cache.FindOrBuild(Key(form, coding),
                                       [&] {
                                         ++builds;
                                         while (started < kReaders) std::this_thread::yield();
                                         return RopeOf(3);
                                       }),
                     3);
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(builds, 1);
}

TEST(PackumentCache, WaitingForABuildIsBounded) {
  PackumentCache cache({.wait_ms_max = 1});
  ExpectRevision(cache.FindOrBuild(Key(),
                                   [&] {
                                     Code code = Code::kOk;
                                     std::thread other([&] { code = cache.FindOrBuild(Key(), Never()).code(); });
                                     other.join();
                                     EXPECT_EQ(code, Code::kUnavailable);
                                     return RopeOf(1);
                                   }),
                 1);
}

TEST(PackumentCache, TheBudgetHoldsAndTheMostRecentlyUsedStay) {
  // All in one shard or not: a rope of 50 synthetic versions is about 25 KB.
  PackumentCache cache({.bytes_max = 16 * 80'000});
  const std::string serialised = testing::SyntheticRope(50, 0)->Serialise();
  const auto build = [&] { return PackumentRope::Parse(serialised); };
  for (int i = 0; i < 200; ++i) {
    const std::string name = "package-" + std::to_string(i);
    PackumentKey key = Key();
    key.package = name;
    ASSERT_TRUE(cache.FindOrBuild(key, build).ok());
    ASSERT_NE(cache.Find(key), nullptr);
    ASSERT_LE(cache.stats().bytes, 16u * 80'000u);
  }
  EXPECT_GT(cache.stats().evictions, 100u);
  EXPECT_GT(cache.stats().ropes, 16u);
}

TEST(PackumentCache, AnIdentityBodyIsEvictedBeforeTheRopeThatIsInUse) {
  // The rope takes about 30 KB, the identity bodies 122 and 78.
  PackumentCache cache({.bytes_max = 16 * 190'000});
  const auto build = [] { return Result<std::unique_ptr<PackumentRope>>(testing::SyntheticRope(50, 0)); };
  const PackumentKey identity = Key(PackumentForm::kFull, PackumentCoding::kIdentity);
  ASSERT_TRUE(cache.FindOrBuild(identity, build).ok());
  ASSERT_NE(cache.Find(identity), nullptr);
  ASSERT_NE(cache.Find(Key()), nullptr);
  const PackumentKey other = Key(PackumentForm::kAbbreviated, PackumentCoding::kIdentity);
  ASSERT_TRUE(cache.FindOrBuild(other, Never()).ok());
  EXPECT_NE(cache.Find(Key()), nullptr);
  EXPECT_EQ(cache.Find(identity), nullptr);
}

TEST(PackumentCache, ABodyLargerThanItsShareIsServedButNotKept) {
  PackumentCache cache({.bytes_max = 16});
  for (const PackumentCoding coding : {PackumentCoding::kGzip, PackumentCoding::kIdentity}) {
    ExpectRevision(cache.FindOrBuild(Key(PackumentForm::kFull, coding), BuildOf(3)), 3);
    EXPECT_FALSE(cache.Holds("p"));
  }
  EXPECT_EQ(cache.stats().bytes, 0u);
  EXPECT_EQ(cache.stats().ropes, 0u);
}

TEST(PackumentCache, SealMakesTheBodySmallerUnderTheSameTag) {
  PackumentCache cache({});
  const auto build = [] { return Result<std::unique_ptr<PackumentRope>>(testing::SyntheticRope(0, 0)); };
  ASSERT_TRUE(cache.FindOrBuild(Key(), build).ok());
  EXPECT_EQ(cache.Seal(10), 0u);
  std::string rev = testing::SyntheticHead(0, 0).rev;
  Result<PackumentCache::BodyPtr> before = Internal("unset");
  for (size_t i = 0; i < limits::kRopeSealPieces + 1; ++i) {
    const PackumentHead head = testing::SyntheticHead(i + 1, 0);
    cache.ApplyPublish("p", rev, testing::SyntheticVersion(i), head);
    rev = head.rev;
    before = cache.FindOrBuild(Key(), Never());
    ASSERT_TRUE(before.ok());
  }
  EXPECT_EQ(cache.Seal(2), 2u);
  EXPECT_EQ(cache.Seal(10), 1u);  // Full, abbreviated, times.
  EXPECT_EQ(cache.Seal(10), 0u);
  const PackumentCache::BodyPtr after = cache.Find(Key());
  ASSERT_NE(after, nullptr);
  EXPECT_LT(after->length, (*before)->length);
  EXPECT_EQ(after->etag, (*before)->etag);
  EXPECT_EQ(Decode(*after), Decode(**before));
}

// A store of one writer, readers that check the promise, and everything else going on at once.
class Stress {
 public:
  explicit Stress(uint64_t seed, uint64_t bytes_max) : cache_({.bytes_max = bytes_max}), seed_(seed) {}

  void Run(int publishes) {
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < 3; ++i) threads.emplace_back([this, i] { Read(seed_ + i); });
    threads.emplace_back([this] {
      while (!done_) {
        if (cache_.Seal(1) == 0) std::this_thread::yield();
      }
    });
    Write(publishes);
    done_ = true;
    for (std::thread& thread : threads) thread.join();
  }

 private:
  void Write(int publishes) {
    SeededRandom random(~seed_);
    for (int i = 0; i < publishes; ++i) {
      const std::string name = NameOf(random.Below(2));
      size_t n;
      {
        MutexLock lock(mutex_);
        n = ++committed_[name];
      }
      if (random.Below(8) == 0) {
        cache_.Invalidate(name);
      } else {
        cache_.ApplyPublish(name, RevOf(n - 1), EntryOf(n - 1), HeadOf(n));
      }
      {
        MutexLock lock(mutex_);
        acknowledged_[name] = n;
      }
      // Some readers between two publishes, or the writer would be done before they begin.
      const uint64_t reads = reads_ + random.Below(4);
      while (reads_ < reads && !HasFailure()) std::this_thread::yield();
    }
  }

  void Read(uint64_t seed) {
    SeededRandom random(seed);
    while (!done_) {
      ++reads_;
      const std::string name = NameOf(random.Below(2));
      const PackumentKey key{.package = name,
                             .base_url = kUrl,
                             .form = random.Below(2) ? PackumentForm::kFull : PackumentForm::kAbbreviated,
                             .coding = random.Below(4) ? PackumentCoding::kGzip : PackumentCoding::kIdentity};
      size_t acknowledged;
      {
        MutexLock lock(mutex_);
        acknowledged = acknowledged_[name];
      }
      PackumentCache::BodyPtr body = cache_.Find(key);
      if (body == nullptr) {
        Result<PackumentCache::BodyPtr> found = cache_.FindOrBuild(key, [&] {
          size_t n;
          {
            MutexLock lock(mutex_);
            n = committed_[name];
          }
          return RopeOf(n);
        });
        if (found.code() == Code::kUnavailable) continue;  // Overtaken too often; never wrong.
        ASSERT_TRUE(found.ok()) << found.status().ToString();
        body = *found;
      }
      const size_t versions = VersionsIn(*body);
      ASSERT_EQ(body->rev, RevOf(versions));
      ASSERT_GE(versions, acknowledged);
    }
  }

  static bool HasFailure() { return ::testing::Test::HasFailure(); }
  static std::string NameOf(uint64_t index) { return "package-" + std::to_string(index); }

  PackumentCache cache_;
  const uint64_t seed_;
  std::atomic<bool> done_{false};
  std::atomic<uint64_t> reads_{0};
  Mutex mutex_;
  std::map<std::string, size_t> committed_ GUARDED_BY(mutex_);
  std::map<std::string, size_t> acknowledged_ GUARDED_BY(mutex_);
};

TEST(PackumentCache, NobodyGetsARevisionOlderThanTheOneAcknowledgedBeforeAsking) {
  const uint64_t seed = TestSeed(20261124);
  Stress(seed, 64 * limits::kMiB).Run(200);
  Stress(seed, 16 * 30'000).Run(100);  // So small that ropes come and go.
}

}  // namespace
}  // namespace tarn::registry
