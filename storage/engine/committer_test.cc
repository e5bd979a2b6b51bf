// The committer's own promises: grouping, conflicts within a group, and what happens when one of its steps fails.
#include <atomic>
#include <thread>

#include "storage/base/digest.h"
#include "storage/base/random.h"
#include "storage/engine/store_fixture_for_test.h"
#include "storage/testing/fault_fs.h"
#include "storage/testing/rocks_fault_env.h"

namespace tarn::engine {
namespace {

using Call = FaultFileSystem::Call;
namespace fs = std::filesystem;

// Holds the state stage until told to go on: its group is in the journal and nobody can see it yet.
class Gate : public CommitObserver {
 public:
  void Derive(const LogRecord&, const ReadView&, std::vector<Change>*) override {
    MutexLock lock(mutex_);
    is_reached_ = true;
    changed_.NotifyAll();
    while (is_closed_) changed_.Wait(mutex_);
  }
  void Applied(const LogRecord&) override {}
  void WaitUntilReached() {
    MutexLock lock(mutex_);
    while (!is_reached_) changed_.Wait(mutex_);
  }
  void Open() {
    MutexLock lock(mutex_);
    is_closed_ = false;
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool is_closed_ GUARDED_BY(mutex_) = true;
  bool is_reached_ GUARDED_BY(mutex_) = false;
};

// Collects what asynchronous commits were answered.
class Answers {
 public:
  Store::CommitCallback Next() {
    const size_t index = [this] {
      MutexLock lock(mutex_);
      codes_.emplace_back();
      return codes_.size() - 1;
    }();
    return [this, index](Result<CommitInfo> info) {
      MutexLock lock(mutex_);
      codes_[index] = info.code();
      ++answered_;
      changed_.NotifyAll();
    };
  }
  std::vector<Code> WaitForAll() {
    MutexLock lock(mutex_);
    while (answered_ < codes_.size()) changed_.Wait(mutex_);
    std::vector<Code> codes;
    for (const std::optional<Code>& code : codes_) codes.push_back(*code);
    return codes;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::optional<Code>> codes_ GUARDED_BY(mutex_);
  size_t answered_ GUARDED_BY(mutex_) = 0;
};

class CommitterTest : public StoreTest {
 protected:
  // With one group held in the state stage and nothing in the journal stage: what follows is one LSN further on.
  void HoldStateStage() {
    options_.observer = &gate_;
    Open();
    HoldStateStage(PutMutation(Family::kSetting, "gate", "held"));
  }
  void HoldStateStage(Mutation mutation) {
    store_->CommitAsync(std::move(mutation), answers_.Next());
    gate_.WaitUntilReached();
  }
  // With both stages held, at LSN 2, so that everything that follows waits and becomes one group.
  void HoldCommitter() {
    HoldStateStage();
    CommitIntoJournal(PutMutation(Family::kSetting, "behind the gate", ""));
  }
  // Returns once the journal stage waits for the state stage, with `mutation` synced.
  void CommitIntoJournal(Mutation mutation) {
    const uint64_t groups = store_->Stats().groups_written;
    store_->CommitAsync(std::move(mutation), answers_.Next());
    while (store_->Stats().groups_written == groups) std::this_thread::yield();
  }
  Mutation Expecting(std::optional<std::string> expected, std::string_view value) {
    Mutation mutation = PutMutation(Family::kPackage, "a", value);
    mutation.preconditions = {{Family::kPackage, "a", std::move(expected)}};
    return mutation;
  }

  Gate gate_;
  Answers answers_;
};

TEST_F(CommitterTest, WhatWaitsBecomesOneGroupWithOneSync) {
  HoldCommitter();
  const StoreStats before = store_->Stats();
  for (int i = 0; i < 100; ++i) {
    store_->CommitAsync(PutMutation(Family::kUser, "user" + std::to_string(i), ""), answers_.Next());
  }
  EXPECT_EQ(store_->Stats().commit_queue_length, 100u);
  gate_.Open();
  for (const Code code : answers_.WaitForAll()) EXPECT_EQ(code, Code::kOk);
  EXPECT_EQ(store_->Stats().groups_written, before.groups_written + 1);
  EXPECT_EQ(store_->Stats().segment_syncs, before.segment_syncs + 1);
  EXPECT_EQ(store_->last_lsn(), Lsn(102));
  ExpectSound();
}

// An idle committer takes what it finds at once: handed over one by one, the first of these would be a group alone.
TEST_F(CommitterTest, WhatIsHandedOverTogetherIsOneGroupEvenWhenIdle) {
  Open();
  MustCommit(PutMutation(Family::kUser, "first", ""));  // It makes the segment, with syncs of its own.
  const StoreStats before = store_->Stats();
  std::vector<Store::PendingCommit> commits;
  for (int i = 0; i < 100; ++i) {
    commits.push_back({PutMutation(Family::kUser, "user" + std::to_string(i), ""), answers_.Next()});
  }
  store_->CommitAllAsync(std::move(commits));
  for (const Code code : answers_.WaitForAll()) EXPECT_EQ(code, Code::kOk);
  EXPECT_EQ(store_->Stats().groups_written, before.groups_written + 1);
  EXPECT_EQ(store_->Stats().segment_syncs, before.segment_syncs + 1);
  EXPECT_EQ(store_->last_lsn().value(), before.last_lsn.value() + 100);
  ExpectSound();
}

TEST_F(CommitterTest, OneRefusedOfThoseHandedOverTogetherIsRefusedAlone) {
  Open();
  std::vector<Store::PendingCommit> commits;
  commits.push_back({Expecting(std::nullopt, "first"), answers_.Next()});
  commits.push_back({Expecting(std::nullopt, "second"), answers_.Next()});
  commits.push_back({PutMutation(Family::kLocation, "local", "not to be committed"), answers_.Next()});
  commits.push_back({Expecting("first", "third"), answers_.Next()});
  store_->CommitAllAsync(std::move(commits));
  EXPECT_THAT(answers_.WaitForAll(),
              ::testing::ElementsAre(Code::kOk, Code::kConflict, Code::kInvalidArgument, Code::kOk));
  EXPECT_EQ(Value(Family::kPackage, "a"), "third");
}

TEST_F(CommitterTest, WithinOneGroupOnlyTheFirstOfTwoRivalsWins) {
  HoldCommitter();
  store_->CommitAsync(Expecting(std::nullopt, "first"), answers_.Next());
  std::optional<std::string> seen_by_loser;
  const auto answer_loser = answers_.Next();
  store_->CommitAsync(Expecting(std::nullopt, "second"), [&](Result<CommitInfo> info) {
    seen_by_loser = Value(Family::kPackage, "a");
    answer_loser(std::move(info));
  });
  store_->CommitAsync(Expecting("first", "third"), answers_.Next());
  gate_.Open();
  EXPECT_EQ(answers_.WaitForAll(), (std::vector{Code::kOk, Code::kOk, Code::kOk, Code::kConflict, Code::kOk}));
  EXPECT_EQ(seen_by_loser, "third") << "the whole group is visible when the loser is answered";
  EXPECT_EQ(store_->last_lsn(), Lsn(4));
  ExpectSound();
}

TEST_F(CommitterTest, AGroupSeesTheOneThatNobodyElseSeesYet) {
  HoldStateStage();
  Mutation mutation = PutMutation(Family::kPackage, "a", "");
  mutation.preconditions = {{Family::kSetting, "gate", "held"}};
  CommitIntoJournal(std::move(mutation));
  EXPECT_EQ(Value(Family::kSetting, "gate"), std::nullopt);
  gate_.Open();
  EXPECT_EQ(answers_.WaitForAll(), (std::vector{Code::kOk, Code::kOk}));
  ExpectSound();
}

TEST_F(CommitterTest, AGroupConflictsWithTheOneThatNobodySeesYet) {
  HoldStateStage();
  Mutation mutation = PutMutation(Family::kPackage, "a", "");
  mutation.preconditions = {{Family::kSetting, "gate", std::nullopt}};
  store_->CommitAsync(std::move(mutation), answers_.Next());
  while (store_->Stats().commit_queue_length > 0) std::this_thread::yield();
  gate_.Open();
  EXPECT_EQ(answers_.WaitForAll(), (std::vector{Code::kOk, Code::kConflict}));
  EXPECT_EQ(Value(Family::kPackage, "a"), std::nullopt);
  ExpectSound();
}

TEST_F(CommitterTest, ABlobOfTheGroupThatNobodySeesYetIsNotStoredAgain) {
  const std::string bytes = SeededRandom(1).Bytes(100'000);
  const auto mutation = [&] {
    Mutation with_blob;
    with_blob.blobs = {StageBlob(*store_, bytes)};
    return with_blob;
  };
  options_.observer = &gate_;
  Open();
  HoldStateStage(mutation());
  const uint64_t before = store_->Stats().segment_bytes;
  CommitIntoJournal(mutation());
  EXPECT_LT(store_->Stats().segment_bytes, before + 10'000);
  gate_.Open();
  EXPECT_EQ(answers_.WaitForAll(), (std::vector{Code::kOk, Code::kOk}));
  EXPECT_EQ(*ReadBlob(*store_, Sha512(bytes)), bytes);
  ExpectSound();
}

TEST_F(CommitterTest, EqualBlobsAreStoredOnceWithinAGroupAndLater) {
  HoldCommitter();
  const std::string bytes = SeededRandom(1).Bytes(100'000);
  const uint64_t before = store_->Stats().segment_bytes;
  for (int i = 0; i < 3; ++i) {
    Mutation mutation;
    mutation.blobs = {StageBlob(*store_, bytes)};
    store_->CommitAsync(std::move(mutation), answers_.Next());
  }
  gate_.Open();
  answers_.WaitForAll();
  Mutation later;
  later.blobs = {StageBlob(*store_, bytes)};
  MustCommit(std::move(later));
  EXPECT_LT(store_->Stats().segment_bytes, before + 110'000);
  EXPECT_EQ(*ReadBlob(*store_, Sha512(bytes)), bytes);
  ExpectSound();
}

TEST_F(CommitterTest, AFullQueueRefusesAtOnce) {
  HoldCommitter();
  for (size_t i = 0; i < limits::kCommitQueueMax; ++i) {
    store_->CommitAsync(PutMutation(Family::kUser, "user" + std::to_string(i), ""), answers_.Next());
  }
  EXPECT_EQ(store_->Commit(PutMutation(Family::kUser, "one more", "")).code(), Code::kResourceExhausted);
  gate_.Open();
  for (const Code code : answers_.WaitForAll()) ASSERT_EQ(code, Code::kOk);
  EXPECT_EQ(Value(Family::kUser, "one more"), std::nullopt);
}

TEST_F(CommitterTest, ClosingCommitsWhatWaits) {
  HoldCommitter();
  for (int i = 0; i < 50; ++i) {
    store_->CommitAsync(PutMutation(Family::kUser, "user" + std::to_string(i), ""), answers_.Next());
  }
  std::thread closer([this] { Close(); });
  gate_.Open();
  closer.join();
  for (const Code code : answers_.WaitForAll()) EXPECT_EQ(code, Code::kOk);
  Open();
  EXPECT_EQ(store_->last_lsn(), Lsn(52));
}

TEST_F(CommitterTest, TurnAgeGrowsOnlyWhileATurnIsStuck) {
  HoldCommitter();
  clock_.AdvanceMs(1234);
  EXPECT_EQ(store_->Stats().last_group_age_ms, 1234u);
  gate_.Open();
  answers_.WaitForAll();
  Close();
  Open();
  clock_.AdvanceMs(1000);
  EXPECT_EQ(store_->Stats().last_group_age_ms, 0u);
}

// The journal on a file system that fails when told.
class CommitterFaults : public StoreTest {
 protected:
  void SetUp() override {
    std::string path;
    for (const fs::path& part : fs::path(options_.directory).relative_path()) {
      ASSERT_TRUE(disk_.CreateDirectory(path += "/" + part.string()).ok());
    }
    options_.file_system = &disk_;
    options_.disk_reserve_bytes = limits::kMiB;
    rocks_env_ = rocks_disk_.env();
    disk_.SetCapacity(kCapacity);
    Open();
    CommitUsers(0, 3);
  }
  Code CommitCode(std::string_view key) { return store_->Commit(PutMutation(Family::kUser, key, "")).code(); }

  static constexpr uint64_t kCapacity = 64 * limits::kMiB;
  FaultFileSystem disk_;
  RocksFaultEnv rocks_disk_;
};

TEST_F(CommitterFaults, BelowTheReserveWritesStopReadsGoOnAndWritesResume) {
  disk_.SetCapacity(3 * limits::kMiB);
  EXPECT_EQ(CommitCode("refused"), Code::kOutOfSpace);
  EXPECT_EQ(store_->CanCommit().code(), Code::kOutOfSpace);
  EXPECT_EQ(Value(Family::kUser, "user1"), std::string(100, 'u'));
  EXPECT_EQ(*ReadBlob(*store_, Sha512("blob of user 1")), "blob of user 1");
  auto upload = store_->blobs().NewWriter();
  ASSERT_TRUE(upload.ok());
  Status uploaded;
  const std::string piece(limits::kMiB, 'x');
  for (int i = 0; i < 20 && uploaded.ok(); ++i) uploaded = (*upload)->Append(piece);
  EXPECT_EQ(uploaded.code(), Code::kOutOfSpace) << "a large upload is told as well";

  disk_.SetCapacity(kCapacity);
  clock_.AdvanceMs(limits::kDiskRecheckMs);
  EXPECT_TRUE(store_->CanCommit().ok());
  EXPECT_EQ(CommitCode("accepted"), Code::kOk);
  EXPECT_EQ(store_->last_lsn(), Lsn(4));
  upload->reset();
  ExpectSound();
}

TEST_F(CommitterFaults, AGroupThatFindsTheDiskFullNeverHappened) {
  disk_.FailCallOf(Call::kWriteAt, 0, Code::kOutOfSpace);
  EXPECT_EQ(CommitCode("refused"), Code::kOutOfSpace);
  EXPECT_TRUE(disk_.fault_happened());
  EXPECT_EQ(Value(Family::kUser, "refused"), std::nullopt);
  EXPECT_EQ(CommitCode("accepted"), Code::kOk);
  EXPECT_EQ(store_->last_lsn(), Lsn(4));
  ExpectSound();
  Open();
  EXPECT_EQ(store_->last_lsn(), Lsn(4));
  ExpectSound();
}

TEST_F(CommitterFaults, AFailedSyncMakesTheStoreReadOnlyUntilReopened) {
  disk_.FailCallOf(Call::kSync, 0, Code::kIoError);
  EXPECT_EQ(CommitCode("unknown"), Code::kIoError);
  EXPECT_EQ(store_->CanCommit().code(), Code::kIoError);
  EXPECT_EQ(CommitCode("refused"), Code::kIoError);
  EXPECT_EQ(Value(Family::kUser, "user1"), std::string(100, 'u'));
  Open();
  EXPECT_EQ(Value(Family::kUser, "refused"), std::nullopt);
  EXPECT_EQ(CommitCode("accepted"), Code::kOk);
  ExpectSound();
}

TEST_F(CommitterFaults, WhenRocksFailsTheGroupIsNotAcknowledgedAndNotLost) {
  rocks_disk_.FailLogWrites(Code::kIoError);
  EXPECT_EQ(CommitCode("in the journal"), Code::kIoError);
  EXPECT_EQ(store_->CanCommit().code(), Code::kIoError);
  EXPECT_EQ(CommitCode("refused"), Code::kIoError);
  EXPECT_EQ(Value(Family::kUser, "in the journal"), std::nullopt);
  EXPECT_EQ(Value(Family::kUser, "user1"), std::string(100, 'u'));
  rocks_disk_.FailLogWrites(Code::kOk);
  Open();
  EXPECT_EQ(store_->recovery().records_replayed, 1u);
  EXPECT_EQ(Value(Family::kUser, "in the journal"), "");
  EXPECT_EQ(Value(Family::kUser, "refused"), std::nullopt);
  ExpectSound();
}

TEST_F(CommitterFaults, WhenRocksFindsTheDiskFullTheGroupWaitsAndIsAnsweredInTheEnd) {
  rocks_disk_.FailLogWrites(Code::kOutOfSpace);
  std::atomic<bool> is_answered{false};
  Result<CommitInfo> answer = Unavailable("none yet");
  std::thread caller([&] {
    answer = store_->Commit(PutMutation(Family::kUser, "waits", ""));
    is_answered = true;
  });
  while (store_->CanCommit().ok()) std::this_thread::yield();
  EXPECT_EQ(store_->CanCommit().code(), Code::kOutOfSpace);
  EXPECT_EQ(CommitCode("refused"), Code::kOutOfSpace);
  EXPECT_EQ(Value(Family::kUser, "user1"), std::string(100, 'u'));
  EXPECT_FALSE(is_answered);
  rocks_disk_.FailLogWrites(Code::kOk);
  caller.join();
  EXPECT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(Value(Family::kUser, "waits"), "");
  EXPECT_EQ(CommitCode("accepted"), Code::kOk);
  EXPECT_EQ(store_->last_lsn(), Lsn(5));
  ExpectSound();
}

TEST_F(CommitterFaults, ClosingWhileAGroupWaitsForSpaceLeavesItToTheNextOpen) {
  rocks_disk_.FailLogWrites(Code::kOutOfSpace);
  Code code = Code::kOk;
  std::thread caller([&] { code = CommitCode("in the journal"); });
  while (store_->CanCommit().ok()) std::this_thread::yield();
  Close();
  caller.join();
  EXPECT_EQ(code, Code::kUnavailable);
  rocks_disk_.FailLogWrites(Code::kOk);
  Open();
  EXPECT_EQ(Value(Family::kUser, "in the journal"), "");
  ExpectSound();
}

}  // namespace
}  // namespace tarn::engine
