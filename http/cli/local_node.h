#pragma once

#include <atomic>
#include <utility>

#include "storage/base/mutex.h"
#include "storage/base/node_state.h"
#include "storage/engine/store.h"

namespace tarn::cli {

// The state of a node without peers: always the leader of its own journal.
// Threads: any.
class LocalNode final : public NodeState {
 public:
  explicit LocalNode(const engine::Store& store) : store_(store) {}

  NodeRole role() const override { return NodeRole::kLeader; }
  Epoch epoch() const override { return store_.Stats().epoch; }
  Lsn applied_lsn() const override { return store_.last_lsn(); }
  Status CanWrite() const override;
  Status Ready() const override;

  void SetDraining() { draining_.store(true, std::memory_order_release); }
  // What the watchdog says: not OK while something is stalled.
  void SetStall(Status stall) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    stall_ = std::move(stall);
  }

 private:
  const engine::Store& store_;
  std::atomic<bool> draining_{false};
  mutable Mutex mutex_;
  Status stall_ GUARDED_BY(mutex_);
};

}  // namespace tarn::cli
