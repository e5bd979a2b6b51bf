#include "storage/engine/segment_store.h"

#include <atomic>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/checksum.h"
#include "storage/base/collect_limits.h"
#include "storage/engine/blob_writer.h"
#include "storage/engine/descriptor_cache.h"
#include "storage/engine/segment_appender.h"
#include "storage/engine/segment_folder.h"
#include "storage/engine/segment_reader.h"
#include "storage/engine/segment_scan.h"
#include "storage/engine/segment_sweep.h"
#include "storage/engine/segment_verify.h"
#include "storage/engine/staged_blob.h"

namespace tarn::engine {
namespace {

// A location or position was written by us, so a segment that is not there is damage.
Status MissingIsDamage(const Status& status, SegmentId id) {
  if (status.code() != Code::kNotFound) return status;
  return Corruption(SegmentFolder::Name(id) + " is missing: " + std::string(status.message()));
}

class SegmentFiles final : public SegmentStore {
 public:
  SegmentFiles(const SegmentStoreOptions& options, std::unique_ptr<SegmentFolder> folder)
      : folder_(std::move(folder)),
        budget_(options.upload_budget_bytes),
        descriptors_(*folder_, limits::kSegmentDescriptorsMax),
        appender_(*folder_) {}
  // Writers and staged blobs are gone by now; they would write to memory that is not theirs any more.
  ~SegmentFiles() override { CHECK(budget_.used_bytes() == 0); }

  Result<uint64_t> StartAppending(SegmentPosition end) override {
    Result<uint64_t> dropped_bytes = appender_.Start(end);
    if (dropped_bytes.ok()) is_appending_.store(true);
    return dropped_bytes;
  }

  Result<GroupWritten> AppendGroup(const GroupToWrite& group) override { return appender_.Append(group); }

  Result<uint64_t> RemoveOrphanSolos(const std::function<bool(const Location&)>& is_referenced) override {
    ASSIGN_OR_RETURN(uint64_t removed, folder_->RemoveParts());
    for (const SegmentFolder::Entry& entry : folder_->List()) {
      if (entry.kind != SegmentKind::kSolo || !entry.header_status.ok()) continue;
      const Result<Location> location = SoloLocation(entry);
      if (location.code() == Code::kCorruption)
        continue;  // Whose it is cannot be told, so it stays for verify to name.
      RETURN_IF_ERROR(location.status());
      if (is_referenced(*location)) continue;
      RETURN_IF_ERROR(folder_->Remove(entry.id));
      ++removed;
    }
    return removed;
  }

  Result<SegmentPosition> Scan(SegmentPosition from, const std::function<Status(const GroupRead&)>& visit) override {
    return ScanSegments(*folder_, from, visit);
  }

  Status VerifyFiles(BlobStore::Depth depth, const std::function<void(std::string)>& finding,
                     const std::function<Status(uint64_t)>& pace, uint64_t* bytes_read) override {
    const TornTail torn_tail = is_appending_.load() ? TornTail::kDamage : TornTail::kAllowed;
    return VerifySegments(*folder_, depth, torn_tail, finding, pace, bytes_read);
  }

  Result<SweepReport> SweepDead(const Sweep& sweep) override {
    SweepReport report;
    for (const SegmentFolder::Entry& entry : folder_->List()) {
      if (sweep.is_stopping()) return Cancelled("stopping");
      const Status swept = SweepOne(sweep, entry, &report);
      if (swept.ok() || (swept.code() == Code::kNotFound && !folder_->Has(entry.id))) continue;
      // One damaged segment, or one for whose copy there is no room, does not keep the others.
      const bool is_its_own = swept.code() == Code::kCorruption || swept.code() == Code::kOutOfSpace;
      if (!is_its_own) return swept;
      if (report.findings.size() < limits::kSweepFindingsMax) report.findings.push_back(swept.ToString());
    }
    return report;
  }

  Result<std::unique_ptr<BlobWriter>> NewWriter() override {
    if (folder_->read_only()) return FailedPrecondition("the store was opened for reading only");
    return NewSegmentBlobWriter(*folder_, budget_);
  }

  Result<BlobReader> Open(const Location& location) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<CachedSegment> cached, Segment(location.segment));
    if (!cached->WasChecked(location)) {
      ASSIGN_OR_RETURN(const uint64_t size_bytes, cached->segment.file->Size());
      ForwardReader reader(cached->segment, size_bytes, kRecordHeaderBytes);
      RETURN_IF_ERROR(CheckBlobHeader(reader, location));
      cached->SetChecked(location);
    }
    return BlobReader{cached->segment.file, location.payload_offset_bytes, location.info};
  }

  Status VerifyBlob(const Location& location, BlobStore::Depth depth) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<CachedSegment> cached, Segment(location.segment));
    ASSIGN_OR_RETURN(const uint64_t size_bytes, cached->segment.file->Size());
    ForwardReader reader(cached->segment, size_bytes);
    RETURN_IF_ERROR(CheckBlobHeader(reader, location));
    return CheckBlob(reader, location.payload_offset_bytes - kRecordHeaderBytes, location.info, depth);
  }

  Result<RecordFrame> ReadRecord(SegmentPosition position, std::string* buffer) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<CachedSegment> cached, Segment(position.segment));
    ASSIGN_OR_RETURN(const uint64_t size_bytes, cached->segment.file->Size());
    ForwardReader reader(cached->segment, size_bytes, kRecordHeaderBytes);
    ASSIGN_OR_RETURN(const RecordHeader header, reader.ReadHeader(position.offset_bytes));
    const auto* log = std::get_if<LogHeader>(&header);
    if (log == nullptr) return reader.Damage(position.offset_bytes, "not a log record");
    if (log->payload_bytes > limits::kRecordBytesMax)
      return reader.Damage(position.offset_bytes, "log record is too long");
    RETURN_IF_ERROR(
        cached->segment.file->ReadAt(position.offset_bytes + kRecordHeaderBytes, log->payload_bytes, buffer));
    if (buffer->size() != log->payload_bytes || Checksum64(*buffer) != log->payload_checksum) {
      return reader.Damage(position.offset_bytes, "checksum of a log record");
    }
    return RecordFrame{log->lsn, log->epoch, log->time_ms, log->previous_chain_hash, log->chain_hash, *buffer};
  }

  std::vector<SegmentListing> List() const override {
    std::vector<SegmentListing> listing;
    for (const SegmentFolder::Entry& entry : folder_->List()) listing.push_back({entry.id, entry.size_bytes});
    return listing;
  }
  Result<std::shared_ptr<const File>> OpenFile(SegmentId id) override {
    ASSIGN_OR_RETURN(const SegmentFile segment, folder_->OpenForReading(id));
    return segment.file;
  }

  Result<std::unique_ptr<File>> OpenToMend(SegmentId id) override { return folder_->OpenForWriting(id); }

  Stats GetStats() const override {
    return {.segment_count = folder_->segment_count(),
            .segment_bytes = folder_->segment_bytes(),
            .groups_written = appender_.groups_written(),
            .syncs = folder_->sync_count(),
            .upload_budget_used_bytes = budget_.used_bytes()};
  }

 private:
  Status SweepOne(const Sweep& sweep, const SegmentFolder::Entry& entry, SweepReport* report) {
    // Asked first: one that is staged no longer is visible, or was never referred to.
    if (folder_->IsStaged(entry.id)) return OkStatus();
    ASSIGN_OR_RETURN(const std::optional<DeadBlobs> dead, FindDeadBlobs(*folder_, entry, sweep.last, sweep.is_live));
    if (!dead.has_value()) return OkStatus();
    ++report->segments_seen;
    if (dead->offsets.empty()) return OkStatus();
    const bool is_solo = entry.kind == SegmentKind::kSolo;
    if (!is_solo && dead->bytes * 100 < dead->blob_bytes * sweep.dead_percent) {
      report->bytes_left += dead->bytes;
      return OkStatus();
    }
    if (!sweep.dry_run) {
      RETURN_IF_ERROR(sweep.may_remove());
      if (!is_solo)
        RETURN_IF_ERROR(sweep.has_room(entry.size_bytes - dead->bytes).WithContext(SegmentFolder::Name(entry.id)));
      RETURN_IF_ERROR(is_solo ? folder_->Remove(entry.id)
                              : WriteWithoutDead(folder_.get(), entry, dead->offsets, sweep.is_stopping));
      descriptors_.Drop(entry.id);
    }
    ++(is_solo ? report->segments_removed : report->segments_rewritten);
    report->blobs += dead->offsets.size();
    report->bytes += is_solo ? entry.size_bytes : dead->bytes;
    return OkStatus();
  }

  Result<std::shared_ptr<CachedSegment>> Segment(SegmentId id) {
    Result<std::shared_ptr<CachedSegment>> cached = descriptors_.Get(id);
    if (!cached.ok()) return MissingIsDamage(cached.status(), id);
    return cached;
  }

  Result<Location> SoloLocation(const SegmentFolder::Entry& entry) const {
    ASSIGN_OR_RETURN(const SegmentFile segment, folder_->OpenForReading(entry.id));
    ForwardReader reader(segment, entry.size_bytes, kRecordHeaderBytes);
    ASSIGN_OR_RETURN(const RecordHeader header, reader.ReadHeader(kSoloRecordOffsetBytes));
    const auto* blob = std::get_if<BlobHeader>(&header);
    if (blob == nullptr) return reader.Damage(kSoloRecordOffsetBytes, "solo segment without a blob");
    return Location{entry.id, kSoloPayloadOffsetBytes, blob->info};
  }

  const std::unique_ptr<SegmentFolder> folder_;
  UploadBudget budget_;
  DescriptorCache descriptors_;
  SegmentAppender appender_;
  std::atomic<bool> is_appending_{false};
};

}  // namespace

Result<std::unique_ptr<SegmentStore>> SegmentStore::Open(const SegmentStoreOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentFolder> folder, SegmentFolder::Open(options));
  return std::unique_ptr<SegmentStore>(std::make_unique<SegmentFiles>(options, std::move(folder)));
}

}  // namespace tarn::engine
