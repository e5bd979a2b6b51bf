#include "storage/engine/segment_verify.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/engine/segment_table.h"

namespace tarn::engine {
namespace {

using Finding = std::function<void(std::string)>;
using Pace = std::function<Status(uint64_t)>;

// One segment; goes on after damage as far as whole groups can be found.
class SegmentVerification {
 public:
  SegmentVerification(ForwardReader& reader, BlobStore::Depth depth, TornTail torn_tail, const Finding& finding,
                      const Pace& pace)
      : reader_(reader), depth_(depth), torn_tail_(torn_tail), finding_(finding), pace_(pace) {}

  Status RunSolo() {
    ASSIGN_OR_RETURN(const RecordHeader header, reader_.ReadHeader(kSoloRecordOffsetBytes));
    const auto* blob = std::get_if<BlobHeader>(&header);
    if (blob == nullptr) return reader_.Damage(kSoloRecordOffsetBytes, "solo segment without a blob");
    table_.Add(header, kSoloRecordOffsetBytes);
    const Status whole = CheckBlob(reader_, kSoloRecordOffsetBytes, blob->info, depth_);
    if (!whole.ok()) finding_(whole.ToString());
    RETURN_IF_ERROR(Paced());
    return CheckFooter(kSoloRecordOffsetBytes + RecordBytes(header));
  }

  Status RunShared() {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> footer, FindFooter(reader_));
    if (!footer.has_value() && torn_tail_ == TornTail::kDamage && is_sealed_) {
      finding_(reader_.Damage(reader_.limit_bytes(), "no footer").ToString());
    }
    const uint64_t groups_end = footer.value_or(reader_.limit_bytes());
    uint64_t at = kSegmentHeaderBytes;
    bool is_damaged = false;
    while (at < groups_end) {
      const Status whole = ReadGroup(reader_, at, depth_, &buffer_);
      RETURN_IF_ERROR(Paced());
      if (whole.ok()) {
        at = buffer_.group.end.offset_bytes;
        continue;
      }
      ASSIGN_OR_RETURN(const std::optional<uint64_t> next, FindWholeGroup(reader_, at));
      if (next.has_value() || footer.has_value() || torn_tail_ == TornTail::kDamage) finding_(whole.ToString());
      is_damaged = true;
      at = next.value_or(groups_end);
    }
    if (!footer.has_value() || is_damaged) return OkStatus();
    ASSIGN_OR_RETURN(table_, SegmentTable::Read(reader_.segment(), groups_end));
    return CheckFooter(groups_end);
  }

  void SetSealed() { is_sealed_ = true; }

 private:
  Status Paced() {
    const uint64_t before = std::exchange(bytes_told_, reader_.bytes_read());
    return pace_(bytes_told_ - before);
  }

  Status CheckFooter(uint64_t offset) {
    ASSIGN_OR_RETURN(const Footer footer, ReadFooter(reader_, offset));
    return table_.Matches(footer) ? OkStatus() : reader_.Damage(offset, "footer does not list what is there");
  }

  ForwardReader& reader_;
  const BlobStore::Depth depth_;
  const TornTail torn_tail_;
  const Finding& finding_;
  const Pace& pace_;
  uint64_t bytes_told_ = 0;
  bool is_sealed_ = false;
  SegmentTable table_;
  GroupBuffer buffer_;
};

Status VerifyOne(const SegmentFolder& folder, const SegmentFolder::Entry& entry, bool is_last_shared,
                 BlobStore::Depth depth, TornTail torn_tail, const Finding& finding, const Pace& pace,
                 uint64_t* bytes_read) {
  RETURN_IF_ERROR(entry.header_status);
  ASSIGN_OR_RETURN(const SegmentFile segment, folder.OpenForReading(entry.id));
  ForwardReader reader(segment, entry.size_bytes);
  SegmentVerification verification(reader, depth, is_last_shared ? torn_tail : TornTail::kDamage, finding, pace);
  if (!is_last_shared) verification.SetSealed();
  const Status status = segment.header.kind == SegmentKind::kSolo ? verification.RunSolo() : verification.RunShared();
  *bytes_read += reader.bytes_read();
  if (!is_last_shared && segment.size_bytes != entry.size_bytes) {
    finding(segment.name + ": " + std::to_string(segment.size_bytes) + " bytes, expected " +
            std::to_string(entry.size_bytes));
  }
  return status;
}

}  // namespace

Status VerifySegments(const SegmentFolder& folder, BlobStore::Depth depth, TornTail torn_tail, const Finding& finding,
                      const Pace& pace, uint64_t* bytes_read) {
  const std::vector<SegmentFolder::Entry> entries = folder.List();
  SegmentId last_shared;
  for (const SegmentFolder::Entry& entry : entries) {
    if (entry.kind == SegmentKind::kShared) last_shared = entry.id;
  }
  for (const SegmentFolder::Entry& entry : entries) {
    const bool is_last_shared = entry.id == last_shared;
    const Status status = VerifyOne(folder, entry, is_last_shared, depth, torn_tail, finding, pace, bytes_read);
    if (status.ok()) continue;
    if (status.code() == Code::kCancelled) return status;
    // An upload that was given up since the list was made takes its segment along.
    if (status.code() == Code::kNotFound && !folder.Has(entry.id)) continue;
    finding(status.ToString());
  }
  return OkStatus();
}

Status CheckBlobHeader(ForwardReader& reader, const Location& location) {
  if (location.payload_offset_bytes < kSoloPayloadOffsetBytes) {
    return reader.Damage(location.payload_offset_bytes, "no blob can be there");
  }
  const uint64_t offset = location.payload_offset_bytes - kRecordHeaderBytes;
  ASSIGN_OR_RETURN(const RecordHeader header, reader.ReadHeader(offset));
  const auto* blob = std::get_if<BlobHeader>(&header);
  if (blob == nullptr || blob->info.sha512 != location.info.sha512 || blob->info.sha1 != location.info.sha1 ||
      blob->info.size_bytes != location.info.size_bytes) {
    return reader.Damage(offset, "not blob " + HexEncode(location.info.sha512.view()));
  }
  if (!reader.Has(offset, RecordBytes(header))) return reader.Damage(offset, "blob is longer than the file");
  return OkStatus();
}

}  // namespace tarn::engine
