#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "replication/frame.h"
#include "replication/peer_client.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/engine/shipping.h"
#include "storage/engine/store.h"

namespace tarn::replication {

// How a follower is, for readiness, metrics and people.
struct FollowerState {
  enum class Phase : uint8_t {
    kConnecting,
    kCatchingUp,
    kLive,      // Has everything its leader had a moment ago.
    kDiverged,  // Its history is another one: the node has to set its tail aside and open again.
    kBroken,    // What it has is not what its leader has. Never ready, never promoted.
  };
  Phase phase = Phase::kConnecting;
  std::string error;           // Empty while all is well.
  std::string wound;           // What is missing or damaged in what was here before; empty when nothing is known of.
  std::string last_error;      // The same of the past.
  uint64_t last_error_ms = 0;  // When, monotonic.
  Lsn durable, applied;
  Lsn leader_journaled, leader_committed;
  engine::VisibleHead leader;  // What it has committed, with its hashes there, as it said last.
  uint64_t behind_bytes = 0;   // Of the journal and its blobs, as the leader said last.
  uint64_t heard_ms = 0;       // Monotonic; 0: never.
  uint64_t behind_ms = 0;      // Age of the leader's oldest record that is not applied here; 0 when there is none.
  bool is_in_sync = false;     // As its leader said last.
  uint64_t reconnects = 0;
  uint64_t blobs_fetched = 0;
  uint64_t bytes_fetched = 0;
};

// A follower's side of replication: takes its leader's journal, fetches the blobs first, acknowledges what is on stable
// storage here, and shows to readers what the leader has committed.
// Threads: any, unless said otherwise.
class Follower final : public engine::CommitShipper {
 public:
  struct Options {
    PeerOptions leader;
    std::string node_id;
    std::string own_url;  // What the leader tells people about us; may be empty.
    Epoch epoch{1};       // The highest that was promised.
    // Promises a higher epoch durably; before anything of it is taken.
    std::function<Status(Epoch)> promise;
    // The history here is another one than the leader's: the node is to close, set its tail aside and open again. On the
    // log thread, which ends.
    std::function<void()> on_diverged;
    // Its state is not the leader's. Any thread; be quick.
    std::function<void()> on_broken;
  };
  Follower(Options options, Clock* clock);
  ~Follower() override;

  // Once the store is open: begins to follow it. The store outlives Stop.
  void Start(engine::Store* store);
  // Ends the threads and all waits. Before the store closes.
  void Stop();

  void Journaled(const engine::JournalHead& head) override;
  Status WaitMayApply(Lsn last) override EXCLUDES(mutex_);
  void Visible(const engine::VisibleHead& head) override EXCLUDES(mutex_);

  // Something that was here is missing or damaged: until it is mended (""), this node says so, is not ready, and never leads.
  void SetWound(const std::string& wound) EXCLUDES(mutex_);
  // OK unless what is here is known not to be what the leader has. Cheap: asked for each request.
  bool is_whole() const { return is_whole_.load(std::memory_order_acquire); }

  FollowerState state() const EXCLUDES(mutex_);
  // OK when this node has everything its leader had a moment ago; otherwise what is missing.
  Status Complete() const EXCLUDES(mutex_);
  // Waits until everything up to `lsn` is visible here. kDeadlineExceeded.
  Status WaitForApplied(Lsn lsn, uint64_t timeout_ms) EXCLUDES(mutex_);
  Epoch promised_epoch() const { return Epoch(epoch_.load()); }

 private:
  class LogSink;
  friend class LogSink;
  void RunLog();
  void RunAcks();
  Status FollowOnce();
  Status Take(Frame frame);
  Status TakeHello(const Hello& hello);
  Status TakeRecords();
  Status TakeCommit(const Commit& commit) EXCLUDES(mutex_);
  Status TakeRefused(const Refused& refused) EXCLUDES(mutex_);
  void TakeHeartbeat(const Heartbeat& heartbeat) EXCLUDES(mutex_);
  Status PromiseAtLeast(Epoch epoch);
  Status WaitForRoom() EXCLUDES(mutex_);
  // The blobs of the waiting records that are not here yet, by several connections at once.
  Status FetchBlobs() EXCLUDES(mutex_);
  void RaiseCommitted(const engine::VisibleHead& head) EXCLUDES(mutex_);
  void CompareState() REQUIRES(mutex_);
  void NoteError(const std::string& why) REQUIRES(mutex_);
  void Fail(FollowerState::Phase phase, const std::string& why) EXCLUDES(mutex_);
  Ack MakeAck() const EXCLUDES(mutex_);
  bool is_stopping() const { return is_stopping_.load(std::memory_order_acquire); }

  const Options options_;
  Clock* const clock_;
  PeerClient log_client_;
  PeerClient ack_client_;
  std::vector<std::unique_ptr<PeerClient>> blob_clients_;
  engine::Store* store_ = nullptr;
  engine::Shipping* shipping_ = nullptr;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_whole_{true};
  std::atomic<uint32_t> epoch_;

  // Of the log thread alone.
  struct Waiting {
    engine::RawRecord record;
    std::vector<engine::BlobInfo> blobs;
    std::vector<std::shared_ptr<engine::StagedBlob>> staged;
    std::set<Digest> collected;
  };
  std::vector<Waiting> waiting_;
  Lsn next_;
  std::map<Lsn, Sha256Digest> handed_over_;  // Chain hashes of the last ones that the store was given.
  bool has_hello_ = false;

  mutable Mutex mutex_;
  CondVar changed_;
  FollowerState state_ GUARDED_BY(mutex_);
  engine::VisibleHead committed_ GUARDED_BY(mutex_);  // What the leader has committed, with its hashes there.
  engine::VisibleHead visible_ GUARDED_BY(mutex_);
  Status stream_failure_ GUARDED_BY(mutex_);  // A record was refused: the stream begins anew.
  uint64_t in_flight_ GUARDED_BY(mutex_) = 0;
  bool was_refused_ GUARDED_BY(mutex_) = false;  // One of those, or of those that were with it.
  uint64_t ack_due_ GUARDED_BY(mutex_) = 0;      // Counts reasons to acknowledge.
  uint64_t behind_since_ms_ GUARDED_BY(mutex_) = 0;

  Thread log_thread_;
  Thread ack_thread_;
};

}  // namespace tarn::replication
