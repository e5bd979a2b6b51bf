#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/engine/local_values.h"
#include "storage/engine/store.h"

namespace tarn {

// An engine::Store in memory: same answers, same hashes, no thread, no disk. Commits run in the calling thread, so a
// single-threaded test is deterministic. What both stores must have in common is in store_conformance_test.cc.
// Blobs are in memory; BlobReader::file has no descriptor. Old values are kept for ever, for views.
// Threads: any.
class MemStore final : public engine::Store {
 public:
  // `clock` outlives it; nullptr: the machine's.
  explicit MemStore(Clock* clock = nullptr, engine::CommitObserver* observer = nullptr);
  ~MemStore() override;

  // Until changed back by OK, commits and CanCommit are answered with this.
  void RefuseCommits(Status reason) EXCLUDES(commit_mutex_, mutex_);
  // The blob is damaged from now on: kCorruption from Open and Verify.
  void DamageBlob(const Digest& digest) EXCLUDES(mutex_);

  Result<engine::CommitInfo> Commit(engine::Mutation mutation) override EXCLUDES(commit_mutex_, mutex_);
  void CommitAsync(engine::Mutation mutation, CommitCallback done) override;
  Result<std::unique_ptr<engine::ReadView>> NewReadView() override EXCLUDES(mutex_);
  engine::BlobStore& blobs() override;
  engine::LogReader& log() override;
  Lsn last_lsn() const override EXCLUDES(mutex_);
  Status CanCommit() const override EXCLUDES(mutex_);
  engine::StoreStats Stats() const override EXCLUDES(mutex_);
  const engine::RecoveryReport& recovery() const override { return recovery_; }
  void SetObserver(engine::CommitObserver* observer) override EXCLUDES(commit_mutex_);

 private:
  class View;
  class Blobs;
  class Log;
  struct Blob {
    engine::BlobInfo info;
    std::shared_ptr<const File> file;
    bool is_damaged = false;
  };
  // Every value a key has had, with the LSN that set it. Ascending.
  using History = std::vector<std::pair<Lsn, std::optional<std::string>>>;
  using FamilyKey = std::pair<engine::Family, std::string>;

  static const std::optional<std::string>& ValueAt(const History& history, Lsn lsn);
  Result<std::optional<std::string>> GetAt(Lsn lsn, engine::Family family, std::string_view key) const EXCLUDES(mutex_);
  // Up to a few live entries from `lower`; where to go on is the last key and one 0x00.
  std::vector<std::pair<std::string, std::string>> EntriesAt(Lsn lsn, engine::Family family, std::string_view lower,
                                                             std::string_view upper) const EXCLUDES(mutex_);
  void Set(Lsn lsn, const engine::Change& change) REQUIRES(mutex_);

  Clock* const clock_;
  const engine::RecoveryReport recovery_;
  const std::unique_ptr<Blobs> blobs_door_;
  const std::unique_ptr<Log> log_door_;

  Mutex commit_mutex_;  // Held for a whole commit, callbacks of the observer included. Before mutex_.
  engine::CommitObserver* observer_ GUARDED_BY(commit_mutex_);

  mutable Mutex mutex_;
  std::map<FamilyKey, History> histories_ GUARDED_BY(mutex_);
  std::map<Digest, Blob> blobs_ GUARDED_BY(mutex_);
  std::vector<engine::LogRecord> records_ GUARDED_BY(mutex_);
  engine::AppliedState applied_ GUARDED_BY(mutex_);
  Status refusal_ GUARDED_BY(mutex_);
};

}  // namespace tarn
