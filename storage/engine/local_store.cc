#include "storage/engine/local_store.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "storage/base/logging.h"
#include "storage/engine/prepare.h"

namespace tarn::engine {
namespace {

constexpr uint64_t kCopyPauseMs = 60'000;  // Without a request for so long, nobody is copying any more.

Status ReadOnly() { return FailedPrecondition("the store was opened for reading only"); }

}  // namespace

void LocalStore::Start(const AppliedState& applied) {
  auto state = std::make_shared<PublishedState>();
  state->snapshot = rocks_->NewSnapshot();
  state->applied = applied;
  publication_.Set(std::move(state));
  blobs_ = std::make_unique<LocalBlobStore>(*rocks_, segments_.get());
  log_ = std::make_unique<JournalReader>(*rocks_, segments_.get());
  tail_ = std::make_unique<JournalTail>(JournalHead{applied.lsn, applied.epoch, applied.chain_hash});
  if (options_.mode == StoreOptions::Mode::kReadOnly) return;
  if (recovery_.records_replayed > 0 && options_.observer == nullptr) {
    Log(LogLevel::kWarning, "records were re-applied without an observer: derived families are behind",
        {{"records", recovery_.records_replayed}});
  }
  CommitterParts parts;
  parts.rocks = rocks_.get();
  parts.segments = segments_.get();
  parts.disk = disk_.get();
  parts.publication = &publication_;
  parts.clock = options_.clock;
  parts.observer = options_.observer;
  parts.tail = tail_.get();
  parts.shipper = options_.shipper;
  parts.role = options_.role;
  parts.epoch = options_.epoch;
  parts.apply_before_write = options_.planted_faults.apply_before_write;
  committer_ = std::make_unique<Committer>(parts);
}

LocalStore::~LocalStore() = default;

void LocalStore::CommitAsync(Mutation mutation, CommitCallback done) {
  if (committer_ == nullptr) return done(ReadOnly());
  Result<PreparedMutation> prepared = Prepare(std::move(mutation));
  if (!prepared.ok()) return done(std::move(prepared).status());
  committer_->Submit(*std::move(prepared), std::move(done));
}

void LocalStore::CommitAllAsync(std::vector<PendingCommit> commits) {
  std::vector<Committer::Prepared> all;
  all.reserve(commits.size());
  for (PendingCommit& commit : commits) {
    if (committer_ == nullptr) {
      commit.done(ReadOnly());
      continue;
    }
    Result<PreparedMutation> prepared = Prepare(std::move(commit.mutation));
    if (!prepared.ok()) {
      commit.done(std::move(prepared).status());
      continue;
    }
    all.push_back({*std::move(prepared), std::move(commit.done)});
  }
  if (!all.empty()) committer_->SubmitAll(std::move(all));
}

Result<CommitInfo> LocalStore::Commit(Mutation mutation) {
  Mutex mutex;
  CondVar answered;
  std::optional<Result<CommitInfo>> answer;
  CommitAsync(std::move(mutation), [&](Result<CommitInfo> result) {
    MutexLock lock(mutex);
    answer = std::move(result);
    answered.NotifyOne();  // Under the lock: once it is released, all three are gone.
  });
  MutexLock lock(mutex);
  while (!answer.has_value()) answered.Wait(mutex);
  return *std::move(answer);
}

VisibleHead LocalStore::visible() const {
  const AppliedState applied = publication_.Get()->applied;
  return {applied.lsn, applied.epoch, applied.chain_hash, applied.state_hash.words()};
}

// The tail first: what it has forgotten, the index knows already.
Result<RawRecord> LocalStore::ReadRaw(Lsn lsn) {
  if (std::optional<RawRecord> record = tail_->Find(lsn)) return *std::move(record);
  return log_->ReadRaw(lsn);
}

// In the segments everything stands in the order in which it came, so places give the bytes between. What RocksDB does not
// know yet is counted in memory.
Result<uint64_t> LocalStore::BytesBehind(Lsn lsn) {
  const Lsn head = tail_->head().lsn;
  if (lsn > head) return NotFound("no log record " + std::to_string(lsn.value()));
  if (lsn == head) return 0;
  if (const std::optional<uint64_t> bytes = tail_->BytesBehind(lsn)) return *bytes;
  SegmentPosition from;
  if (lsn != Lsn()) {
    ASSIGN_OR_RETURN(from, log_->PositionOf(lsn));
  }
  uint64_t bytes = 0;
  for (const SegmentListing& segment : segments_->List()) {
    if (segment.id > from.segment) bytes += segment.size_bytes;
    if (segment.id == from.segment) bytes += segment.size_bytes - std::min(segment.size_bytes, from.offset_bytes);
  }
  return bytes;
}

Result<BlobReader> LocalStore::OpenBlob(const Digest& digest) {
  if (const std::optional<Location> location = tail_->FindBlob(digest)) return segments_->Open(*location);
  return blobs_->Open(digest);
}

void LocalStore::Follow(RawRecord record, std::vector<std::shared_ptr<StagedBlob>> blobs, std::set<Digest> collected,
                        FollowCallback done) {
  Result<PreparedMutation> prepared = PrepareFollowed(std::move(record), std::move(blobs));
  if (!prepared.ok()) return done(std::move(prepared).status());
  prepared->collected = std::move(collected);
  committer_->Submit(*std::move(prepared), [done = std::move(done)](Result<CommitInfo> info) {
    done(info.ok() ? OkStatus() : std::move(info).status());
  });
}

void LocalStore::NoteCopy() const { copied_ms_.store(options_.clock->MonotonicMs() + 1, std::memory_order_relaxed); }

Status LocalStore::MaySweep() const {
  if (committer_ == nullptr) return ReadOnly();
  const uint64_t copied_ms = copied_ms_.load(std::memory_order_relaxed);
  if (copied_ms != 0 && options_.clock->MonotonicMs() + 1 - copied_ms < kCopyPauseMs) {
    return Unavailable("another node is copying the segments; try again when it has them");
  }
  // RocksDB without room for a group is no reason: what that group brought is staged until it is visible.
  const Status reason = committer_->gate_reason();
  return reason.code() == Code::kOutOfSpace ? OkStatus() : reason;
}

Result<std::unique_ptr<ReadView>> LocalStore::NewReadView() {
  return std::unique_ptr<ReadView>(std::make_unique<RocksReadView>(*rocks_, publication_.Get()));
}

Status LocalStore::CanCommit() const {
  if (committer_ == nullptr) return ReadOnly();
  if (options_.role == NodeRole::kFollower) return Unavailable("this node follows another one, which takes the writes");
  return committer_->CanCommit();
}

void LocalStore::SetObserver(CommitObserver* observer) {
  if (committer_ != nullptr) committer_->SetObserver(observer);
}

StoreStats LocalStore::Stats() const {
  const AppliedState applied = publication_.Get()->applied;
  const SegmentStore::Stats segments = segments_->GetStats();
  StoreStats stats;
  stats.last_lsn = applied.lsn;
  stats.epoch = applied.epoch;
  stats.chain_hash = applied.chain_hash;
  stats.state_hash = applied.state_hash.words();
  stats.segment_count = segments.segment_count;
  stats.segment_bytes = segments.segment_bytes;
  stats.groups_written = segments.groups_written;
  stats.segment_syncs = segments.syncs;
  stats.upload_budget_used_bytes = segments.upload_budget_used_bytes;
  stats.disk_free_bytes = disk_->free_bytes();
  if (committer_ != nullptr) {
    stats.commit_queue_length = committer_->queue_length();
    stats.last_group_age_ms = committer_->turn_age_ms();
  }
  return stats;
}

}  // namespace tarn::engine
