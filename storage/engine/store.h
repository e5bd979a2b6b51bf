#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/file_system.h"
#include "storage/base/ids.h"
#include "storage/base/limits.h"
#include "storage/base/node_state.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/column_families.h"
#include "storage/engine/log.h"

namespace tarn::engine {

class CommitShipper;  // shipping.h
class DirectoryLock;
class Shipping;

// A consistent state of the store at one LSN. Short-lived: it pins old data.
// Threads: one at a time. Values are payloads (frames checked and removed). May block on disk.
class ReadView {
 public:
  virtual ~ReadView() = default;
  virtual Lsn lsn() const = 0;
  // nullopt when there is no such key. kCorruption names family and key.
  [[nodiscard]] virtual Result<std::optional<std::string>> Get(Family family, std::string_view key) const = 0;
  // Keys in [lower, upper) in byte order (an empty upper means "to the end") until `visit` returns false. The views
  // passed to `visit` are valid until it returns.
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;
  [[nodiscard]] virtual Status Scan(Family family, std::string_view lower, std::string_view upper,
                                    const Visitor& visit) const = 0;
  // All keys that begin with `prefix`.
  [[nodiscard]] Status ScanPrefix(Family family, std::string_view prefix, const Visitor& visit) const;
};

// "The value under this key is the one I computed from": exact bytes, or absent. Replicated families only.
struct Precondition {
  Family family;
  std::string key;
  std::optional<std::string> expected;
};

// One change of the store, whole or not at all.
//   changes   of replicated families only; at most limits::kChangesPerRecordMax, keys at most limits::kKeyBytesMax
//             and distinct.
//   blobs     what the changes refer to and the store may not have yet. For each the engine adds the `blob` entry to
//             the changes, and stores equal bytes once. Shared with the caller, who keeps a reference to try again
//             with after kConflict; the engine takes the bytes only when every precondition holds.
struct Mutation {
  Event event;
  std::vector<Precondition> preconditions;
  std::vector<Change> changes;
  std::vector<std::shared_ptr<StagedBlob>> blobs;
};

struct CommitInfo {
  Lsn lsn;
  Epoch epoch;
  uint64_t time_ms = 0;
};

// Follows what is committed, on leader and follower alike. Called by the committer thread only: be quick, do not block.
// At open, Derive is called for the records that recovery re-applies; Applied is not, for nobody has read anything yet.
class CommitObserver {
 public:
  virtual ~CommitObserver() = default;
  // Before the record is applied: appends changes of derived families that belong to it (same write batch).
  virtual void Derive(const LogRecord& record, const ReadView& before, std::vector<Change>* derived) = 0;
  // After it is visible to readers and before the caller of Commit is answered: the place to drop caches.
  virtual void Applied(const LogRecord& record) = 0;
};

struct StoreOptions {
  std::string directory;  // Made if absent (its parent must exist). Locked while open.
  // The caller's own lock of the directory, which spans several openings of it; none: taken at open.
  std::shared_ptr<DirectoryLock> lock;
  FileSystem* file_system = nullptr;  // For segments; nullptr: the machine's.
  Clock* clock = nullptr;             // nullptr: the machine's.
  Random* random = nullptr;           // nullptr: the machine's.
  // Outlives the store. May be set later, before the first commit; but what recovery re-applies is derived only through
  // the one given here, and a rebuild re-applies everything.
  CommitObserver* observer = nullptr;
  // A follower's store takes records through Shipping::Follow alone, and Commit answers kUnavailable.
  NodeRole role = NodeRole::kLeader;
  Epoch epoch{1};                    // Of a leader: what it commits has this epoch, or that of the journal if higher.
  CommitShipper* shipper = nullptr;  // Outlives the store.
  uint64_t segment_bytes_max = limits::kSegmentBytesMax;
  uint64_t upload_budget_bytes = limits::kUploadBudgetBytes;
  uint64_t disk_reserve_bytes = limits::kDiskReserveBytes;
  uint64_t ballast_bytes = limits::kBallastBytes;
  uint64_t block_cache_bytes = 256 * limits::kMiB;
  // Open for reading only (verify, offline inspection): nothing on disk changes. kFailedPrecondition from Commit.
  enum class Mode : uint8_t { kReadWrite, kReadOnly } mode = Mode::kReadWrite;
  // Test switches that break a promise on purpose; a test fails if it does not notice.
  struct PlantedFaults {
    bool skip_segment_sync = false;
    bool skip_directory_sync = false;
    bool apply_before_write = false;
  } planted_faults;
};

// What recovery found at open; logged by `serve`, printed by `verify`.
struct RecoveryReport {
  uint64_t records_replayed = 0;      // In the journal, not yet in RocksDB.
  uint64_t bytes_truncated = 0;       // Of a torn last group, never acknowledged.
  uint64_t orphan_solos_removed = 0;  // Solo segments that no record refers to.
  bool state_rebuilt = false;         // RocksDB was missing or damaged and was made anew from the journal.
};

struct StoreStats {
  Lsn last_lsn;
  Epoch epoch;
  Sha256Digest chain_hash;
  std::array<uint64_t, 2> state_hash{};  // Little-endian words of the 128-bit sum.
  uint64_t segment_count = 0;
  uint64_t segment_bytes = 0;
  uint64_t groups_written = 0;
  uint64_t segment_syncs = 0;
  uint64_t commit_queue_length = 0;
  uint64_t upload_budget_used_bytes = 0;
  uint64_t disk_free_bytes = 0;
  uint64_t last_group_age_ms = 0;  // Since the committer last finished a turn; grows only when it is stuck.
};

// Makes the directory if absent and locks it, for one who opens its store more than once and lets nobody in between.
// kFailedPrecondition: another process has it.
Result<std::shared_ptr<DirectoryLock>> LockDirectory(const std::string& directory);

// The journal, the blobs and the state: one directory, one process.
//
// Files (FORMAT.md): LOCK, ballast, segments/*.seg, db/ (RocksDB). RocksDB may be lost: it is rebuilt from the segments.
// An acknowledged commit is on stable storage, blobs included, and survives kill -9 and power loss.
// After a failed sync of a segment the store refuses all further commits (kIoError) until it is opened again.
// Ownership: outlives its views, writers and staged blobs; BlobReaders may outlive it.
// Threads: any, unless said otherwise.
class Store {
 public:
  // Recovers: accepts complete groups after the last applied one, truncates the rest, re-applies what RocksDB lacks.
  // kFailedPrecondition: another process has the directory, or it is of a newer format. kCorruption: acknowledged data
  // is damaged (named); nothing is changed.
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options);
  // Waits for queued commits, then closes.
  virtual ~Store() = default;

  // One commit, durable when it returns: blobs and record are synced, the state is visible to every reader.
  // Blocks the calling thread for about one fdatasync: never on a core thread.
  //   kConflict            a precondition did not hold; the state it lost against is visible by then, so recompute.
  //   kOutOfSpace          the disk is below its reserve; reads go on, and commits resume by themselves.
  //   kResourceExhausted   the queue is full (limits::kCommitQueueMax).
  //   kUnavailable         closing. kIoError: the store is read-only until reopened.
  //   kInvalidArgument     over a limit, or a family that is not replicated.
  [[nodiscard]] virtual Result<CommitInfo> Commit(Mutation mutation) = 0;
  // The same without blocking; `done` is called once: on the committer thread, so be quick, or before this returns when
  // the mutation is refused at once. Checks, encodes and compresses in the calling thread.
  using CommitCallback = std::function<void(Result<CommitInfo>)>;
  virtual void CommitAsync(Mutation mutation, CommitCallback done) = 0;
  // CommitAsync of each, handed over in one piece: an idle committer would begin a group, and a sync, with the first alone.
  // Each is still a commit of its own, and answered as such.
  struct PendingCommit {
    Mutation mutation;
    CommitCallback done;
  };
  virtual void CommitAllAsync(std::vector<PendingCommit> commits) {
    for (PendingCommit& commit : commits) CommitAsync(std::move(commit.mutation), std::move(commit.done));
  }

  [[nodiscard]] virtual Result<std::unique_ptr<ReadView>> NewReadView() = 0;
  virtual BlobStore& blobs() = 0;
  virtual LogReader& log() = 0;
  virtual Lsn last_lsn() const = 0;
  // OK, or why commits are refused just now (kOutOfSpace, kIoError, kUnavailable). Cheap.
  virtual Status CanCommit() const = 0;
  virtual StoreStats Stats() const = 0;
  virtual const RecoveryReport& recovery() const = 0;
  virtual void SetObserver(CommitObserver* observer) = 0;
  // nullptr: this one cannot be replicated (a store in memory, or one opened for reading only).
  virtual Shipping* shipping() { return nullptr; }
};

// Every finding of a verification, in words, and what was read.
struct VerifyReport {
  std::vector<std::string> findings;  // At most limits-many; `finding_count` is exact.
  uint64_t finding_count = 0;
  uint64_t segments = 0;
  uint64_t records = 0;
  uint64_t blobs = 0;
  uint64_t bytes_read = 0;
  Lsn last_lsn;
};

// Re-reads everything: each record and block checksum, with kDigest each SHA-512; the hash chain from the first record;
// that replaying the journal gives exactly the state in RocksDB (state hash and entry by entry); that each blob entry
// has bytes and each location points at them. Domain references (a version's blob exists) are the registry's part.
// Needs the store opened (read-only is enough).
Result<VerifyReport> Verify(Store& store, BlobStore::Depth depth);

}  // namespace tarn::engine
