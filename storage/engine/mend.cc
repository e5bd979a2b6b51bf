#include "storage/engine/mend.h"

#include <map>
#include <string>

#include "storage/base/bytes.h"
#include "storage/engine/block_checksums.h"
#include "storage/engine/keys.h"
#include "storage/engine/local_values.h"
#include "storage/engine/segment_format.h"

namespace tarn::engine {
namespace {

using Sizes = std::map<SegmentId, uint64_t>;

Status CheckPlace(const Sizes& sizes, SegmentId segment, uint64_t end_bytes, const std::string& what) {
  const auto found = sizes.find(segment);
  const std::string name = "segment " + std::to_string(segment.value());
  if (found == sizes.end()) return Corruption(what + ": " + name + " is missing");
  if (end_bytes <= found->second) return OkStatus();
  return Corruption(what + ": " + name + " ends at " + std::to_string(found->second) + " bytes, before " +
                    std::to_string(end_bytes));
}

Status CheckRecords(const Rocks& rocks, const RocksSnapshot* snapshot, const Sizes& sizes, Lsn last) {
  Lsn expected;
  Status status;
  const auto visit = [&](std::string_view key, std::string_view value) {
    expected = expected.Next();
    const std::string what = "log record " + std::to_string(expected.value());
    if (key != LsnKey(expected)) {
      status = Corruption(what + " is not in the log index");
      return false;
    }
    const auto entry = ParseLogEntry(value);
    status = entry.ok()
                 ? CheckPlace(sizes, entry->position.segment, entry->position.offset_bytes + kRecordHeaderBytes, what)
                 : entry.status().WithContext(what);
    return status.ok();
  };
  RETURN_IF_ERROR(rocks.Scan(Family::kLog, "", "", visit, snapshot));
  RETURN_IF_ERROR(status);
  if (expected >= last) return OkStatus();
  return Corruption("log record " + std::to_string(expected.Next().value()) + " is not in the log index");
}

Status CheckBlobs(const Rocks& rocks, const RocksSnapshot* snapshot, const Sizes& sizes) {
  Status status;
  const auto visit = [&](std::string_view key, std::string_view value) {
    const std::string what = "blob " + HexEncode(key).substr(0, 16) + "…";
    const auto digest = Digest::FromBytes(key);
    const auto location = digest.ok() ? ParseLocation(*digest, value) : Result<Location>(digest.status());
    status = location.ok() ? CheckPlace(sizes, location->segment,
                                        location->payload_offset_bytes + location->info.size_bytes, what)
                           : location.status().WithContext(what);
    return status.ok();
  };
  RETURN_IF_ERROR(rocks.Scan(Family::kLocation, "", "", visit, snapshot));
  return status;
}

}  // namespace

Status CheckPlaces(const Rocks& rocks, const SegmentStore& segments, Lsn last) {
  // The rows first: what is written meanwhile may make files longer than they say, never shorter.
  const auto snapshot = rocks.NewSnapshot();
  Sizes sizes;
  for (const SegmentListing& segment : segments.List()) sizes[segment.id] = segment.size_bytes;
  RETURN_IF_ERROR(CheckRecords(rocks, snapshot.get(), sizes, last));
  return CheckBlobs(rocks, snapshot.get(), sizes);
}

Status WriteBlobAgain(File* file, const Location& location, const std::function<Status(const PieceSink&)>& fetch) {
  const BlobInfo& info = location.info;
  BlockChecksums checksums;
  uint64_t written = 0;
  const auto piece = [&](std::string_view bytes) -> Status {
    // What stands behind this blob belongs to others.
    if (bytes.size() > info.size_bytes - written) return Corruption("more bytes than the blob has");
    checksums.Update(bytes);
    RETURN_IF_ERROR(file->WriteAt(location.payload_offset_bytes + written, bytes));
    written += bytes.size();
    return OkStatus();
  };
  RETURN_IF_ERROR(fetch(piece));
  if (written != info.size_bytes) return Corruption("fewer bytes than the blob has");
  std::string tail(PaddedBytes(info.size_bytes) - info.size_bytes, '\0');
  tail.append(TableBytes(checksums.Finish()));
  RETURN_IF_ERROR(file->WriteAt(location.payload_offset_bytes + info.size_bytes, tail));
  std::string head;
  AppendRecordHeader(&head, BlobHeader{info});
  RETURN_IF_ERROR(file->WriteAt(location.payload_offset_bytes - kRecordHeaderBytes, head));
  return file->Sync();
}

}  // namespace tarn::engine
