#include "storage/engine/commit_queue.h"

#include <gtest/gtest.h>

#include "storage/base/limits.h"

namespace tarn::engine {
namespace {

QueuedMutation Of(uint64_t held_bytes, uint64_t group_bytes) {
  QueuedMutation queued;
  queued.held_bytes = held_bytes;
  queued.group_bytes = group_bytes;
  return queued;
}

TEST(CommitQueue, IsFullAtTheLimitAndNotBefore) {
  CommitQueue queue;
  for (size_t i = 0; i < limits::kCommitQueueMax; ++i) ASSERT_TRUE(queue.Push(Of(1, 1)).ok());
  EXPECT_EQ(queue.Push(Of(1, 1)).code(), Code::kResourceExhausted);
  EXPECT_EQ(queue.TakeGroup().size(), limits::kGroupRecordsMax);
  EXPECT_TRUE(queue.Push(Of(1, 1)).ok());
  EXPECT_EQ(queue.length(), limits::kCommitQueueMax - limits::kGroupRecordsMax + 1);
}

TEST(CommitQueue, IsFullByBytesButAlwaysTakesOne) {
  CommitQueue queue;
  EXPECT_TRUE(queue.Push(Of(limits::kCommitQueueBytesMax + 1, 1)).ok());
  EXPECT_EQ(queue.Push(Of(1, 1)).code(), Code::kResourceExhausted);
  EXPECT_EQ(queue.TakeGroup().size(), 1u);
  EXPECT_TRUE(queue.Push(Of(limits::kCommitQueueBytesMax, 1)).ok());
  EXPECT_EQ(queue.Push(Of(1, 1)).code(), Code::kResourceExhausted);
  EXPECT_EQ(queue.TakeAll().size(), 1u);
  EXPECT_TRUE(queue.Push(Of(1, 1)).ok());
}

TEST(CommitQueue, GroupsEndBeforeTheyGrowTooLarge) {
  CommitQueue queue;
  ASSERT_TRUE(queue.Push(Of(1, limits::kGroupBytesMax + 1)).ok());
  ASSERT_TRUE(queue.Push(Of(1, limits::kGroupBytesMax - 1)).ok());
  ASSERT_TRUE(queue.Push(Of(1, 1)).ok());
  ASSERT_TRUE(queue.Push(Of(1, 1)).ok());
  EXPECT_EQ(queue.TakeGroup().size(), 1u) << "one may exceed the limit alone";
  EXPECT_EQ(queue.TakeGroup().size(), 2u);
  EXPECT_EQ(queue.TakeGroup().size(), 1u);
}

TEST(CommitQueue, TakesAllOfSeveralOrNone) {
  CommitQueue queue;
  std::vector<QueuedMutation> several(limits::kCommitQueueMax);
  ASSERT_TRUE(queue.Push(Of(1, 1)).ok());
  EXPECT_EQ(queue.PushAll(std::move(several)).code(), Code::kResourceExhausted);
  EXPECT_EQ(several.size(), limits::kCommitQueueMax) << "left alone, so that they can be answered";
  EXPECT_EQ(queue.length(), 1u);
  several.pop_back();
  EXPECT_TRUE(queue.PushAll(std::move(several)).ok());
  EXPECT_EQ(queue.length(), limits::kCommitQueueMax);
  queue.Stop();
  std::vector<QueuedMutation> late(1);
  EXPECT_EQ(queue.PushAll(std::move(late)).code(), Code::kUnavailable);
}

TEST(CommitQueue, StoppedItTakesNothingAndGivesWhatItHas) {
  CommitQueue queue;
  ASSERT_TRUE(queue.Push(Of(1, 1)).ok());
  EXPECT_FALSE(queue.WaitForStop(0));
  queue.Stop();
  EXPECT_TRUE(queue.WaitForStop(1'000'000));
  EXPECT_EQ(queue.Push(Of(1, 1)).code(), Code::kUnavailable);
  EXPECT_EQ(queue.TakeGroup().size(), 1u);
  EXPECT_TRUE(queue.TakeGroup().empty());
}

}  // namespace
}  // namespace tarn::engine
