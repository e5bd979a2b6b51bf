#include "storage/testing/mem_store.h"

#include <algorithm>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/engine/prepare.h"
#include "storage/engine/record_codec.h"
#include "storage/engine/state_update.h"

namespace tarn {
namespace {

using engine::AppliedState;
using engine::BlobInfo;
using engine::Change;
using engine::CommitInfo;
using engine::Family;
using engine::LogRecord;

constexpr size_t kEntriesPerRead = 64;

class MemFile final : public File {
 public:
  explicit MemFile(std::string bytes) : bytes_(std::move(bytes)) {}

  Status WriteAt(uint64_t, std::span<const iovec>) override { return FailedPrecondition("a stored blob"); }
  Status ReadAt(uint64_t offset, size_t size, std::string* out) const override {
    out->assign(offset < bytes_.size() ? std::string_view(bytes_).substr(offset, size) : std::string_view());
    return OkStatus();
  }
  Status Sync() override { return OkStatus(); }
  Status Truncate(uint64_t) override { return FailedPrecondition("a stored blob"); }
  Result<uint64_t> Size() const override { return uint64_t{bytes_.size()}; }
  int descriptor() const override { return -1; }

 private:
  const std::string bytes_;
};

class MemStagedBlob final : public engine::StagedBlob {
 public:
  MemStagedBlob(const BlobInfo& info, std::string bytes)
      : info_(info), file_(std::make_shared<MemFile>(std::move(bytes))) {}
  const BlobInfo& info() const override { return info_; }
  const std::shared_ptr<const File>& file() const { return file_; }

 private:
  const BlobInfo info_;
  const std::shared_ptr<const File> file_;  // Shared with the store once committed.
};

class MemBlobWriter final : public engine::BlobWriter {
 public:
  Status Append(std::string_view bytes) override {
    hasher_.Update(bytes);
    bytes_ += bytes;
    return OkStatus();
  }
  Result<std::unique_ptr<engine::StagedBlob>> Finish() override {
    const BlobHasher::Digests digests = hasher_.Finish();
    const BlobInfo info{digests.sha512, digests.sha1, bytes_.size()};
    return std::unique_ptr<engine::StagedBlob>(std::make_unique<MemStagedBlob>(info, std::move(bytes_)));
  }

 private:
  BlobHasher hasher_;
  std::string bytes_;
};

}  // namespace

class MemStore::View final : public engine::ReadView {
 public:
  View(const MemStore& store, Lsn lsn) : store_(store), lsn_(lsn) {}
  Lsn lsn() const override { return lsn_; }
  Result<std::optional<std::string>> Get(Family family, std::string_view key) const override {
    return store_.GetAt(lsn_, family, key);
  }
  // In pieces, so that `visit` runs without the store's lock and may read.
  Status Scan(Family family, std::string_view lower, std::string_view upper, const Visitor& visit) const override {
    std::string from(lower);
    for (;;) {
      const auto entries = store_.EntriesAt(lsn_, family, from, upper);
      for (const auto& [key, value] : entries) {
        if (!visit(key, value)) return OkStatus();
      }
      if (entries.size() < kEntriesPerRead) return OkStatus();
      from = entries.back().first + '\0';
    }
  }

 private:
  const MemStore& store_;
  const Lsn lsn_;
};

class MemStore::Blobs final : public engine::BlobStore {
 public:
  explicit Blobs(MemStore* store) : store_(*store) {}
  Result<std::unique_ptr<engine::BlobWriter>> NewWriter() override {
    return std::unique_ptr<engine::BlobWriter>(std::make_unique<MemBlobWriter>());
  }
  Result<engine::BlobReader> Open(const Digest& digest) override {
    MutexLock lock(store_.mutex_);
    const auto found = store_.blobs_.find(digest);
    if (found == store_.blobs_.end()) return NotFound("no blob " + HexEncode(digest.view()));
    if (found->second.is_damaged) return Corruption("blob " + HexEncode(digest.view()) + " is damaged");
    return engine::BlobReader{found->second.file, 0, found->second.info};
  }
  Status Verify(const Digest& digest, Depth) override { return Open(digest).status(); }

 private:
  MemStore& store_;
};

class MemStore::Log final : public engine::LogReader {
 public:
  explicit Log(MemStore* store) : store_(*store) {}
  Result<LogRecord> Read(Lsn lsn) override {
    MutexLock lock(store_.mutex_);
    if (lsn == Lsn() || lsn.value() > store_.records_.size()) {
      return NotFound("no log record " + std::to_string(lsn.value()));
    }
    return store_.records_[lsn.value() - 1];
  }

 private:
  MemStore& store_;
};

MemStore::MemStore(Clock* clock, engine::CommitObserver* observer)
    : clock_(clock == nullptr ? &SystemClock() : clock),
      blobs_door_(std::make_unique<Blobs>(this)),
      log_door_(std::make_unique<Log>(this)),
      observer_(observer) {}
MemStore::~MemStore() = default;

void MemStore::RefuseCommits(Status reason) {
  MutexLock lock(mutex_);
  refusal_ = std::move(reason);
}

void MemStore::DamageBlob(const Digest& digest) {
  MutexLock lock(mutex_);
  blobs_.at(digest).is_damaged = true;
}

Result<CommitInfo> MemStore::Commit(engine::Mutation mutation) {
  ASSIGN_OR_RETURN(engine::PreparedMutation prepared, engine::Prepare(std::move(mutation)));
  MutexLock commit_lock(commit_mutex_);
  AppliedState before;
  {
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return refusal_;
    before = applied_;
  }
  const View base(*this, before.lsn);
  engine::StateUpdate update(base, before);
  ASSIGN_OR_RETURN(const bool holds, update.Holds(prepared.preconditions));
  if (!holds) return Conflict("the state this change was computed from is no longer current");

  LogRecord record = std::move(prepared.record);
  record.lsn = before.lsn.Next();
  record.epoch = before.epoch;
  record.time_ms = clock_->NowMs();
  record.previous_chain_hash = before.chain_hash;
  record.chain_hash = engine::ChainHash(before.chain_hash, record.lsn, record.epoch, record.time_ms, prepared.payload);
  RETURN_IF_ERROR(update.Add(std::move(record)));

  const LogRecord& added = update.records().front();
  const auto derived = engine::DeriveAll(observer_, base, update.records());
  {
    MutexLock lock(mutex_);
    for (const std::shared_ptr<engine::StagedBlob>& blob : prepared.blobs) {
      const auto& staged = dynamic_cast<const MemStagedBlob&>(*blob);
      blobs_.try_emplace(staged.info().sha512, Blob{staged.info(), staged.file()});
    }
    for (const Change& change : added.changes) Set(added.lsn, change);
    for (const std::vector<Change>& changes : derived) {
      for (const Change& change : changes) Set(added.lsn, change);
    }
    records_.push_back(added);
    applied_ = update.applied();
  }
  if (observer_ != nullptr) observer_->Applied(added);
  return CommitInfo{added.lsn, added.epoch, added.time_ms};
}

void MemStore::CommitAsync(engine::Mutation mutation, CommitCallback done) { done(Commit(std::move(mutation))); }

void MemStore::Set(Lsn lsn, const Change& change) {
  histories_[{change.family, change.key}].emplace_back(lsn, change.value);
}

const std::optional<std::string>& MemStore::ValueAt(const History& history, Lsn lsn) {
  static const std::optional<std::string> kAbsent;
  const auto later = std::upper_bound(history.begin(), history.end(), lsn,
                                      [](Lsn bound, const auto& entry) { return bound < entry.first; });
  return later == history.begin() ? kAbsent : std::prev(later)->second;
}

Result<std::optional<std::string>> MemStore::GetAt(Lsn lsn, Family family, std::string_view key) const {
  MutexLock lock(mutex_);
  const auto found = histories_.find({family, std::string(key)});
  if (found == histories_.end()) return std::optional<std::string>();
  return ValueAt(found->second, lsn);
}

std::vector<std::pair<std::string, std::string>> MemStore::EntriesAt(Lsn lsn, Family family, std::string_view lower,
                                                                     std::string_view upper) const {
  MutexLock lock(mutex_);
  std::vector<std::pair<std::string, std::string>> entries;
  for (auto at = histories_.lower_bound({family, std::string(lower)}); at != histories_.end(); ++at) {
    const auto& [key, history] = *at;
    if (key.first != family || (!upper.empty() && key.second >= upper)) break;
    const std::optional<std::string>& value = ValueAt(history, lsn);
    if (!value.has_value()) continue;
    entries.emplace_back(key.second, *value);
    if (entries.size() == kEntriesPerRead) break;
  }
  return entries;
}

Result<std::unique_ptr<engine::ReadView>> MemStore::NewReadView() {
  MutexLock lock(mutex_);
  return std::unique_ptr<engine::ReadView>(std::make_unique<View>(*this, applied_.lsn));
}

engine::BlobStore& MemStore::blobs() { return *blobs_door_; }
engine::LogReader& MemStore::log() { return *log_door_; }

Lsn MemStore::last_lsn() const {
  MutexLock lock(mutex_);
  return applied_.lsn;
}

Status MemStore::CanCommit() const {
  MutexLock lock(mutex_);
  return refusal_;
}

engine::StoreStats MemStore::Stats() const {
  MutexLock lock(mutex_);
  engine::StoreStats stats;
  stats.last_lsn = applied_.lsn;
  stats.epoch = applied_.epoch;
  stats.chain_hash = applied_.chain_hash;
  stats.state_hash = applied_.state_hash.words();
  stats.groups_written = records_.size();
  return stats;
}

void MemStore::SetObserver(engine::CommitObserver* observer) {
  MutexLock lock(commit_mutex_);
  observer_ = observer;
}

}  // namespace tarn
