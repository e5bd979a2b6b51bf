#include "storage/engine/journal_truncate.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "storage/engine/ship_for_test.h"
#include "storage/engine/store_fixture_for_test.h"

namespace tarn::engine {
namespace {

class JournalTruncateTest : public StoreTest {
 protected:
  void SetUp() override {
    options_.segment_bytes_max = 1'100'000;
    Open();
    CommitUsers(0, 10);
    hashes_at_ten_ = store_->Stats().state_hash;
    chain_at_ten_ = store_->Stats().chain_hash;
    CommitUsers(10, 5);
    Mutation large = PutMutation(Family::kUser, "large", "x");
    large.blobs = {StageBlob(*store_, std::string(9'000'000, 'a'))};
    MustCommit(std::move(large));
    for (int i = 0; i < 4; ++i) {  // Into further segments.
      Mutation mutation = PutMutation(Family::kUser, "half" + std::to_string(i), "x");
      mutation.blobs = {StageBlob(*store_, std::string(600'000, static_cast<char>('b' + i)))};
      MustCommit(std::move(mutation));
    }
    Close();
  }
  TruncatedJournal MustTruncate(Lsn keep) {
    auto truncated = TruncateJournal(options_.directory, keep, aside_);
    EXPECT_TRUE(truncated.ok()) << truncated.status().ToString();
    return truncated.ok() ? *truncated : TruncatedJournal();
  }
  std::vector<Lsn> SetAside() { return SetAside(aside_); }
  static std::vector<Lsn> SetAside(const std::string& aside) {
    std::vector<Lsn> lsns;
    const Status status = ReadSetAside(aside, [&](const LogRecord& record) {
      lsns.push_back(record.lsn);
      return OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return lsns;
  }
  void ExpectCutAtTen() {
    Open();
    EXPECT_EQ(store_->last_lsn(), Lsn(10));
    EXPECT_EQ(store_->Stats().chain_hash, chain_at_ten_);
    EXPECT_EQ(store_->Stats().state_hash, hashes_at_ten_);
    ExpectSound();
    CommitUsers(100, 3);  // It goes on from there.
    ExpectSound();
  }

  const std::string aside_ = directory_.path() + "/aside";
  std::array<uint64_t, 2> hashes_at_ten_{};
  Sha256Digest chain_at_ten_;
};

TEST_F(JournalTruncateTest, CutsAndKeepsWhatWasCut) {
  const TruncatedJournal truncated = MustTruncate(Lsn(10));
  EXPECT_EQ(truncated.kept, Lsn(10));
  EXPECT_EQ(truncated.records_set_aside, 10U);
  EXPECT_EQ(truncated.aside, aside_);
  ExpectCutAtTen();
  const std::vector<Lsn> lsns = SetAside();
  ASSERT_EQ(lsns.size(), 10U);
  EXPECT_EQ(lsns.front(), Lsn(11));
  EXPECT_EQ(lsns.back(), Lsn(20));
}

TEST_F(JournalTruncateTest, NothingToCutChangesNothing) {
  const TruncatedJournal truncated = MustTruncate(Lsn(20));
  EXPECT_EQ(truncated.records_set_aside, 0U);
  EXPECT_EQ(truncated.kept, Lsn(20));
  EXPECT_TRUE(truncated.aside.empty());
  EXPECT_FALSE(std::filesystem::exists(aside_));
  Open();
  EXPECT_FALSE(store_->recovery().state_rebuilt);
}

TEST_F(JournalTruncateTest, EverythingCanGo) {
  EXPECT_EQ(MustTruncate(Lsn(0)).records_set_aside, 20U);
  Open();
  EXPECT_EQ(store_->last_lsn(), Lsn(0));
  ExpectSound();
  EXPECT_EQ(SetAside().size(), 20U);
}

// A crash in the middle: everything the cut does, done in part.
TEST_F(JournalTruncateTest, GoesOnAfterACrash) {
  const std::string before = directory_.path() + "/before";
  CopyFolder(options_.directory, before);
  MustTruncate(Lsn(10));
  std::vector<std::string> after_names;
  for (const auto& entry : std::filesystem::directory_iterator(segments()))
    after_names.push_back(entry.path().filename());
  std::vector<std::string> removed;
  for (const auto& entry : std::filesystem::directory_iterator(before + "/segments")) {
    const std::string name = entry.path().filename();
    if (std::ranges::find(after_names, name) == after_names.end()) removed.push_back(name);
  }
  std::ranges::sort(removed, std::greater());
  ASSERT_GE(removed.size(), 2U);
  for (size_t done = 0; done <= removed.size(); ++done) {
    CopyFolder(before, options_.directory);
    std::filesystem::remove_all(database());
    for (size_t i = 0; i < done; ++i) std::filesystem::remove(segments() + "/" + removed[i]);
    MustTruncate(Lsn(10));
    ExpectCutAtTen();
    Close();
    EXPECT_EQ(SetAside().size(), 10U);
  }
}

TEST_F(JournalTruncateTest, AHalfSavedTailIsSavedAgain) {
  MustTruncate(Lsn(10));
  const std::string before = directory_.path() + "/before";
  std::filesystem::remove(aside_ + "/place");
  Open();
  CommitUsers(50, 2);
  Close();
  EXPECT_EQ(MustTruncate(Lsn(10)).records_set_aside, 2U);
  EXPECT_EQ(SetAside().size(), 2U);
}

// A node that leads, follows and leads again may leave the same common record more than once.
TEST_F(JournalTruncateTest, TwoTailsBehindTheSameRecordAreBothKept) {
  MustTruncate(Lsn(10));
  Open();
  CommitUsers(50, 2);  // Another LSN 11 and 12.
  Close();
  const TruncatedJournal second = MustTruncate(Lsn(10));
  EXPECT_EQ(second.records_set_aside, 2U);
  EXPECT_EQ(SetAside().size(), 10U);
  EXPECT_EQ(SetAside(second.aside).size(), 2U);
}

TEST_F(JournalTruncateTest, AnOpenStoreIsLeftAlone) {
  Open();
  EXPECT_EQ(TruncateJournal(options_.directory, Lsn(10), aside_).status().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace tarn::engine
