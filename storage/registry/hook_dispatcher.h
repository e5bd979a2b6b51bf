#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/hook_limits.h"
#include "storage/base/mutex.h"
#include "storage/base/node_state.h"
#include "storage/base/random.h"
#include "storage/registry/hook_journal.h"
#include "storage/registry/hook_schedule.h"
#include "storage/registry/hook_sender.h"
#include "storage/registry/hooks.h"

namespace tarn::registry {

// Delivers webhooks: follows the journal, behind every commit and never in its way. One thread reads, some others send.
//
// What holds (contract 12.5, docs/hooks.md): in the order of the journal for each hook; at least once, an event that comes
// again has the same id; at most limits::kHookDeliveriesConcurrentMax at a time, and of those few for receivers that are
// slow or fail, so that they wait for each other and not the others for them. Only on the leader.
// Threads: any.
class HookDispatcher {
 public:
  struct Options {
    bool allow_private_addresses = false;
    uint64_t poll_ms = limits::kHookPollMs;
    uint64_t flush_ms = limits::kHookFlushMs;
    uint64_t retry_ms_min = limits::kHookRetryMsMin;
  };
  struct Stats {
    uint64_t hooks = 0;
    uint64_t failing = 0;
    uint64_t delivered = 0;
    uint64_t refused = 0;  // Attempts that failed.
    uint64_t lag_lsn = 0;  // Of the hook that is furthest behind.
  };

  // All outlive it.
  HookDispatcher(engine::Store* store, Registry* registry, Hooks* hooks, const NodeState* node, const Options& options,
                 Clock* clock, Random* random);
  ~HookDispatcher() { Stop(); }
  HookDispatcher(const HookDispatcher&) = delete;
  HookDispatcher& operator=(const HookDispatcher&) = delete;

  // `base_url` is that of the packuments in the events. Once.
  void Start(std::string base_url);
  // Breaks off what is being sent, and commits where each hook is. May be called again.
  void Stop() EXCLUDES(mutex_);

  Stats stats() const EXCLUDES(mutex_);
  // See Hooks::SetLiveDelivery.
  std::optional<HookDeliveryRecord> Delivery(const std::string& id, uint64_t generation) const EXCLUDES(mutex_);

 private:
  // Of the reading thread. True: there is more to do at once.
  void Read() EXCLUDES(mutex_);
  // What another leader moves on: whoever becomes leader again begins with what is committed.
  void Forget() EXCLUDES(mutex_);
  bool ReadJournal() EXCLUDES(mutex_);
  Status LoadHooks() EXCLUDES(mutex_);
  bool GiveOut() EXCLUDES(mutex_);
  bool Look(const HookSchedule::Turn& turn) EXCLUDES(mutex_);
  void RemoveOrphans() EXCLUDES(mutex_);
  void Flush() EXCLUDES(mutex_);

  // Of the sending threads.
  void SendAll(HookSender* sender) EXCLUDES(mutex_);
  std::optional<HookJob> TakeJob() REQUIRES(mutex_);
  void Finish(const HookJob& job, const HookOutcome& outcome) EXCLUDES(mutex_);

  engine::Store* const store_;
  Registry* const registry_;
  Hooks* const hooks_;
  const NodeState* const node_;
  const Options options_;
  Clock* const clock_;
  Random* const random_;

  HookJournal journal_;  // Of the reading thread.
  bool hooks_changed_ = true;
  uint64_t flushed_ms_ = 0;
  bool flush_failed_ = false;

  mutable Mutex mutex_;
  CondVar reader_wake_;
  CondVar sender_wake_;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  bool has_news_ GUARDED_BY(mutex_) = false;  // Something finished: the reader has work.
  HookSchedule schedule_ GUARDED_BY(mutex_);
  std::deque<HookJob> jobs_ GUARDED_BY(mutex_);  // At most one for each hook.
  struct Sending {
    size_t all = 0;
    size_t troubled = 0;
  };
  Sending sending_ GUARDED_BY(mutex_);
  std::map<std::string, Sending> sending_by_user_ GUARDED_BY(mutex_);
  std::vector<std::string> orphans_ GUARDED_BY(mutex_);  // Hooks of accounts that are gone.
  uint64_t delivered_ GUARDED_BY(mutex_) = 0;
  uint64_t refused_ GUARDED_BY(mutex_) = 0;

  std::vector<std::unique_ptr<HookSender>> senders_;
  std::vector<std::thread> threads_;  // Last: they use everything above.
};

}  // namespace tarn::registry
