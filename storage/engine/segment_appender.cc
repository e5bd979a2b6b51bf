#include "storage/engine/segment_appender.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/engine/group_encoder.h"
#include "storage/engine/segment_reader.h"
#include "storage/engine/staged_blob.h"

namespace tarn::engine {
namespace {

// Of the group whose trailer ends at `end`.
Result<uint64_t> LastGroupBegin(ForwardReader& reader, uint64_t end) {
  const uint64_t offset = end - kRecordHeaderBytes;
  ASSIGN_OR_RETURN(const RecordHeader header, reader.ReadHeader(offset));
  const auto* trailer = std::get_if<TrailerHeader>(&header);
  if (trailer == nullptr || trailer->begin_bytes >= offset) return reader.Damage(offset, "no group ends here");
  return trailer->begin_bytes;
}

}  // namespace

Result<uint64_t> SegmentAppender::Start(SegmentPosition end) {
  if (folder_.read_only()) return FailedPrecondition("the store was opened for reading only");
  CHECK(!std::exchange(is_started_, true));
  const std::vector<SegmentFolder::Entry> segments = folder_.ListShared();
  const SegmentFolder::Entry* last_kept = nullptr;
  for (const SegmentFolder::Entry& entry : segments) {
    if (entry.id == end.segment) last_kept = &entry;
    // All is checked before anything changes.
    if (entry.id > end.segment) RETURN_IF_ERROR(CheckNothingWhole(entry, kSegmentHeaderBytes));
  }
  if (last_kept == nullptr && end != SegmentPosition{}) {
    return Corruption(SegmentFolder::Name(end.segment) + " is missing");
  }
  uint64_t dropped_bytes = 0;
  if (last_kept != nullptr) {
    ASSIGN_OR_RETURN(dropped_bytes, ContinueIn(*last_kept, std::max(end.offset_bytes, kSegmentHeaderBytes)));
  }
  ASSIGN_OR_RETURN(const uint64_t removed_bytes, RemoveLater(end.segment));
  return dropped_bytes + removed_bytes;
}

// Makes the segment active with its end at `offset`, or leaves it sealed if its footer is there.
Result<uint64_t> SegmentAppender::ContinueIn(const SegmentFolder::Entry& entry, uint64_t offset) {
  RETURN_IF_ERROR(entry.header_status);
  ASSIGN_OR_RETURN(const SegmentFile segment, folder_.OpenForReading(entry.id));
  ForwardReader reader(segment, entry.size_bytes);
  if (!reader.Has(offset, 0)) return reader.Damage(offset, "the file is shorter than what was applied from it");
  ASSIGN_OR_RETURN(const std::optional<uint64_t> footer, FindFooter(reader));
  if (footer.has_value() && *footer == offset) {
    RETURN_IF_ERROR(WriteAgain(reader, offset, entry.size_bytes));
    return 0;
  }
  RETURN_IF_ERROR(CheckNothingWhole(entry, offset));
  ASSIGN_OR_RETURN(SegmentTable table, SegmentTable::Read(segment, offset));
  uint64_t last_group = offset;
  if (table.size() > 0) {
    ASSIGN_OR_RETURN(last_group, LastGroupBegin(reader, offset));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<File> file, folder_.OpenForWriting(entry.id));
  if (offset < entry.size_bytes) RETURN_IF_ERROR(file->Truncate(offset));
  RETURN_IF_ERROR(WriteAgain(reader, last_group, offset));
  folder_.SetSize(entry.id, offset);
  active_ = Active{segment.header, std::move(file), offset, std::move(table)};
  return entry.size_bytes - offset;
}

// The last write of the process before may be in the page cache only: it may have been killed before the sync, or the
// sync may have failed, and then the pages count as clean and no later sync would write them. So they are made dirty
// again. Everything before was on stable storage before this was written.
Status SegmentAppender::WriteAgain(ForwardReader& reader, uint64_t begin, uint64_t end) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, folder_.OpenForWriting(reader.segment().header.id));
  Status written;
  uint64_t at = begin;
  RETURN_IF_ERROR(reader.ReadPieces(begin, end - begin, [&](std::string_view piece) {
    if (written.ok()) written = file->WriteAt(at, piece);
    at += piece.size();
  }));
  RETURN_IF_ERROR(written);
  return folder_.SyncFile(file.get());
}

// The last guard against cutting off what somebody was promised.
Status SegmentAppender::CheckNothingWhole(const SegmentFolder::Entry& entry, uint64_t offset) {
  RETURN_IF_ERROR(entry.header_status);
  ASSIGN_OR_RETURN(const SegmentFile segment, folder_.OpenForReading(entry.id));
  ForwardReader reader(segment, entry.size_bytes);
  ASSIGN_OR_RETURN(const std::optional<uint64_t> whole, FindWholeGroup(reader, offset));
  if (!whole.has_value()) return OkStatus();
  return FailedPrecondition(segment.name + " offset " + std::to_string(*whole) +
                            ": a whole group lies behind the end that was given");
}

Result<uint64_t> SegmentAppender::RemoveLater(SegmentId last_kept) {
  uint64_t removed_bytes = 0;
  for (const SegmentFolder::Entry& entry : folder_.ListShared()) {
    if (entry.id <= last_kept) continue;
    RETURN_IF_ERROR(folder_.Remove(entry.id));
    removed_bytes += entry.size_bytes;
  }
  return removed_bytes;
}

Result<GroupWritten> SegmentAppender::Append(const GroupToWrite& group) {
  CHECK(is_started_);
  if (!poison_.ok()) return poison_;
  // Before the write: if its outcome stays unknown, the group may be found whole at the next open.
  const auto set_referenced = [&group](bool is_referenced) {
    for (const StagedBlob* blob : group.blobs) {
      if (const auto* solo = dynamic_cast<const SoloBlob*>(blob)) solo->SetReferenced(is_referenced);
    }
  };
  set_referenced(true);
  Result<GroupWritten> written = WriteGroup(group);
  if (written.ok()) return written;
  if (written.code() != Code::kOutOfSpace) return Poison(written.status());
  set_referenced(false);  // Cut off again, so it cannot come back.
  return written;
}

Result<GroupWritten> SegmentAppender::WriteGroup(const GroupToWrite& group) {
  RETURN_IF_ERROR(MakeRoom(group));
  EncodedGroup encoded = EncodeGroup(group, active_->header, active_->end);
  RETURN_IF_ERROR(WriteAtEnd(encoded.parts));
  RETURN_IF_ERROR(SyncActive());
  active_->end = encoded.written.end.offset_bytes;
  for (const auto& [header, offset] : encoded.records) active_->table.Add(header, offset);
  folder_.SetSize(active_->header.id, active_->end);
  groups_written_.fetch_add(1, std::memory_order_relaxed);
  return std::move(encoded.written);
}

Status SegmentAppender::MakeRoom(const GroupToWrite& group) {
  if (active_.has_value()) {
    const size_t entry_count = active_->table.size() + group.blobs.size() + group.records.size();
    const uint64_t full_bytes = active_->end + GroupBytes(group) + FooterBytes(entry_count);
    const bool has_room =
        full_bytes <= folder_.options().segment_bytes_max && entry_count <= limits::kSegmentEntriesMax;
    // A group that is too long for any segment gets one of its own.
    if (has_room || active_->table.size() == 0) return OkStatus();
    RETURN_IF_ERROR(Seal());
  }
  return BeginSegment();
}

Status SegmentAppender::Seal() {
  const std::string footer = active_->table.EncodeFooter(active_->end, active_->header.salt);
  const iovec part{const_cast<char*>(footer.data()), footer.size()};
  RETURN_IF_ERROR(WriteAtEnd({&part, 1}));
  RETURN_IF_ERROR(SyncActive());
  folder_.SetSize(active_->header.id, active_->end + footer.size());
  active_.reset();
  return OkStatus();
}

Status SegmentAppender::BeginSegment() {
  ASSIGN_OR_RETURN(SegmentFolder::NewSegment segment, folder_.Begin(SegmentKind::kShared));
  const Status published = folder_.Publish(segment, kSegmentHeaderBytes);
  if (!published.ok()) {
    folder_.Discard(segment.header.id);
    return published.WithContext("new segment");
  }
  active_ = Active{segment.header, std::move(segment.file), kSegmentHeaderBytes, SegmentTable()};
  return OkStatus();
}

Status SegmentAppender::WriteAtEnd(std::span<const iovec> parts) {
  const Status written = active_->file->WriteAt(active_->end, parts);
  if (written.code() != Code::kOutOfSpace) return written;
  const Status cut = active_->file->Truncate(active_->end);
  if (!cut.ok()) return IoError("disk full, and the rest of the group could not be cut off: " + cut.ToString());
  return written;
}

// Whatever the reason, even a full disk: after a failed sync nobody knows what the file holds.
Status SegmentAppender::SyncActive() {
  const Status synced = folder_.SyncFile(active_->file.get());
  return synced.ok() ? synced : IoError(synced.ToString());
}

Status SegmentAppender::Poison(const Status& cause) {
  poison_ = IoError("segments are read-only until the store is opened again, because of: " + cause.ToString());
  return cause;
}

}  // namespace tarn::engine
