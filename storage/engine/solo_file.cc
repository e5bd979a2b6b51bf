#include "storage/engine/solo_file.h"

#include "storage/base/check.h"
#include "storage/engine/block_checksums.h"
#include "storage/engine/segment_table.h"

namespace tarn::engine {

SoloFile::SoloFile(SegmentFolder& folder, UploadBudget& budget, SegmentFolder::NewSegment segment)
    : folder_(folder), budget_(budget), segment_(std::move(segment)) {}

SoloFile::~SoloFile() {
  budget_.Give(buffer_bytes_max_);
  if (!is_finished_) folder_.Discard(segment_.header.id);
}

Result<std::unique_ptr<SoloFile>> SoloFile::Create(SegmentFolder& folder, UploadBudget& budget) {
  ASSIGN_OR_RETURN(SegmentFolder::NewSegment segment, folder.Begin(SegmentKind::kSolo));
  return std::unique_ptr<SoloFile>(new SoloFile(folder, budget, std::move(segment)));
}

Status SoloFile::Append(std::string_view bytes) {
  if (buffer_bytes_max_ == 0 && budget_.TryTake(limits::kSoloBufferBytes)) {
    buffer_bytes_max_ = limits::kSoloBufferBytes;
    buffer_.reserve(buffer_bytes_max_);
  }
  if (buffer_.size() + bytes.size() > buffer_bytes_max_) RETURN_IF_ERROR(Flush());
  if (bytes.size() >= buffer_bytes_max_) return Write(bytes);
  buffer_.append(bytes);
  return OkStatus();
}

Status SoloFile::Flush() {
  if (buffer_.empty()) return OkStatus();
  RETURN_IF_ERROR(Write(buffer_));
  buffer_.clear();
  return OkStatus();
}

Status SoloFile::Write(std::string_view bytes) {
  if (const auto& may_write = folder_.options().may_write) RETURN_IF_ERROR(may_write());
  RETURN_IF_ERROR(segment_.file->WriteAt(write_offset_, bytes));
  write_offset_ += bytes.size();
  unsynced_bytes_ += bytes.size();
  if (unsynced_bytes_ < limits::kSoloUnsyncedBytes) return OkStatus();
  unsynced_bytes_ = 0;
  return folder_.SyncFile(segment_.file.get());
}

Result<std::unique_ptr<SoloBlob>> SoloFile::Finish(const BlobInfo& info, const std::vector<uint64_t>& block_checksums) {
  RETURN_IF_ERROR(Flush());
  CHECK(write_offset_ == kSoloPayloadOffsetBytes + info.size_bytes);
  const RecordHeader header = BlobHeader{info};
  SegmentTable table;
  table.Add(header, kSoloRecordOffsetBytes);
  const uint64_t footer_offset = kSoloRecordOffsetBytes + RecordBytes(header);
  std::string tail(PaddedBytes(info.size_bytes) - info.size_bytes, '\0');
  tail.append(TableBytes(block_checksums));
  tail.append(table.EncodeFooter(footer_offset, segment_.header.salt));
  RETURN_IF_ERROR(Write(tail));
  std::string head;
  AppendRecordHeader(&head, header);
  RETURN_IF_ERROR(segment_.file->WriteAt(kSoloRecordOffsetBytes, head));
  RETURN_IF_ERROR(folder_.Publish(segment_, write_offset_));
  is_finished_ = true;
  return std::make_unique<SoloBlob>(info, folder_, segment_.header.id);
}

}  // namespace tarn::engine
