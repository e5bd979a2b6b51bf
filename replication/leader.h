#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "replication/frame.h"
#include "replication/sync_set.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/engine/shipping.h"
#include "storage/engine/store.h"

namespace tarn::replication {

// Where a follower asks to be sent the journal from.
struct FollowRequest {
  std::string node_id;
  Epoch epoch;  // The highest it has promised.
  engine::JournalHead head;
  uint32_t protocol = 0;
  uint32_t log_format = 0;
};

class Leader;

// What one follower is sent, step by step. Pulled by the connection, so a slow follower costs nothing but its position.
// Threads: one at a time; Next reads the journal, so never on a core thread.
class LeaderSession {
 public:
  LeaderSession(Leader* leader, FollowRequest request);
  // Frames, or nothing when there is nothing to say before `wait_until_ms` or news. `is_over`: the last.
  struct Step {
    std::string bytes;
    uint64_t wait_until_ms = 0;
    bool is_over = false;
  };
  Result<Step> Next();

 private:
  std::optional<Refused> Check() const;
  Status AppendRecords(std::string* out);

  Leader* const leader_;
  const FollowRequest request_;
  bool has_greeted_ = false;
  Lsn next_;
  Lsn committed_;  // As it was told.
  uint64_t spoke_ms_ = 0;
};

// A leader's side of replication: decides when a commit may be acknowledged, and serves its followers.
// Threads: any.
class Leader final : public engine::CommitShipper {
 public:
  struct Options {
    std::string node_id;
    Epoch epoch{1};  // In which it leads.
    SyncSet::Options sync;
    SyncSet::Save save;
    bool is_fenced = false;  // From an earlier life.
    // A higher epoch than ours has been promised by somebody: to be remembered. Any thread, possibly again and again.
    std::function<void(Epoch)> on_fenced;
    // Not OK: this node may not acknowledge now (its lease has run out). Asked after the followers have answered.
    std::function<Status()> may_acknowledge;
  };
  Leader(Options options, Clock* clock);
  ~Leader() override;

  // Once the store is open; before that nobody is served.
  void Attach(engine::Store* store);
  // Nothing behind `last` is acknowledged from here on: a node that takes over begins there. After a hand-over that failed
  // the store has to be opened again.
  void FreezeAt(Lsn last) { frozen_at_.store(last.value(), std::memory_order_release); }
  // Somebody leads in a higher epoch.
  void Fence(Epoch epoch);
  // Ends all waits, and every session at its next step. Before the store closes.
  void Stop();

  void Journaled(const engine::JournalHead& head) override;
  Status WaitMayApply(Lsn last) override;
  void Visible(const engine::VisibleHead& head) override;

  // How far a follower is; answers how many bytes of the journal it lacks, as measured last. kFailedPrecondition: it has
  // promised a higher epoch, so this node leads no longer.
  Result<uint64_t> Note(const Ack& ack);

  // Woken when there is something to send; any thread. Ids from AddWaker.
  uint64_t AddWaker(std::function<void()> wake) EXCLUDES(wakers_mutex_);
  void RemoveWaker(uint64_t id) EXCLUDES(wakers_mutex_);

  SyncSet::Stats sync_stats() const { return sync_.stats(); }
  engine::Shipping* shipping() const { return shipping_.load(std::memory_order_acquire); }
  engine::Store* store() const { return store_.load(std::memory_order_acquire); }
  const std::string& node_id() const { return options_.node_id; }
  bool is_stopped() const { return is_stopped_.load(std::memory_order_acquire); }
  // Whether nobody else can lead now: only then is what this node has not heard of not there. Any thread.
  Status MayAnswer() const;
  // A follower has promised a higher epoch.
  bool is_fenced() const { return is_fenced_.load(std::memory_order_acquire); }
  Clock* clock() const { return clock_; }

 private:
  Status MayAcknowledge() const;
  friend class LeaderSession;
  void WakeAll() EXCLUDES(wakers_mutex_);
  void Run();
  void CheckState(const Ack& ack);
  // How much each follower lacks, now and then: whoever asks is not to wait for the disk.
  void Measure() EXCLUDES(measure_mutex_);
  void MeasureOne(const PeerState& peer);

  const Options options_;
  Clock* const clock_;
  SyncSet sync_;
  std::atomic<engine::Store*> store_{nullptr};
  std::atomic<engine::Shipping*> shipping_{nullptr};
  std::atomic<bool> is_stopped_{false};
  std::atomic<bool> is_fenced_{false};
  std::atomic<uint64_t> frozen_at_{UINT64_MAX};
  std::atomic<bool> is_window_full_{false};  // Some session waits for an acknowledgement before it sends more.

  Mutex wakers_mutex_;
  uint64_t next_waker_ GUARDED_BY(wakers_mutex_) = 1;
  std::map<uint64_t, std::function<void()>> wakers_ GUARDED_BY(wakers_mutex_);

  Mutex measure_mutex_;  // Held while the store is read; Stop waits for that.
  Mutex tend_mutex_;
  CondVar tend_changed_;
  bool is_ending_ GUARDED_BY(tend_mutex_) = false;
  Thread tender_;  // Last: it uses everything above.
};

}  // namespace tarn::replication
