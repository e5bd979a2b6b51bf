#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "replication/follower.h"
#include "replication/peer_client.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/engine/shipping.h"
#include "storage/engine/store.h"

namespace tarn::replication {

// Looks through what a follower has, and mends it from its leader: a replica that looks complete and is not is the worst one.
//   at the start, before anybody is served: every record and blob has its place in a segment that is there
//   then, and once a day: every record by its checksum and chain hash, every blob by its block checksums, at a measured pace
// A damaged blob is fetched by its digest and written again where it stands. Anything else (a hole in the journal, a segment
// that is gone, a state that is not the leader's) is mended by a fresh copy, made while this node says that it is broken; then
// the node opens its store again, and what was there before is removed when the new one has everything.
// Threads: any, unless said otherwise.
class FollowerCheck {
 public:
  struct Options {
    PeerOptions leader;
    std::string directory;
    std::function<void()> reopen;  // Close the store and open it again. Any thread.
  };
  // All outlive it.
  FollowerCheck(Options options, Follower* follower, Clock* clock);
  ~FollowerCheck();

  // Once the store is open and before the follower starts. The store outlives Stop.
  void Start(engine::Store* store);
  void Stop() EXCLUDES(mutex_);
  // The follower's state is not its leader's.
  void NoteBroken() EXCLUDES(mutex_);

  struct State {
    Lsn checked;          // How far the round that is under way has come, or the last one came.
    uint64_t rounds = 0;  // Finished without a finding that was not mended.
    uint64_t blobs_mended = 0;
  };
  State state() const EXCLUDES(mutex_);

 private:
  void Run();
  // Until the follower has everything: what an earlier copy has replaced is not wanted any more.
  void RemoveReplacedOnceLive();
  Status CheckAll();
  Status CheckRecord(Lsn lsn, Sha256Digest* chain_hash, uint64_t* bytes_read);
  Status CheckBlob(const engine::BlobInfo& info, uint64_t* bytes_read);
  Result<bool> IsWanted(const engine::BlobInfo& info) const;
  bool WillBeCollected(const engine::BlobInfo& info);
  // kNotFound: there is no place here to write it to.
  Status MendBlob(const engine::BlobInfo& info);
  // A fresh copy, tried until it is there, then the store is opened again.
  void ReplaceStore(const std::string& why);
  // False: it is time to end, or the follower is broken.
  bool Pause(uint64_t ms) EXCLUDES(mutex_);
  bool is_stopping() const { return is_stopping_.load(std::memory_order_acquire); }

  const Options options_;
  Follower* const follower_;
  Clock* const clock_;
  PeerClient blob_client_;
  engine::Store* store_ = nullptr;
  std::string first_finding_;  // Of the look at the start. The thread's alone once that runs.
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_broken_{false};

  mutable Mutex mutex_;
  CondVar changed_;
  State state_ GUARDED_BY(mutex_);
  Thread thread_;
};

}  // namespace tarn::replication
