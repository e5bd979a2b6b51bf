#include "storage/engine/segment_scan.h"

#include <optional>
#include <vector>

#include "storage/engine/segment_reader.h"

namespace tarn::engine {
namespace {

using Visitor = std::function<Status(const GroupRead&)>;

class SegmentScan {
 public:
  SegmentScan(const SegmentFolder& folder, SegmentPosition from, const Visitor& visit)
      : folder_(folder), visit_(visit), end_(from) {}

  Result<SegmentPosition> Run() {
    const std::vector<SegmentFolder::Entry> segments = folder_.ListShared();
    size_t first = 0;
    while (first < segments.size() && segments[first].id < end_.segment) ++first;
    const bool from_the_start = end_ == SegmentPosition{};
    if (!from_the_start && (first == segments.size() || segments[first].id != end_.segment)) {
      return Corruption(SegmentFolder::Name(end_.segment) + " is missing");
    }
    const SegmentPosition from = end_;
    for (size_t i = first; i < segments.size(); ++i) {
      const bool is_first = segments[i].id == from.segment;
      const bool is_last = i + 1 == segments.size();
      const uint64_t offset = is_first ? std::max(from.offset_bytes, kSegmentHeaderBytes) : kSegmentHeaderBytes;
      RETURN_IF_ERROR(ScanOne(segments[i], offset, is_last));
    }
    return end_;
  }

 private:
  Status ScanOne(const SegmentFolder::Entry& entry, uint64_t offset, bool is_last) {
    RETURN_IF_ERROR(entry.header_status);
    ASSIGN_OR_RETURN(const SegmentFile segment, folder_.OpenForReading(entry.id));
    ForwardReader reader(segment, entry.size_bytes);
    if (!reader.Has(offset, 0)) return reader.Damage(offset, "the file is shorter than what was applied from it");
    ASSIGN_OR_RETURN(const std::optional<uint64_t> footer, FindFooter(reader));
    if (!footer.has_value() && !is_last) {
      return reader.Damage(entry.size_bytes, "no footer, though later segments exist");
    }
    const uint64_t groups_end = footer.value_or(entry.size_bytes);
    GroupBuffer buffer;
    while (offset < groups_end) {
      const Status whole = ReadGroup(reader, offset, BlobStore::Depth::kChecksums, &buffer);
      if (whole.code() == Code::kCorruption && !footer.has_value()) return CheckTornTail(segment, entry, offset, whole);
      RETURN_IF_ERROR(whole);
      RETURN_IF_ERROR(CheckFollows(reader, buffer.group));
      RETURN_IF_ERROR(visit_(buffer.group));
      end_ = buffer.group.end;
      offset = end_.offset_bytes;
    }
    return OkStatus();
  }

  // A group is written after the one before it is on stable storage, so a whole group behind a broken one means that
  // the broken one was whole once.
  Status CheckTornTail(const SegmentFile& segment, const SegmentFolder::Entry& entry, uint64_t offset,
                       const Status& what_is_broken) {
    ForwardReader reader(segment, entry.size_bytes);
    ASSIGN_OR_RETURN(const std::optional<uint64_t> next, FindWholeGroup(reader, offset));
    if (!next.has_value()) return OkStatus();
    return what_is_broken.WithContext("damaged before the whole group at offset " + std::to_string(*next));
  }

  Status CheckFollows(const ForwardReader& reader, const GroupRead& group) {
    const RecordFrame& first = group.records.front();
    if (last_.has_value() && (first.lsn != last_->lsn.Next() || first.previous_chain_hash != last_->chain_hash)) {
      return reader.Damage(group.begin.offset_bytes, "LSN " + std::to_string(first.lsn.value()) +
                                                         " does not follow LSN " + std::to_string(last_->lsn.value()));
    }
    last_ = Last{group.records.back().lsn, group.records.back().chain_hash};
    return OkStatus();
  }

  struct Last {
    Lsn lsn;
    Sha256Digest chain_hash;
  };

  const SegmentFolder& folder_;
  const Visitor& visit_;
  SegmentPosition end_;  // Of the last good group.
  std::optional<Last> last_;
};

}  // namespace

Result<SegmentPosition> ScanSegments(const SegmentFolder& folder, SegmentPosition from, const Visitor& visit) {
  return SegmentScan(folder, from, visit).Run();
}

}  // namespace tarn::engine
