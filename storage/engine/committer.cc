#include "storage/engine/committer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/collect_limits.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/engine/record_codec.h"

namespace tarn::engine {
namespace {

uint64_t SharedBytes(const BlobInfo& info) {
  return info.size_bytes <= limits::kSharedBlobBytesMax ? info.size_bytes : 0;  // Larger ones are on disk already.
}

QueuedMutation Measure(PreparedMutation mutation, Store::CommitCallback done) {
  QueuedMutation queued{std::move(mutation), std::move(done)};
  queued.held_bytes = queued.mutation.payload.size();
  for (const Change& change : queued.mutation.record.changes) {
    queued.held_bytes += change.key.size() + (change.value ? change.value->size() : 0);
  }
  queued.group_bytes = queued.mutation.payload.size();
  for (const BlobInfo& info : queued.mutation.record.blobs) queued.group_bytes += SharedBytes(info);
  return queued;
}

}  // namespace

Committer::Committer(const CommitterParts& parts)
    : parts_(parts),
      state_stage_({parts.rocks, parts.disk, parts.publication, &gate_, &queue_, parts.tail, parts.shipper},
                   parts.observer),
      head_(parts.publication->Get()->applied) {
  thread_ = Thread([this] { Run(); });
}

Committer::~Committer() {
  queue_.Stop();
  thread_.join();
}

void Committer::Submit(PreparedMutation mutation, Store::CommitCallback done) {
  if (Status status = CanCommit(); !status.ok()) return done(std::move(status));
  QueuedMutation queued = Measure(std::move(mutation), std::move(done));
  if (Status status = queue_.Push(std::move(queued)); !status.ok()) queued.done(std::move(status));
}

void Committer::SubmitAll(std::vector<Prepared> all) {
  std::vector<QueuedMutation> queued;
  queued.reserve(all.size());
  for (Prepared& one : all) queued.push_back(Measure(std::move(one.mutation), std::move(one.done)));
  Status status = CanCommit();
  if (status.ok()) status = queue_.PushAll(std::move(queued));
  if (status.ok()) return;
  for (QueuedMutation& refused : queued) refused.done(status);
}

Status Committer::CanCommit() const {
  RETURN_IF_ERROR(gate_.reason());
  if (queue_.stopped()) return Unavailable("the store is closing");
  return parts_.disk->LastKnown();
}

uint64_t Committer::turn_age_ms() const {
  uint64_t begin_ms = state_stage_.group_begin_ms();
  if (begin_ms == 0) begin_ms = group_begin_ms_.load(std::memory_order_relaxed);
  return begin_ms == 0 ? 0 : parts_.clock->MonotonicMs() - begin_ms;
}

void Committer::Run() {
  pthread_setname_np(pthread_self(), "commit-journal");
  for (;;) {
    std::vector<QueuedMutation> taken = queue_.TakeGroup();
    if (taken.empty()) return;
    const uint64_t begin_ms = std::max<uint64_t>(parts_.clock->MonotonicMs(), 1);
    group_begin_ms_.store(begin_ms, std::memory_order_relaxed);
    std::shared_ptr<CommitGroup> group = FormGroup(std::move(taken), begin_ms);
    if (group->outcome.ok() && !group->admitted.empty()) {
      group->outcome = WriteJournal(group.get());
      if (group->outcome.ok()) in_flight_ = group;
    }
    state_stage_.HandOver(std::move(group));
    group_begin_ms_.store(0, std::memory_order_relaxed);
  }
}

std::shared_ptr<CommitGroup> Committer::FormGroup(std::vector<QueuedMutation> taken, uint64_t begin_ms) {
  // In this order: once the group is no longer held by the state stage, the publication includes it. When it is still
  // held but published already, its changes are laid over themselves, which is harmless.
  const std::shared_ptr<const CommitGroup> in_flight = in_flight_.lock();
  auto group = std::make_shared<CommitGroup>(*parts_.rocks, parts_.publication->Get(), in_flight.get(), head_);
  group->begin_ms = begin_ms;
  group->outcome = gate_.reason();
  if (group->outcome.ok()) group->outcome = CheckRoom(taken);
  const uint64_t time_ms = parts_.clock->NowMs();
  for (QueuedMutation& queued : taken) {
    Status status = group->outcome;
    if (status.ok()) status = Admit(&queued, time_ms, in_flight.get(), group.get());
    if (!status.ok()) group->refused.emplace_back(std::move(queued), std::move(status));
  }
  return group;
}

Status Committer::CheckRoom(const std::vector<QueuedMutation>& taken) const {
  uint64_t bytes = 0;
  for (const QueuedMutation& queued : taken) bytes += queued.group_bytes + 2 * queued.held_bytes;  // Journal, WAL, SST.
  return parts_.disk->CheckRoom(bytes);
}

Status Committer::Admit(QueuedMutation* queued, uint64_t time_ms, const CommitGroup* in_flight, CommitGroup* group) {
  PreparedMutation& mutation = queued->mutation;
  RETURN_IF_ERROR(CheckRole(mutation));
  ASSIGN_OR_RETURN(const bool holds, group->update.Holds(mutation.preconditions));
  if (!holds) return Conflict("the state this change was computed from is no longer current");
  RETURN_IF_ERROR(CheckMayCollect(mutation.record));
  ASSIGN_OR_RETURN(const std::vector<const StagedBlob*> new_blobs, FindNewBlobs(mutation, in_flight, *group));

  if (mutation.is_followed) RETURN_IF_ERROR(CheckBlobsAreThere(mutation, in_flight, *group));

  LogRecord record = std::move(mutation.record);
  if (!mutation.is_followed) Stamp(group->update.applied(), time_ms, mutation.payload, &record);
  RETURN_IF_ERROR(group->update.Add(std::move(record)));

  NoteReferences(group->update.records().back());
  for (const StagedBlob* blob : new_blobs) group->blob_digests.insert(blob->info().sha512);
  group->blobs.insert(group->blobs.end(), new_blobs.begin(), new_blobs.end());
  group->admitted.push_back(std::move(*queued));
  return OkStatus();
}

Status Committer::CheckRole(const PreparedMutation& mutation) const {
  if (mutation.is_followed == (parts_.role == NodeRole::kFollower)) return OkStatus();
  return mutation.is_followed ? FailedPrecondition("this node leads: it takes no records of another leader")
                              : Unavailable("this node follows another one, which takes the writes");
}

// What was found to be garbage may have been referred to since; equal bytes are stored once, so by anybody.
Status Committer::CheckMayCollect(const LogRecord& record) const {
  if (record.event.kind != EventKind::kCollectBlobs || parts_.role == NodeRole::kFollower) return OkStatus();
  for (const Change& change : record.changes) {
    if (change.family != Family::kBlob) continue;
    if (!referenced_.has_value()) return FailedPrecondition("blobs are collected after a record that begins it");
    ASSIGN_OR_RETURN(const Digest digest, Digest::FromBytes(change.key));
    if (referenced_->contains(digest)) return Conflict("a blob is referred to again");
  }
  return OkStatus();
}

void Committer::NoteReferences(const LogRecord& record) {
  if (record.event.kind == EventKind::kCollectBlobs && record.changes.empty()) referenced_.emplace();
  if (!referenced_.has_value()) return;
  for (const BlobInfo& info : record.blobs) referenced_->insert(info.sha512);
  if (referenced_->size() > limits::kCollectReferencesMax)
    referenced_.reset();  // It was given up, or has to begin again.
}

void Committer::Stamp(const AppliedState& before, uint64_t time_ms, std::string_view payload, LogRecord* record) const {
  record->lsn = before.lsn.Next();
  record->epoch = std::max(before.epoch, parts_.epoch);
  record->time_ms = time_ms;
  record->previous_chain_hash = before.chain_hash;
  record->chain_hash = ChainHash(before.chain_hash, record->lsn, record->epoch, time_ms, payload);
}

Result<bool> Committer::HasBlob(const Digest& digest, const CommitGroup* in_flight, const CommitGroup& group) const {
  // Collected since, or in this very group: its bytes are found no more once that is applied.
  ASSIGN_OR_RETURN(const bool is_known, group.update.HasBlob(digest));
  if (!is_known) return false;
  if (group.blob_digests.contains(digest)) return true;
  if (in_flight != nullptr && in_flight->blob_digests.contains(digest)) return true;
  ASSIGN_OR_RETURN(const std::optional<std::string> location, parts_.rocks->Get(Family::kLocation, digest.view()));
  return location.has_value();
}

Status Committer::CheckBlobsAreThere(const PreparedMutation& mutation, const CommitGroup* in_flight,
                                     const CommitGroup& group) const {
  for (const BlobInfo& info : mutation.record.blobs) {
    const auto is_this = [&info](const std::shared_ptr<StagedBlob>& blob) {
      return blob->info().sha512 == info.sha512 && blob->info().size_bytes == info.size_bytes;
    };
    if (std::ranges::any_of(mutation.blobs, is_this) || mutation.collected.contains(info.sha512)) continue;
    ASSIGN_OR_RETURN(const bool has, HasBlob(info.sha512, in_flight, group));
    if (!has) {
      return FailedPrecondition("log record " + std::to_string(mutation.record.lsn.value()) + " refers to blob " +
                                HexEncode(info.sha512.view()) + ", which is not here");
    }
  }
  return OkStatus();
}

Result<std::vector<const StagedBlob*>> Committer::FindNewBlobs(const PreparedMutation& mutation,
                                                               const CommitGroup* in_flight,
                                                               const CommitGroup& group) const {
  std::vector<const StagedBlob*> found;
  for (const std::shared_ptr<StagedBlob>& blob : mutation.blobs) {
    ASSIGN_OR_RETURN(const bool has, HasBlob(blob->info().sha512, in_flight, group));
    if (!has) found.push_back(blob.get());
  }
  return found;
}

Status Committer::WriteJournal(CommitGroup* group) {
  GroupToWrite to_write;
  to_write.blobs = group->blobs;
  for (size_t i = 0; i < group->admitted.size(); ++i) {
    const LogRecord& record = group->update.records()[i];
    to_write.records.push_back(RecordFrame{record.lsn, record.epoch, record.time_ms, record.previous_chain_hash,
                                           record.chain_hash, group->admitted[i].mutation.payload});
  }
  if (parts_.apply_before_write) {
    RocksBatch batch = parts_.rocks->NewBatch();
    group->update.AppendChangesTo(&batch);
    batch.Put(Family::kNode, kAppliedKey, EncodeAppliedState(group->update.applied()));
    RETURN_IF_ERROR(parts_.rocks->Write(&batch));
  }
  Result<GroupWritten> written = parts_.segments->AppendGroup(to_write);
  if (written.code() == Code::kOutOfSpace) return written.status();
  if (!written.ok()) return gate_.Fail(written.status().WithContext("the journal"));
  group->places = GroupPlaces{std::move(written->blobs), std::move(written->records), written->end};
  head_ = group->update.applied();
  head_.tail = written->end;
  TellShipper(*group);
  return OkStatus();
}

void Committer::TellShipper(const CommitGroup& group) {
  const JournalHead head{head_.lsn, head_.epoch, head_.chain_hash};
  if (parts_.shipper == nullptr) return parts_.tail->Add({}, {}, head);  // Nobody asks before it is visible.
  std::vector<RawRecord> records;
  records.reserve(group.admitted.size());
  for (size_t i = 0; i < group.admitted.size(); ++i) {
    const LogRecord& record = group.update.records()[i];
    records.push_back({record.lsn, record.epoch, record.time_ms, record.previous_chain_hash, record.chain_hash,
                       group.admitted[i].mutation.payload});
  }
  parts_.tail->Add(std::move(records), group.places.blobs, head);
  parts_.shipper->Journaled(head);
}

}  // namespace tarn::engine
