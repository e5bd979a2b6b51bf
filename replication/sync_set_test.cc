#include "replication/sync_set.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace tarn::replication {
namespace {

// Keeps what was stored, and may refuse.
struct Shelf {
  std::vector<std::vector<std::string>> saved;
  Status refusal;
  Mutex mutex;
  SyncSet::Save Save() {
    return [this](const std::vector<std::string>& members) {
      MutexLock lock(mutex);
      if (refusal.ok()) saved.push_back(members);
      return refusal;
    };
  }
  std::vector<std::string> last() {
    MutexLock lock(mutex);
    return saved.empty() ? std::vector<std::string>{"(never)"} : saved.back();
  }
  void Refuse(Status status) {
    MutexLock lock(mutex);
    refusal = std::move(status);
  }
};

Ack AckOf(const std::string& node, uint64_t lsn, const std::string& error = "") {
  return {node, "", Epoch(1), Lsn(lsn), Lsn(lsn), {}, error};
}

Ack AckOfEpoch(uint32_t epoch, const std::string& node, uint64_t lsn) {
  Ack ack = AckOf(node, lsn);
  ack.epoch = Epoch(epoch);
  return ack;
}

class SyncSetTest : public ::testing::Test {
 protected:
  void Make(AckMode mode, uint64_t wait_ms, std::vector<std::string> members = {}) {
    set_ = std::make_unique<SyncSet>(SyncSet::Options{mode, wait_ms, std::move(members), epoch_}, shelf_.Save(),
                                     &SystemClock());
  }
  void MustNote(const std::string& node, uint64_t lsn, uint64_t journaled) {
    ASSERT_TRUE(set_->Note(AckOf(node, lsn), Lsn(journaled)).ok());
  }
  std::future<Status> StartWait(uint64_t lsn) {
    return std::async(std::launch::async, [this, lsn] { return set_->WaitUntilAcknowledged(Lsn(lsn)); });
  }
  static bool IsDone(std::future<Status>& waiting) {
    return waiting.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready;
  }
  static constexpr uint64_t kLong = 600'000;
  static constexpr uint64_t kShort = 30;

  Epoch epoch_{1};
  Shelf shelf_;
  std::unique_ptr<SyncSet> set_;
};

// Record 7 of an earlier leader may be another one than ours.
TEST_F(SyncSetTest, WhatAMemberHadInAnEarlierEpochAcknowledgesNothing) {
  epoch_ = Epoch(3);
  Make(AckMode::kRemote, kLong, {"west"});
  ASSERT_TRUE(set_->Note(AckOfEpoch(2, "west", 7), Lsn(7)).ok());
  auto waiting = StartWait(7);
  EXPECT_FALSE(IsDone(waiting));
  ASSERT_TRUE(set_->Note(AckOfEpoch(3, "west", 7), Lsn(7)).ok());
  EXPECT_TRUE(waiting.get().ok());
  // Sent before, delivered after.
  ASSERT_TRUE(set_->Note(AckOfEpoch(2, "west", 8), Lsn(8)).ok());
  auto next = StartWait(8);
  EXPECT_FALSE(IsDone(next));
  ASSERT_TRUE(set_->Note(AckOfEpoch(3, "west", 8), Lsn(8)).ok());
  EXPECT_TRUE(next.get().ok());
}

TEST_F(SyncSetTest, NobodyJoinsByWhatItHadInAnEarlierEpoch) {
  epoch_ = Epoch(3);
  Make(AckMode::kRemote, kLong);
  ASSERT_TRUE(set_->Note(AckOfEpoch(2, "west", 7), Lsn(7)).ok());
  ASSERT_TRUE(set_->Tend().ok());
  EXPECT_FALSE(set_->IsInSync("west"));
  ASSERT_TRUE(set_->Note(AckOfEpoch(3, "west", 7), Lsn(7)).ok());
  ASSERT_TRUE(set_->Tend().ok());
  EXPECT_TRUE(set_->IsInSync("west"));
}

TEST_F(SyncSetTest, ALeaderAloneAcknowledges) {
  Make(AckMode::kRemote, kLong);
  EXPECT_TRUE(set_->WaitUntilAcknowledged(Lsn(5)).ok());
}

TEST_F(SyncSetTest, AFollowerFarBehindIsNotWaitedFor) {
  Make(AckMode::kRemote, kLong);
  MustNote("west", 10, 1'000);
  EXPECT_TRUE(set_->WaitUntilAcknowledged(Lsn(1'000)).ok());
  EXPECT_TRUE(set_->Tend().ok());
  EXPECT_TRUE(shelf_.saved.empty());
}

TEST_F(SyncSetTest, AFollowerIsWaitedForBeforeItJoinsTheSet) {
  Make(AckMode::kRemote, kLong);
  ASSERT_TRUE(set_->WaitUntilAcknowledged(Lsn(100)).ok());
  MustNote("west", 99, 100);
  EXPECT_TRUE(set_->Tend().ok());
  EXPECT_TRUE(shelf_.saved.empty());  // It lacks record 100, which was acknowledged.
  auto waiting = StartWait(101);
  EXPECT_FALSE(IsDone(waiting));
  MustNote("west", 101, 101);
  EXPECT_TRUE(waiting.get().ok());
  EXPECT_TRUE(set_->Tend().ok());
  EXPECT_EQ(shelf_.last(), std::vector<std::string>{"west"});
  EXPECT_TRUE(set_->IsInSync("west"));
}

TEST_F(SyncSetTest, AMemberIsTakenOutDurablyBeforeAnythingIsAcknowledgedWithoutIt) {
  Make(AckMode::kRemote, kShort, {"west"});
  shelf_.Refuse(IoError("disk"));
  auto waiting = StartWait(1);
  EXPECT_FALSE(IsDone(waiting));
  EXPECT_FALSE(IsDone(waiting));
  shelf_.Refuse(OkStatus());
  EXPECT_TRUE(waiting.get().ok());
  EXPECT_EQ(shelf_.last(), std::vector<std::string>{});
  EXPECT_FALSE(set_->IsInSync("west"));
  EXPECT_EQ(set_->stats().drops, 1U);
}

TEST_F(SyncSetTest, WhoLeadsNoLongerAcknowledgesNothing) {
  Make(AckMode::kRemote, kShort, {"west"});
  shelf_.Refuse(Conflict("another leader was elected"));
  EXPECT_EQ(set_->WaitUntilAcknowledged(Lsn(1)).code(), Code::kUnavailable);
}

TEST_F(SyncSetTest, AStoredMemberIsWaitedForAfterARestart) {
  Make(AckMode::kRemote, kLong, {"west"});
  auto waiting = StartWait(1);
  EXPECT_FALSE(IsDone(waiting));
  MustNote("west", 1, 1);
  EXPECT_TRUE(waiting.get().ok());
}

TEST_F(SyncSetTest, TheSlowestMemberCounts) {
  Make(AckMode::kRemote, kLong, {"north", "west"});
  auto waiting = StartWait(7);
  MustNote("west", 7, 7);
  EXPECT_FALSE(IsDone(waiting));
  MustNote("north", 7, 7);
  EXPECT_TRUE(waiting.get().ok());
}

TEST_F(SyncSetTest, ABrokenFollowerLeavesTheSetAndDoesNotComeBack) {
  Make(AckMode::kRemote, kShort, {"west"});
  MustNote("west", 5, 5);
  set_->Accuse("west", "its state differs");
  EXPECT_TRUE(set_->WaitUntilAcknowledged(Lsn(5)).ok());
  EXPECT_EQ(shelf_.last(), std::vector<std::string>{});
  MustNote("west", 6, 6);
  EXPECT_TRUE(set_->Tend().ok());
  EXPECT_FALSE(set_->IsInSync("west"));
}

TEST_F(SyncSetTest, ModeLocalWaitsForNobody) {
  Make(AckMode::kLocal, kLong, {"west"});
  EXPECT_TRUE(set_->WaitUntilAcknowledged(Lsn(1'000)).ok());
}

TEST_F(SyncSetTest, StopEndsTheWait) {
  Make(AckMode::kRemote, kLong, {"west"});
  auto waiting = StartWait(1);
  EXPECT_FALSE(IsDone(waiting));
  set_->Stop();
  EXPECT_EQ(waiting.get().code(), Code::kUnavailable);
}

TEST_F(SyncSetTest, FollowersAreBounded) {
  Make(AckMode::kRemote, kLong);
  for (size_t i = 0; i < limits::kReplicasMax; ++i) MustNote("node-" + std::to_string(i), 0, 1'000);
  EXPECT_EQ(set_->Note(AckOf("one-more", 0), Lsn(1'000)).code(), Code::kResourceExhausted);
}

// Members join and are dropped while acknowledgements go on: whoever is in the stored set has everything acknowledged.
TEST_F(SyncSetTest, TheStoredSetNeverLies) {
  std::atomic<uint64_t> west_durable{0};
  std::atomic<uint64_t> acknowledged{0};
  std::atomic<bool> is_member{false};
  std::atomic<int> lies{0};
  const auto save = [&](const std::vector<std::string>& members) {
    is_member.store(!members.empty());
    return OkStatus();
  };
  SyncSet set(SyncSet::Options{AckMode::kRemote, 5, {}, Epoch(1)}, save, &SystemClock());
  std::atomic<bool> is_over{false};
  std::thread tender([&] {
    while (!is_over) (void)set.Tend();
  });
  std::thread follower([&] {
    for (uint64_t turn = 0; !is_over; ++turn) {
      if (turn % 64 == 0) usleep(8'000);  // It sleeps longer than it is waited for.
      const uint64_t durable = acknowledged.load() + 1;
      west_durable.store(durable);
      (void)set.Note(AckOf("west", durable), Lsn(durable));
    }
  });
  uint64_t joins = 0;
  bool was_member = false;
  for (uint64_t lsn = 1; lsn < 3'000 || joins < 5 || set.stats().drops < 5; ++lsn) {
    joins += is_member.load() && !was_member;
    was_member = is_member.load();
    ASSERT_TRUE(set.WaitUntilAcknowledged(Lsn(lsn)).ok());
    acknowledged.store(lsn);
    if (is_member.load() && west_durable.load() < lsn) ++lies;
  }
  is_over = true;
  tender.join();
  follower.join();
  EXPECT_EQ(lies.load(), 0);
}

TEST_F(SyncSetTest, RemembersHowFarAFollowerWasBehindAndWhatWentWrong) {
  Make(AckMode::kRemote, kShort);
  const auto peer = [this] { return set_->stats().peers.at(0); };
  MustNote("west", 5, 5);
  ASSERT_TRUE(set_->Tend().ok());
  set_->NoteBehind("west", 1'000, 20);
  set_->NoteBehind("nobody", 1'000, 20);
  EXPECT_EQ(set_->behind_bytes_of("west"), 1'000U);
  EXPECT_EQ(set_->behind_bytes_of("nobody"), 0U);
  MustNote("west", 5, 6);
  EXPECT_EQ(peer().behind_bytes, 1'000U);
  MustNote("west", 6, 6);
  EXPECT_EQ(peer().behind_bytes, 0U);
  EXPECT_EQ(peer().behind_ms, 0U);
  EXPECT_EQ(peer().last_error, "");
  ASSERT_TRUE(set_->WaitUntilAcknowledged(Lsn(7)).ok());  // Dropped.
  EXPECT_NE(peer().last_error.find("no acknowledgement of LSN 7"), std::string::npos);
  ASSERT_TRUE(set_->Note(AckOf("west", 7, "a hole"), Lsn(7)).ok());
  EXPECT_EQ(peer().error, "a hole");
  MustNote("west", 7, 7);
  EXPECT_EQ(peer().error, "");
  EXPECT_EQ(peer().last_error, "a hole");
}

}  // namespace
}  // namespace tarn::replication
