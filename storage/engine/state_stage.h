#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "storage/base/mutex.h"
#include "storage/engine/commit_gate.h"
#include "storage/engine/commit_group.h"
#include "storage/engine/commit_queue.h"
#include "storage/engine/disk_watch.h"
#include "storage/engine/journal_tail.h"
#include "storage/engine/read_view.h"
#include "storage/engine/rocks.h"
#include "storage/engine/store.h"

namespace tarn::engine {

// The second half of the committer, on a thread of its own so that one group's RocksDB sync overlaps with the next one's
// journal sync. For each group, in order: waits until it may be seen, derives, writes one batch, publishes a snapshot, tells the
// observer and the shipper, answers.
class StateStage {
 public:
  struct Parts {
    Rocks* rocks = nullptr;
    DiskWatch* disk = nullptr;
    Publication* publication = nullptr;
    CommitGate* gate = nullptr;
    CommitQueue* queue = nullptr;  // To answer those who wait while there is no space.
    JournalTail* tail = nullptr;
    CommitShipper* shipper = nullptr;  // May be none.
  };
  // All parts outlive it.
  StateStage(const Parts& parts, CommitObserver* observer);
  // Finishes what was handed over.
  ~StateStage();
  StateStage(const StateStage&) = delete;
  StateStage& operator=(const StateStage&) = delete;

  // Waits until the group before is finished, so that at most one is in flight. The stage keeps the group until every
  // reader sees it. Threads: one.
  void HandOver(std::shared_ptr<CommitGroup> group);
  void SetObserver(CommitObserver* observer) { observer_.store(observer); }
  // When the group being finished was begun; 0 while idle.
  uint64_t group_begin_ms() const { return group_begin_ms_.load(std::memory_order_relaxed); }

 private:
  void Run();
  void FinishGroup(CommitGroup* group);
  Status WaitMayApply(Lsn last);
  Status Write(const CommitGroup& group, CommitObserver* observer);
  Status WriteBatch(RocksBatch* batch);
  void Publish(const AppliedState& applied);

  const Parts parts_;
  std::atomic<CommitObserver*> observer_;
  std::atomic<uint64_t> group_begin_ms_{0};

  Status failure_;  // Sticky: a group that is in the journal but not in the state must not be skipped by a later one.

  Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<CommitGroup> group_ GUARDED_BY(mutex_);  // Being finished.
  bool is_closing_ GUARDED_BY(mutex_) = false;

  Thread thread_;  // Last: it uses everything above.
};

}  // namespace tarn::engine
