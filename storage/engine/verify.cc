#include <optional>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/engine/local_store.h"
#include "storage/engine/paced_verify.h"
#include "storage/engine/record_codec.h"
#include "storage/engine/replayed_state.h"
#include "storage/engine/store.h"

namespace tarn::engine {
namespace {

// One verification, step by step. Everything is compared with the state published when it began, so that commits may
// go on meanwhile.
class Verifier {
 public:
  Verifier(LocalStore* store, BlobStore::Depth depth, const VerifyPace& pace)
      : store_(*store), depth_(depth), pace_(pace), state_(store->publication().Get()), view_(store->rocks(), state_) {}

  Result<VerifyReport> Run() {
    report_.last_lsn = state_->applied.lsn;
    RETURN_IF_ERROR(CheckFiles());
    ASSIGN_OR_RETURN(const bool is_read, CheckJournal());
    if (is_read) CompareState();
    CheckBlobEntries();
    CheckLocations();
    CheckNoStrayLogRows();
    report_.segments = store_.segments().GetStats().segment_count;
    return std::move(report_);
  }

 private:
  void Finding(std::string text) {
    ++report_.finding_count;
    if (report_.findings.size() < limits::kVerifyFindingsMax) report_.findings.push_back(std::move(text));
  }
  void FindingIfError(const Status& status) {
    if (!status.ok()) Finding(status.ToString());
  }

  Status CheckFiles() {
    const uint64_t before = report_.finding_count;
    RETURN_IF_ERROR(store_.segments().VerifyFiles(
        depth_, [this](std::string text) { Finding(std::move(text)); }, pace_, &report_.bytes_read));
    files_are_sound_ = report_.finding_count == before;
    return OkStatus();
  }

  // Chain, log index and, on the way, what the journal says the state is. False if it could not be read to the end.
  Result<bool> CheckJournal() {
    const Status scanned = ForEachRecord([this](const LogRecord& record, const SegmentPosition& position) {
      if (record.previous_chain_hash != chain_hash_) {
        Finding("log record " + std::to_string(record.lsn.value()) + " does not continue the one before");
      }
      chain_hash_ = record.chain_hash;
      ++report_.records;
      CheckLogRow(record, position);
      for (const Change& change : record.changes) replayed_.Apply(change);
    });
    if (scanned.code() == Code::kCancelled) return scanned;
    FindingIfError(scanned);
    if (scanned.ok() && report_.records != state_->applied.lsn.value()) {
      Finding("the journal has " + std::to_string(report_.records) + " of " +
              std::to_string(state_->applied.lsn.value()) + " applied log records");
      return false;
    }
    if (scanned.ok() && chain_hash_ != state_->applied.chain_hash)
      Finding("the state has another chain hash than the journal");
    return scanned.ok();
  }

  // Every record up to the published state.
  Status ForEachRecord(const std::function<void(const LogRecord&, const SegmentPosition&)>& visit) {
    Status cancelled;
    const auto visit_group = [&](const GroupRead& group) -> Status {
      cancelled = pace_(group.end.offset_bytes - group.begin.offset_bytes);
      RETURN_IF_ERROR(cancelled);
      for (size_t i = 0; i < group.records.size(); ++i) {
        if (group.records[i].lsn > state_->applied.lsn) return Cancelled("past the state to verify");
        ASSIGN_OR_RETURN(const LogRecord record, DecodeRecord(group.records[i]));
        visit(record, group.record_positions[i]);
      }
      return OkStatus();
    };
    const Status status = store_.segments().Scan(SegmentPosition(), visit_group).status();
    return status.code() == Code::kCancelled ? cancelled : status;
  }

  void CheckLogRow(const LogRecord& record, const SegmentPosition& position) {
    const auto row = view_.Get(Family::kLog, LsnKey(record.lsn));
    if (!row.ok()) return FindingIfError(row.status());
    if (row->has_value() && **row == EncodeLogEntry(LogEntry{position, record.chain_hash})) return;
    Finding("log index: the row of record " + std::to_string(record.lsn.value()) + " is " +
            (row->has_value() ? "wrong" : "missing"));
  }

  void CompareState() {
    if (replayed_.hash() != state_->applied.state_hash)
      Finding("the state hash differs from that of the replayed journal");
    for (const FamilyInfo& info : kFamilies) {
      if (info.kind != FamilyKind::kReplicated) continue;
      FindingIfError(view_.Scan(info.family, {}, {}, [&](std::string_view key, std::string_view value) {
        const ReplayedState::Match match = replayed_.See(info.family, key, value);
        if (match == ReplayedState::Match::kEqual) return true;
        Finding(NameOf(info.family, key) + (match == ReplayedState::Match::kOther
                                                ? " has another value than the journal says"
                                                : " is not in the state that the journal gives"));
        return true;
      }));
    }
    if (replayed_.unseen() > 0) NameMissingEntries();
  }

  // The replayed state keeps hashes only, so the names come from a second look at the journal.
  void NameMissingEntries() {
    FindingIfError(ForEachRecord([this](const LogRecord& record, const SegmentPosition&) {
      for (const Change& change : record.changes) {
        if (replayed_.TakeUnseen(change.family, change.key)) Finding(NameOf(change.family, change.key) + " is missing");
      }
    }));
  }

  void CheckBlobEntries() {
    FindingIfError(view_.Scan(Family::kBlob, {}, {}, [this](std::string_view key, std::string_view value) {
      ++report_.blobs;
      const Result<BlobInfo> info = ParseBlobRecord(key, value);
      if (!info.ok()) {
        Finding(NameOf(Family::kBlob, key) + ": " + info.status().ToString());
        return true;
      }
      const auto row = view_.Get(Family::kLocation, key);
      if (!row.ok()) {
        FindingIfError(row.status());
      } else if (!row->has_value()) {
        Finding(NameOf(Family::kBlob, key) + " has no location: its bytes are missing");
      } else {
        const Result<Location> location = ParseLocation(info->sha512, **row);
        const bool agrees =
            location.ok() && location->info.size_bytes == info->size_bytes && location->info.sha1 == info->sha1;
        if (!agrees) Finding(NameOf(Family::kLocation, key) + " contradicts the blob entry");
      }
      return true;
    }));
  }

  // Each location leads to a record with that address. The bytes were read by CheckFiles; when it found damage, each blob
  // is read again, so that the damaged ones are named and no longer served.
  void CheckLocations() {
    FindingIfError(view_.Scan(Family::kLocation, {}, {}, [this](std::string_view key, std::string_view value) {
      const Result<Digest> digest = Digest::FromBytes(key);
      const Result<Location> location = digest.ok() ? ParseLocation(*digest, value) : Result<Location>(digest.status());
      Status status = location.status();
      if (status.ok()) status = store_.segments().Open(*location).status();
      if (status.ok() && !files_are_sound_) status = store_.blobs().Verify(*digest, depth_);
      if (!status.ok()) Finding(NameOf(Family::kLocation, key) + ": " + status.ToString());
      return true;
    }));
  }

  void CheckNoStrayLogRows() {
    const std::string after_last = LsnKey(state_->applied.lsn.Next());
    FindingIfError(view_.Scan(Family::kLog, after_last, {}, [this](std::string_view key, std::string_view) {
      Finding(NameOf(Family::kLog, key) + " is beyond the last log record");
      return true;
    }));
  }

  static std::string NameOf(Family family, std::string_view key) {
    return std::string(FamilyName(family)) + " " + HexEncode(key);
  }

  LocalStore& store_;
  const BlobStore::Depth depth_;
  const VerifyPace& pace_;
  const std::shared_ptr<const PublishedState> state_;
  const RocksReadView view_;
  bool files_are_sound_ = true;
  Sha256Digest chain_hash_;
  ReplayedState replayed_;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> Verify(Store& store, BlobStore::Depth depth) {
  return VerifyPaced(store, depth, [](uint64_t) { return OkStatus(); });
}

Result<VerifyReport> VerifyPaced(Store& store, BlobStore::Depth depth, const VerifyPace& pace) {
  auto* local = dynamic_cast<LocalStore*>(&store);
  if (local == nullptr) return FailedPrecondition("not a store on disk");
  return Verifier(local, depth, pace).Run();
}

}  // namespace tarn::engine
