#include "storage/registry/download_counts.h"

#include <gtest/gtest.h>

#include "storage/base/limits.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

TEST(DownloadPeriod, OfEveryForm) {
  const uint32_t today = *ParseDay("2026-11-24");
  const auto text = [&](std::string_view period) {
    const auto parsed = ParseDownloadPeriod(period, today);
    return parsed.ok() ? FormatDay(parsed->first_day) + " " + FormatDay(parsed->last_day) : std::string("refused");
  };
  EXPECT_EQ(text("last-day"), "2026-11-24 2026-11-24");
  EXPECT_EQ(text("last-week"), "2026-11-18 2026-11-24");
  EXPECT_EQ(text("last-month"), "2026-10-26 2026-11-24");
  EXPECT_EQ(text("last-year"), "2025-11-25 2026-11-24");
  EXPECT_EQ(text("2026-02-28"), "2026-02-28 2026-02-28");
  EXPECT_EQ(text("2026-02-27:2026-03-01"), "2026-02-27 2026-03-01");
  EXPECT_EQ(text("2026-11-01:2030-01-01"), "2026-11-01 2026-11-24") << "the future is not there yet";
  EXPECT_EQ(text("2015-01-10:2026-11-24"), FormatDay(today - limits::kDownloadDaysKept + 1) + " 2026-11-24");
  for (const char* bad : {"", "yesterday", "last-decade", "2026-02-30", "2026-2-3", "2026-11-24:", ":2026-11-24",
                          "2026-11-24:2026-11-23", "2026-11-24:2026-11-24:2026-11-24", "2026-11-24T00:00", "-"}) {
    EXPECT_EQ(text(bad), "refused") << bad;
  }
}

class DownloadCountsTest : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
  }
  void Add(const std::string& name, const std::string& access = "") {
    PublishBuilder builder;
    builder.name = name;
    builder.access = access;
    ASSERT_TRUE(Publish(alice_, builder).ok());
  }
  void Fetch(const std::string& name, const Principal& who, int times = 1) {
    const std::string file = name.substr(name.rfind('/') + 1) + "-1.0.0.tgz";
    const auto answer = registry_->OpenTarball(who, Name(name), file);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    ASSERT_NE(answer->downloads, nullptr);
    for (int i = 0; i < times; ++i) ++*answer->downloads;
  }
  DownloadCounts& counts() { return registry_->downloads(); }
  DownloadPeriod LastDays(uint32_t days) { return {counts().Today() - (days - 1), counts().Today()}; }
  uint64_t Sum(const std::string& name, uint32_t days, const Principal& who = Principal::Anonymous()) {
    const auto result = counts().OfPackage(who, Name(name), LastDays(days));
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    uint64_t sum = 0;
    for (const uint64_t count : *result) sum += count;
    return sum;
  }
  uint64_t Everything() {
    uint64_t sum = 0;
    const auto days = counts().OfEverything(Principal::Anonymous(), LastDays(30));
    for (const uint64_t count : *days) sum += count;
    return sum;
  }

  static constexpr uint64_t kDayMs = 24 * 3'600'000;
  Principal alice_;
};

TEST_F(DownloadCountsTest, CountAtOnceAndAfterAFlushAndARestart) {
  Add("a");
  Fetch("a", Principal::Anonymous(), 3);
  EXPECT_EQ(Sum("a", 1), 3u);
  ASSERT_TRUE(counts().Flush().ok());
  EXPECT_EQ(Sum("a", 1), 3u);
  Fetch("a", Principal::Anonymous(), 2);
  EXPECT_EQ(Sum("a", 1), 5u);
  EXPECT_EQ(Everything(), 5u);
  ASSERT_TRUE(counts().Flush().ok());
  Open();
  EXPECT_EQ(Sum("a", 1), 5u);
  EXPECT_EQ(Everything(), 5u);
  EXPECT_EQ(*counts().OfVersions(Principal::Anonymous(), Name("a")),
            (std::vector<std::pair<std::string, uint64_t>>{{"1.0.0", 5}}));
  ExpectVerified();
}

TEST_F(DownloadCountsTest, NothingIsCommittedWhenNothingWasFetched) {
  Add("a");
  const Lsn before = store_.last_lsn();
  ASSERT_TRUE(counts().Flush().ok());
  EXPECT_EQ(store_.last_lsn(), before);
}

TEST_F(DownloadCountsTest, StandByTheirDay) {
  Add("a");
  for (int day = 0; day < 10; ++day) {
    Fetch("a", Principal::Anonymous(), day + 1);
    ASSERT_TRUE(counts().Flush().ok());
    clock_.AdvanceMs(kDayMs);
  }
  EXPECT_EQ(Sum("a", 1), 0u);
  EXPECT_EQ(Sum("a", 2), 10u);
  EXPECT_EQ(Sum("a", 3), 19u);
  EXPECT_EQ(Sum("a", 30), 55u);
  const auto days = counts().OfPackage(Principal::Anonymous(), Name("a"), LastDays(4));
  EXPECT_EQ(*days, (std::vector<uint64_t>{8, 9, 10, 0}));
}

TEST_F(DownloadCountsTest, OfDaysThatNobodyCanAskForAreDropped) {
  Add("a");
  const auto rows = [&] {
    size_t count = 0;
    const auto view = store_.NewReadView();
    EXPECT_TRUE((*view)
                    ->ScanPrefix(engine::Family::kCounter, "",
                                 [&](std::string_view, std::string_view) {
                                   ++count;
                                   return true;
                                 })
                    .ok());
    return count;
  };
  Fetch("a", Principal::Anonymous());
  ASSERT_TRUE(counts().Flush().ok());
  EXPECT_EQ(rows(), 3u);
  clock_.AdvanceMs(kDayMs * (limits::kDownloadDaysKept + 1));
  Fetch("a", Principal::Anonymous());
  ASSERT_TRUE(counts().Flush().ok());
  EXPECT_EQ(rows(), 4u) << "of everything, a row a day is kept";
}

TEST_F(DownloadCountsTest, OfARestrictedPackageAreForItsReaders) {
  Add("@alice/secret", "restricted");
  Fetch("@alice/secret", alice_, 4);
  const Principal bob = AddUser("bob");
  for (const Principal& stranger : {Principal::Anonymous(), bob}) {
    const auto unknown = counts().OfPackage(stranger, Name("@alice/nothing"), LastDays(1)).status();
    const auto invisible = counts().OfPackage(stranger, Name("@alice/secret"), LastDays(1)).status();
    EXPECT_EQ(invisible.code(), Code::kNotFound);
    EXPECT_EQ(std::string(invisible.message()), "package @alice/secret not found");
    EXPECT_EQ(std::string(unknown.message()), "package @alice/nothing not found");
    EXPECT_EQ(counts().OfVersions(stranger, Name("@alice/secret")).code(), Code::kNotFound);
  }
  EXPECT_EQ(Sum("@alice/secret", 1, alice_), 4u);
  EXPECT_EQ(Everything(), 0u);
  ASSERT_TRUE(counts().Flush().ok());
  EXPECT_EQ(Everything(), 0u);
}

TEST_F(DownloadCountsTest, AFailedFlushLosesNothing) {
  Add("a");
  Fetch("a", Principal::Anonymous(), 7);
  store_.RefuseCommits(OutOfSpace("full"));
  EXPECT_FALSE(counts().Flush().ok());
  EXPECT_EQ(Sum("a", 1), 7u);
  store_.RefuseCommits(OkStatus());
  ASSERT_TRUE(counts().Flush().ok());
  EXPECT_EQ(Sum("a", 1), 7u);
}

}  // namespace
}  // namespace tarn::registry
