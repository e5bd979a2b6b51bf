#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "storage/engine/committer.h"
#include "storage/engine/directory_lock.h"
#include "storage/engine/disk_watch.h"
#include "storage/engine/journal_tail.h"
#include "storage/engine/local_blob_store.h"
#include "storage/engine/log_reader.h"
#include "storage/engine/mend.h"
#include "storage/engine/read_view.h"
#include "storage/engine/rocks.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/shipping.h"
#include "storage/engine/store.h"

namespace tarn::engine {

// What a data directory holds. FORMAT.md, "Directory".
struct StorePaths {
  explicit StorePaths(const std::string& root)
      : directory(root),
        lock(root + "/LOCK"),
        ballast(root + "/ballast"),
        segments(root + "/segments"),
        database(root + "/db") {}
  const std::string directory, lock, ballast, segments, database;
};

// The Store of this machine: journal and blobs in segments, state in RocksDB. Open is in store.cc.
class LocalStore final : public Store, private Shipping {
 public:
  // As Store::Open, which calls it. `rocks_env` is RocksDB's door to the machine, nullptr for the usual one.
  static Result<std::unique_ptr<LocalStore>> Open(const StoreOptions& options, rocksdb::Env* rocks_env);
  explicit LocalStore(const StoreOptions& options) : options_(options) {}
  ~LocalStore() override;

  Result<CommitInfo> Commit(Mutation mutation) override;
  void CommitAsync(Mutation mutation, CommitCallback done) override;
  void CommitAllAsync(std::vector<PendingCommit> commits) override;
  Result<std::unique_ptr<ReadView>> NewReadView() override;
  BlobStore& blobs() override { return *blobs_; }
  LogReader& log() override { return *log_; }
  Lsn last_lsn() const override { return publication_.Get()->applied.lsn; }
  Status CanCommit() const override;
  StoreStats Stats() const override;
  const RecoveryReport& recovery() const override { return recovery_; }
  void SetObserver(CommitObserver* observer) override;
  Shipping* shipping() override { return committer_ == nullptr ? nullptr : this; }

  // For Verify, which looks beneath.
  const Rocks& rocks() const { return *rocks_; }
  SegmentStore& segments() { return *segments_; }
  const Publication& publication() const { return publication_; }
  // For sweeping. Not OK: the journal and what was applied may differ until the store is opened again, or another node is
  // copying the segments.
  Status MaySweep() const;
  Status CheckRoom(uint64_t bytes) const { return disk_->CheckRoom(bytes); }

 private:
  JournalHead journaled() const override { return tail_->head(); }
  VisibleHead visible() const override;
  Result<RawRecord> ReadRaw(Lsn lsn) override;
  Result<uint64_t> BytesBehind(Lsn lsn) override;
  Result<BlobReader> OpenBlob(const Digest& digest) override;
  void Follow(RawRecord record, std::vector<std::shared_ptr<StagedBlob>> blobs, std::set<Digest> collected,
              FollowCallback done) override;
  Status CheckPlaces() override { return engine::CheckPlaces(*rocks_, *segments_, last_lsn()); }
  Status MendBlob(const Digest& digest, const std::function<Status(const BlobPieceSink&)>& fetch) override {
    return blobs_->Mend(digest, fetch);
  }
  std::vector<SegmentListing> ListSegments() const override {
    NoteCopy();
    return segments_->List();
  }
  Result<std::shared_ptr<const File>> OpenSegment(SegmentId id) override {
    NoteCopy();
    return segments_->OpenFile(id);
  }
  void NoteCopy() const;

  // Publishes the recovered state and, unless read-only, starts the committer.
  void Start(const AppliedState& applied);

  const StoreOptions options_;
  RecoveryReport recovery_;
  mutable std::atomic<uint64_t> copied_ms_{0};  // When somebody last read whole segments; 0: nobody.
  // In the order they depend on each other; destroyed backwards.
  std::shared_ptr<DirectoryLock> lock_;
  std::unique_ptr<DiskWatch> disk_;
  std::unique_ptr<SegmentStore> segments_;
  std::unique_ptr<Rocks> rocks_;
  std::unique_ptr<LocalBlobStore> blobs_;
  std::unique_ptr<JournalReader> log_;
  Publication publication_;
  std::unique_ptr<JournalTail> tail_;
  std::unique_ptr<Committer> committer_;  // None when read-only.
};

}  // namespace tarn::engine
