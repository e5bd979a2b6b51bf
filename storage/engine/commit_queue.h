#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/engine/prepare.h"
#include "storage/engine/store.h"

namespace tarn::engine {

// A mutation on its way to the committer, and who waits for it.
struct QueuedMutation {
  PreparedMutation mutation;
  Store::CommitCallback done;
  uint64_t held_bytes = 0;   // What it occupies in memory while it waits, without its blobs (they have a budget).
  uint64_t group_bytes = 0;  // What it adds to a group on disk.
};

// Callers push, the committer takes groups. Bounded by limits::kCommitQueueMax and kCommitQueueBytesMax.
// Threads: Push and Stop any, TakeGroup one.
class CommitQueue {
 public:
  // kResourceExhausted: full (one mutation is always accepted). kUnavailable: stopped. `queued` is left alone then.
  Status Push(QueuedMutation&& queued);
  // All of them or, for the same reasons, none; `queued` is left alone then. They become visible to TakeGroup together.
  Status PushAll(std::vector<QueuedMutation>&& queued);
  // All that waits, up to limits::kGroupRecordsMax and kGroupBytesMax, at least one; blocks while there is nothing.
  // Empty once the queue is stopped and drained.
  std::vector<QueuedMutation> TakeGroup();
  // The same without blocking, whatever the size of the group.
  std::vector<QueuedMutation> TakeAll();
  // No further Push; what waits is still taken.
  void Stop();
  // Returns when the queue is stopped or the time is over; true if it is stopped.
  bool WaitForStop(uint64_t timeout_ms);
  bool stopped() const;
  size_t length() const;

 private:
  Status CheckRoom(size_t count, uint64_t held_bytes) const REQUIRES(mutex_);

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<QueuedMutation> queue_ GUARDED_BY(mutex_);
  uint64_t held_bytes_ GUARDED_BY(mutex_) = 0;
  bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace tarn::engine
