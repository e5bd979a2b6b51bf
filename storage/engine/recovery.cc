#include "storage/engine/recovery.h"

#include <memory>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/engine/keys.h"
#include "storage/engine/read_view.h"
#include "storage/engine/record_codec.h"
#include "storage/engine/state_update.h"

namespace tarn::engine {
namespace {

// One synced RocksDB batch for many groups: a rebuild would otherwise cost one sync per group.
constexpr size_t kReplayRecordsMax = 2'000;
constexpr uint64_t kReplayBytesMax = 8 * limits::kMiB;

// Applies groups of the journal in batches.
class Replay {
 public:
  Replay(Rocks* rocks, CommitObserver* observer, const AppliedState& applied)
      : rocks_(rocks), observer_(observer), applied_(applied) {}

  Status Add(const GroupRead& group) {
    if (update_ == nullptr) Begin();
    for (const RecordFrame& frame : group.records) {
      ASSIGN_OR_RETURN(LogRecord record, DecodeRecord(frame));
      RETURN_IF_ERROR(update_->Add(std::move(record)));
      payload_bytes_ += frame.payload.size();
    }
    places_.blobs.insert(places_.blobs.end(), group.blobs.begin(), group.blobs.end());
    places_.records.insert(places_.records.end(), group.record_positions.begin(), group.record_positions.end());
    places_.end = group.end;
    const bool is_full = places_.records.size() >= kReplayRecordsMax || payload_bytes_ >= kReplayBytesMax;
    return is_full ? Flush() : OkStatus();
  }

  Status Flush() {
    if (update_ == nullptr) return OkStatus();
    RocksBatch batch = rocks_->NewBatch();
    update_->AppendChangesTo(&batch);
    AppendDerivedTo(&batch, DeriveAll(observer_, *base_, update_->records()));
    ASSIGN_OR_RETURN(const AppliedState applied, update_->AppendPlacesTo(&batch, places_));
    RETURN_IF_ERROR(rocks_->Write(&batch));
    records_replayed_ += places_.records.size();
    applied_ = applied;
    update_.reset();
    base_.reset();
    places_ = GroupPlaces();
    payload_bytes_ = 0;
    return OkStatus();
  }

  const AppliedState& applied() const { return applied_; }
  uint64_t records_replayed() const { return records_replayed_; }

 private:
  void Begin() {
    auto state = std::make_shared<PublishedState>();
    state->snapshot = rocks_->NewSnapshot();
    state->applied = applied_;
    base_ = std::make_unique<RocksReadView>(*rocks_, std::move(state));
    update_ = std::make_unique<StateUpdate>(*base_, applied_);
  }

  Rocks* const rocks_;
  CommitObserver* const observer_;
  AppliedState applied_;
  uint64_t records_replayed_ = 0;
  std::unique_ptr<RocksReadView> base_;  // Both set while a batch is being collected.
  std::unique_ptr<StateUpdate> update_;
  GroupPlaces places_;
  uint64_t payload_bytes_ = 0;
};

}  // namespace

Result<std::optional<AppliedState>> LoadAppliedState(const Rocks& rocks) {
  ASSIGN_OR_RETURN(const std::optional<std::string> format_row, rocks.Get(Family::kNode, kFormatKey));
  ASSIGN_OR_RETURN(const std::optional<std::string> applied_row, rocks.Get(Family::kNode, kAppliedKey));
  if (!format_row.has_value()) return std::optional<AppliedState>();
  ASSIGN_OR_RETURN(const uint32_t format, ParseFormat(*format_row));
  if (format > kFormat) {
    return FailedPrecondition("the data directory has format " + std::to_string(format) + ", this program knows " +
                              std::to_string(kFormat));
  }
  if (!applied_row.has_value()) return Corruption("the state does not say how far it is applied");
  ASSIGN_OR_RETURN(const AppliedState applied, ParseAppliedState(*applied_row));
  return std::optional<AppliedState>(applied);
}

Status CheckJournalReaches(const Rocks& rocks, SegmentStore* segments, const AppliedState& applied) {
  if (applied.lsn == Lsn()) return OkStatus();
  const std::string which = "log record " + std::to_string(applied.lsn.value());
  ASSIGN_OR_RETURN(const std::optional<std::string> row, rocks.Get(Family::kLog, LsnKey(applied.lsn)));
  if (!row.has_value()) return Corruption(which + " was applied but is not in the log index");
  ASSIGN_OR_RETURN(const LogEntry entry, ParseLogEntry(*row));
  std::string buffer;
  const Result<RecordFrame> frame = segments->ReadRecord(entry.position, &buffer);
  if (!frame.ok()) {
    return Corruption("the journal has lost acknowledged records: " + which + ": " + frame.status().ToString());
  }
  if (frame->lsn == applied.lsn && frame->chain_hash == applied.chain_hash) return OkStatus();
  return Corruption("the journal has another history than the state: " + which + " has chain hash " +
                    HexEncode(frame->chain_hash.view()) + ", expected " + HexEncode(applied.chain_hash.view()));
}

Result<Recovered> RollForward(Rocks* rocks, SegmentStore* segments, CommitObserver* observer,
                              const AppliedState& applied) {
  Recovered recovered;
  // Two passes: RocksDB may not learn of a group before StartAppending has synced it, or a power cut right after could
  // leave the state ahead of the journal.
  const auto skip = [](const GroupRead&) { return OkStatus(); };
  ASSIGN_OR_RETURN(const SegmentPosition end, segments->Scan(applied.tail, skip));
  ASSIGN_OR_RETURN(recovered.bytes_truncated, segments->StartAppending(end));

  Replay replay(rocks, observer, applied);
  if (end != applied.tail) {
    const auto add = [&replay](const GroupRead& group) { return replay.Add(group); };
    ASSIGN_OR_RETURN(const SegmentPosition replayed_end, segments->Scan(applied.tail, add));
    if (replayed_end != end) return Corruption("the journal changed while it was read");
    RETURN_IF_ERROR(replay.Flush());
  }
  recovered.applied = replay.applied();
  recovered.records_replayed = replay.records_replayed();

  const auto is_referenced = [rocks](const Location& location) {
    const Result<std::optional<std::string>> row = rocks->Get(Family::kLocation, DigestKey(location.info.sha512));
    return !row.ok() || (row->has_value() && **row == EncodeLocation(location));  // In doubt it stays.
  };
  ASSIGN_OR_RETURN(recovered.orphan_solos_removed, segments->RemoveOrphanSolos(is_referenced));
  return recovered;
}

Result<Recovered> CountUnapplied(SegmentStore* segments, const AppliedState& applied) {
  Recovered recovered;
  recovered.applied = applied;
  const auto count = [&recovered](const GroupRead& group) {
    recovered.records_replayed += group.records.size();
    return OkStatus();
  };
  RETURN_IF_ERROR(segments->Scan(applied.tail, count).status());
  return recovered;
}

}  // namespace tarn::engine
