#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "replication/frame.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/replication_limits.h"
#include "storage/base/result.h"

namespace tarn::replication {

// What a leader acknowledges rests on.
//   local   durable here
//   remote  durable, blobs and all, on every follower of the in-sync set too; a member that does not answer in time is
//           first taken out of the set durably, and only then is anything acknowledged without it
enum class AckMode : uint8_t { kLocal, kRemote };

// One follower as its leader sees it.
struct PeerState {
  enum class Standing : uint8_t {
    kCatchingUp,  // Acknowledgements do not wait for it.
    kWaitedFor,   // They do; but it is not in the set yet, for it may lack some that went before.
    kInSync,      // In the set: it has everything that was acknowledged.
  };
  std::string node_id;
  std::string url;
  Standing standing = Standing::kCatchingUp;
  Lsn durable;
  Epoch epoch;  // The highest that it had promised when it said how far it is.
  Lsn applied;
  std::array<uint64_t, 2> state_hash{};  // At `applied`.
  uint64_t heard_ms = 0;                 // Of the monotonic clock.
  uint64_t behind_bytes = 0;             // As measured last, now and then; 0 when nothing is missing there.
  uint64_t behind_ms = 0;                // Age of the oldest record that it has not got, likewise.
  std::string error;                     // Why it says it is not complete; or what it is accused of.
  std::string last_error;                // The same of the past: what it said last, or why it left the set.
  uint64_t last_error_ms = 0;            // When, monotonic.
  Lsn waited_since;                      // kWaitedFor: in the set once it has this one.
  bool is_broken = false;                // Its state is not ours at an equal LSN.
};

// The followers of a leader: how far each is, which of them acknowledgements wait for, and the set that is kept durably.
//
// A follower that has caught up is waited for first, and joins the set when it has everything that was acknowledged before.
// It leaves the set before anything is acknowledged without it. So at every moment each member of the stored set has every
// write that a client was told is safe, and one that is not a member may lack some.
// Threads: any.
class SyncSet {
 public:
  struct Options {
    AckMode mode = AckMode::kRemote;
    uint64_t ack_wait_ms = limits::kAckWaitMsDefault;
    std::vector<std::string> members;  // As stored.
    Epoch epoch;                       // In which this node leads: who has not promised it has none of its records.
  };
  // Stores the set: on stable storage, or where a majority agrees, when it returns OK. kConflict and kFailedPrecondition:
  // this node leads no longer. After any other error it is asked again.
  using Save = std::function<Status(const std::vector<std::string>& members)>;
  SyncSet(Options options, Save save, Clock* clock);

  // A follower has said how far it is. `journaled` is how far this node's journal is.
  // kResourceExhausted: too many followers.
  Status Note(const Ack& ack, Lsn journaled) EXCLUDES(mutex_);
  // How much of the journal it has not got. Nothing, when it has since caught up.
  void NoteBehind(const std::string& node_id, uint64_t bytes, uint64_t age_ms) EXCLUDES(mutex_);
  // It is not what it should be: acknowledgements go on without it once the set says so.
  void Accuse(const std::string& node_id, const std::string& why) EXCLUDES(mutex_);
  // Returns when the records up to `lsn` may be acknowledged. kUnavailable: stopped, or this node leads no longer.
  Status WaitUntilAcknowledged(Lsn lsn) EXCLUDES(mutex_);
  // One turn of upkeep: those that have caught up join the set. Call it now and then, from one thread.
  Status Tend() EXCLUDES(mutex_);
  void Stop() EXCLUDES(mutex_);

  struct Stats {
    std::vector<PeerState> peers;
    std::vector<std::string> members;
    uint64_t waits = 0;
    uint64_t wait_ms_total = 0;
    uint64_t wait_ms_max = 0;
    uint64_t drops = 0;  // Members that were taken out because they did not answer.
  };
  Stats stats() const EXCLUDES(mutex_);
  bool IsInSync(const std::string& node_id) const EXCLUDES(mutex_);
  uint64_t behind_bytes_of(const std::string& node_id) const EXCLUDES(mutex_);
  Lsn durable_of(const std::string& node_id) const EXCLUDES(mutex_);

 private:
  using Standing = PeerState::Standing;
  bool IsWaitedFor(const PeerState& peer) const { return peer.standing != Standing::kCatchingUp; }
  // What it has of an earlier epoch may be what this node never had.
  bool HasPromised(const PeerState& peer) const { return peer.epoch >= options_.epoch; }
  void Remember(PeerState* peer, const std::string& error) REQUIRES(mutex_);
  std::vector<std::string> Lagging(Lsn lsn) const REQUIRES(mutex_);
  Status DropLagging(Lsn lsn) EXCLUDES(mutex_);
  std::vector<std::string> Members() const REQUIRES(mutex_);

  const Options options_;
  const Save save_;
  Clock* const clock_;
  Mutex save_mutex_;  // Who changes the set holds it from before the look to after the change. Before mutex_.
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, PeerState> peers_ GUARDED_BY(mutex_);
  Lsn acknowledged_ GUARDED_BY(mutex_);
  Status stopped_ GUARDED_BY(mutex_);
  Stats stats_ GUARDED_BY(mutex_);
};

}  // namespace tarn::replication
