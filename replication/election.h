#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "replication/coordination.h"
#include "storage/base/clock.h"
#include "storage/base/ids.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"

namespace tarn::replication {

// The node whose role is being decided.
// Threads: called by Election::Step, one at a time; may block for as long as a switch takes.
class RoleControl {
 public:
  virtual ~RoleControl() = default;
  // Whole, and healthy enough to lead: no hole, no missing blob, no mismatch. Asked before every campaign.
  [[nodiscard]] virtual Status MayLead() = 0;
  // Writes the first record of this epoch and takes writes from then on. Not OK: the leadership is given back.
  [[nodiscard]] virtual Status BecomeLeader(const Leadership& leadership) = 0;
  // Acknowledges nothing any more, from before it returns.
  virtual void StepDown(const std::string& why) = 0;
  // Somebody else leads, or nobody for now. Called when that changes.
  virtual void Follow(const std::optional<Member>& leader, Epoch epoch) = 0;
};

// Decides the role of one node, by turns that Step takes: campaigns when nobody leads, renews its lease while it leads, and
// steps down when it may not lead any more.
//
// Safety does not rest on the lease: a write is acknowledged when every member of the in-sync set has it, and only
// members are elected. The lease is what makes a failover happen by itself, and what bounds how long a cut-off leader
// that has nobody else in its set goes on; for that, a leader counts its lease from before it asked for the renewal, and
// stops kLeaseMarginMs before its end.
// Threads: Step and Resign by one; the rest by any.
class Election {
 public:
  struct Options {
    Member self;
    uint64_t lease_ms = 5'000;  // What the coordination grants.
    // This node may be the first leader of a cluster that has none yet: the one that holds the data.
    Coordination::Founding founding = Coordination::Founding::kNo;
  };
  static constexpr uint64_t kLeaseMarginMs = 1'500;
  static constexpr uint64_t kRenewMs = 1'000;  // Between two renewals: two may fail before the margin is reached.
  static constexpr uint64_t kPollMs = 500;     // Between two looks of a node that does not lead.

  // All outlive it.
  Election(Options options, Coordination* coordination, RoleControl* control, Clock* clock);

  // One turn: at most a few requests to the coordination, then whatever follows from them. Returns how long to wait
  // until the next one.
  uint64_t Step();
  // An orderly end: steps down, and gives the leadership back so that others need not wait.
  void Resign(const std::string& why);

  // The in-sync set of a leader, changed before anything is acknowledged that rests on the change. kFailedPrecondition
  // when this node does not lead; otherwise as Coordination::SetInSync, also about what may have happened after an error.
  [[nodiscard]] Status SetInSync(const std::vector<std::string>& in_sync);

  // May an acknowledgement leave this node now? Cheap: asked for each.
  bool MayAcknowledge() const;

  struct State {
    bool is_leader = false;
    Epoch epoch;
    std::optional<Member> leader;
    uint64_t lease_left_ms = 0;  // Until this leader stops acknowledging.
    std::string last_error;      // Empty: the last turn went well.
  };
  State state() const EXCLUDES(mutex_);

 private:
  struct Told {
    std::optional<Member> leader;
    Epoch epoch;
    bool operator==(const Told&) const = default;
  };

  void Lead(const Leadership& leadership);
  bool Extend(uint64_t asked_ms);
  void Look();
  bool Founds(const ClusterView& view) const;
  bool MayStand(const ClusterView& view);
  void Campaign(const ClusterView& view);
  void Tell(const std::optional<Member>& leader, Epoch epoch);
  void StepDown(const std::string& why);
  std::optional<Leadership> held() const EXCLUDES(mutex_);
  void Note(const Status& status) EXCLUDES(mutex_);

  const Options options_;
  Coordination* const coordination_;
  RoleControl* const control_;
  Clock* const clock_;

  std::optional<Told> told_;                       // Step's thread alone.
  std::atomic<uint64_t> acknowledge_until_ms_{0};  // Of the monotonic clock; 0: not at all.
  mutable Mutex mutex_;  // Never held while the coordination or the control is asked: both may take their time.
  std::optional<Leadership> leadership_ GUARDED_BY(mutex_);
  State state_ GUARDED_BY(mutex_);
};

}  // namespace tarn::replication
