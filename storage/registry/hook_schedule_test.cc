#include "storage/registry/hook_schedule.h"

#include <gtest/gtest.h>

namespace tarn::registry {
namespace {

class HookScheduleTest : public ::testing::Test {
 protected:
  static HookSchedule::Loaded Hook(const std::string& id, uint64_t position = 0, uint64_t generation = 0) {
    HookSchedule::Loaded loaded;
    loaded.id = id;
    loaded.record.user = "ann";
    loaded.record.generation = generation;
    loaded.raw = Encode(loaded.record);
    loaded.delivery.position_lsn = position;
    return loaded;
  }
  static HookJob Job(const std::string& id, Lsn lsn, size_t events = 1, size_t index = 0, uint64_t generation = 0) {
    HookJob job;
    job.id = id;
    job.hook.generation = generation;
    job.event_index = index;
    auto occasion = std::make_shared<HookOccasion>();
    occasion->lsn = lsn;
    occasion->events.resize(events);
    job.occasion = std::move(occasion);
    return job;
  }
  static HookOutcome Outcome(HookOutcome::Kind kind, uint16_t code = 0) {
    HookOutcome outcome;
    outcome.kind = kind;
    outcome.response_code = code;
    return outcome;
  }
  size_t Due(uint64_t monotonic_ms, uint64_t now_ms = 1) { return schedule_.Due(Lsn(10), now_ms, monotonic_ms).size(); }
  void Try(HookOutcome::Kind kind, uint64_t at_ms) {
    ASSERT_TRUE(schedule_.Begin("a", 0));
    schedule_.Finish(Job("a", Lsn(1)), Outcome(kind, 500), at_ms, at_ms, &random_);
  }

  SeededRandom random_{3};
  HookSchedule schedule_;
};

TEST_F(HookScheduleTest, OneEventAtATimeInOrder) {
  schedule_.Load({Hook("a")});
  EXPECT_EQ(Due(0), 1u);
  ASSERT_TRUE(schedule_.Begin("a", 0));
  EXPECT_FALSE(schedule_.Begin("a", 0));
  EXPECT_EQ(Due(0), 0u);
  schedule_.Finish(Job("a", Lsn(4), 2, 0), Outcome(HookOutcome::Kind::kDelivered, 200), 5, 5, &random_);
  auto due = schedule_.Due(Lsn(10), 1, 1);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].position, Lsn(0));
  EXPECT_EQ(due[0].event_index, 1u);
  ASSERT_TRUE(schedule_.Begin("a", 0));
  schedule_.Finish(Job("a", Lsn(4), 2, 1), Outcome(HookOutcome::Kind::kSkipped), 6, 6, &random_);
  due = schedule_.Due(Lsn(10), 1, 1);
  EXPECT_EQ(due[0].position, Lsn(4));
  EXPECT_EQ(due[0].event_index, 0u);
  schedule_.Skip("a", 0, Lsn(10));
  EXPECT_EQ(Due(0), 0u);
  const auto delivery = schedule_.Delivery("a", 0);
  EXPECT_EQ(delivery->delivered_count, 1u);
  EXPECT_EQ(delivery->response_code, 200);
  EXPECT_EQ(delivery->last_delivery_ms, 5u);
}

TEST_F(HookScheduleTest, WaitsLongerAfterEachFailureUpToABound) {
  schedule_.Load({Hook("a")});
  uint64_t now_ms = 1000;
  uint64_t nominal_ms = limits::kHookRetryMsMin;
  for (int i = 0; i < 40; ++i) {
    Try(HookOutcome::Kind::kRefused, now_ms);
    EXPECT_EQ(Due(now_ms + nominal_ms * 4 / 5 - 1), 0u) << i;
    EXPECT_EQ(Due(now_ms + nominal_ms * 6 / 5), 1u) << i;
    EXPECT_TRUE(schedule_.Due(Lsn(10), 1, now_ms + nominal_ms * 6 / 5)[0].is_troubled);
    now_ms += nominal_ms * 6 / 5;
    nominal_ms = std::min(nominal_ms * 2, limits::kHookRetryMsMax);
  }
  EXPECT_EQ(schedule_.Delivery("a", 0)->failing_since_ms, 1000u);
  EXPECT_EQ(schedule_.Delivery("a", 0)->position_lsn, 0u);
  EXPECT_EQ(schedule_.CountFailing(), 1u);
  Try(HookOutcome::Kind::kDelivered, now_ms);
  EXPECT_EQ(schedule_.Delivery("a", 0)->failing_since_ms, 0u);
  EXPECT_EQ(schedule_.CountFailing(), 0u);
  EXPECT_EQ(Due(now_ms), 1u);
}

TEST_F(HookScheduleTest, NothingIsTriedOnceItIsSuspended) {
  schedule_.Load({Hook("a")});
  Try(HookOutcome::Kind::kRefused, 1000);
  EXPECT_EQ(Due(1'000'000, 1000 + limits::kHookGiveUpMs), 1u);
  EXPECT_EQ(Due(1'000'000, 1001 + limits::kHookGiveUpMs), 0u);
  schedule_.Load({Hook("a", 0, 1)});  // Updated.
  EXPECT_EQ(Due(1'000'000, 1001 + limits::kHookGiveUpMs), 1u);
}

TEST_F(HookScheduleTest, WhatWasBegunBeforeAnUpdateNoLongerCounts) {
  schedule_.Load({Hook("a")});
  ASSERT_TRUE(schedule_.Begin("a", 0));
  schedule_.Load({Hook("a", 2, 1)});
  EXPECT_EQ(Due(0), 0u) << "its outcome is awaited";
  schedule_.Finish(Job("a", Lsn(9)), Outcome(HookOutcome::Kind::kDelivered), 1, 1, &random_);
  EXPECT_EQ(schedule_.Delivery("a", 1)->position_lsn, 2u);
  EXPECT_FALSE(schedule_.Delivery("a", 0).has_value());
  EXPECT_EQ(Due(0), 1u);
  schedule_.Load({});
  EXPECT_TRUE(schedule_.empty());
  schedule_.Finish(Job("a", Lsn(9)), Outcome(HookOutcome::Kind::kDelivered), 1, 1, &random_);
}

TEST_F(HookScheduleTest, CommitsWhatWasSentAndWhatIsFarAlone) {
  schedule_.Load({Hook("a"), Hook("b"), Hook("c")});
  EXPECT_TRUE(schedule_.ToCommit(10).empty());
  schedule_.Skip("b", 0, Lsn(limits::kHookPositionLagMax - 1));
  EXPECT_TRUE(schedule_.ToCommit(10).empty());
  schedule_.Skip("b", 0, Lsn(limits::kHookPositionLagMax));
  Try(HookOutcome::Kind::kRefused, 1);
  const auto hooks = schedule_.ToCommit(10);
  ASSERT_EQ(hooks.size(), 2u);
  EXPECT_EQ(schedule_.ToCommit(1).size(), 1u);
  schedule_.Committed(hooks);
  EXPECT_TRUE(schedule_.ToCommit(10).empty());
  EXPECT_EQ(schedule_.Hindmost(), Lsn(0));
}

TEST_F(HookScheduleTest, WhatOurOwnSideCannotDoIsNoFailureOfTheReceiver) {
  schedule_.Load({Hook("a")});
  Try(HookOutcome::Kind::kNotNow, 1);
  EXPECT_EQ(schedule_.Delivery("a", 0)->failing_since_ms, 0u);
  EXPECT_EQ(Due(limits::kHookLogRetryMs), 0u);
  EXPECT_EQ(Due(1 + limits::kHookLogRetryMs), 1u);
}

}  // namespace
}  // namespace tarn::registry
