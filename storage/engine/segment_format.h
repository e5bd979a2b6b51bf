#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "storage/base/ids.h"
#include "storage/base/limits.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"

// Private to engine: the bytes of segment files, and nothing but bytes. Every field and worked examples: FORMAT.md,
// "Segments". Integers are little-endian; every checksum is XXH3-64 with seed 0; records begin at multiples of 8.
namespace tarn::engine {

inline constexpr uint16_t kSegmentFormat = 1;  // Written to disk since format 1.
inline constexpr uint8_t kRecordFormat = 1;    // Written to disk since format 1.
inline constexpr uint64_t kSegmentHeaderBytes = 64;
inline constexpr uint64_t kRecordHeaderBytes = 128;
inline constexpr uint64_t kFooterEntryBytes = 40;
inline constexpr uint64_t kEndMarkerBytes = 32;
inline constexpr uint64_t kRecordAlignmentBytes = 8;
static_assert(limits::kBlobBlockBytes == 65536, "written to disk since format 1");

// Written to disk since format 1: never renumbered, never reused.
enum class SegmentKind : uint8_t { kShared = 1, kSolo = 2 };
enum class RecordKind : uint8_t { kBlob = 1, kLog = 2, kSoloReference = 3, kTrailer = 4, kFooter = 5, kCollected = 6 };

// First in each file. `salt` is random and repeated in trailers and footers, so that bytes which somebody else chose
// (a tarball that holds a segment) are never taken for a group of this file.
struct SegmentHeader {
  SegmentKind kind = SegmentKind::kShared;
  SegmentId id;
  uint64_t salt = 0;
  bool operator==(const SegmentHeader&) const = default;
};

// A blob: followed by its bytes, padding to 8, then one checksum per 64 KiB block.
struct BlobHeader {
  BlobInfo info;
};

// A log record: followed by its payload and padding to 8.
struct LogHeader {
  Lsn lsn;
  Epoch epoch;
  uint64_t time_ms = 0;
  Sha256Digest previous_chain_hash;
  Sha256Digest chain_hash;
  uint64_t payload_bytes = 0;
  uint64_t payload_checksum = 0;
};

// A blob of this group that is in a solo segment. Nothing follows.
struct SoloReference {
  BlobInfo info;
  SegmentId segment;
};

// What is left of a blob that was collected: it takes the same room, and all of it is zeros, which need no blocks on the
// disk. So nothing else in the segment moves.
struct CollectedBlob {
  BlobInfo info;
};

// Ends a group, and makes it count. Nothing follows.
struct TrailerHeader {
  Lsn first_lsn;
  Lsn last_lsn;
  uint32_t record_count = 0;  // Log records.
  uint32_t blob_count = 0;    // Blobs, collected ones too, and solo references.
  uint64_t begin_bytes = 0;   // Offset in the file of the group's first record.
  uint64_t group_bytes = 0;   // From there up to this trailer.
  Sha256Digest chain_hash;    // Of the last log record.
  uint64_t salt = 0;
  uint64_t group_checksum = 0;  // Over the group_bytes.
};

// Seals a segment: followed by `entry_count` entries and the end marker, which ends the file.
struct FooterHeader {
  Lsn first_lsn;  // 0 in a solo segment.
  Lsn last_lsn;
  uint64_t entry_count = 0;
  uint64_t blob_bytes = 0;  // Sum over the blobs in this file, without collected ones.
  uint64_t salt = 0;
  Sha256Digest chain_hash;  // Of the last log record; zero in a solo segment.
  uint64_t entries_checksum = 0;
};

// One line of the footer's table: a blob, log record, solo reference or collected blob, in file order.
struct FooterEntry {
  uint64_t offset_bytes = 0;   // Of the record's header.
  uint64_t payload_bytes = 0;  // Of a solo reference: 0.
  RecordKind kind = RecordKind::kBlob;
  std::array<uint8_t, 16> id{};  // First bytes of the SHA-512; of a log record: LSN, epoch, zeros.
  bool operator==(const FooterEntry&) const = default;
};

using RecordHeader = std::variant<BlobHeader, LogHeader, SoloReference, TrailerHeader, FooterHeader, CollectedBlob>;

// Each appends exactly its fixed size.
void AppendSegmentHeader(std::string* out, const SegmentHeader& header);
void AppendRecordHeader(std::string* out, const RecordHeader& header);
void AppendFooterEntry(std::string* out, const FooterEntry& entry);
void AppendEndMarker(std::string* out, uint64_t footer_offset_bytes, uint64_t salt);

// `bytes` are exactly the fixed size. kCorruption: not such a thing, or damaged; kFailedPrecondition: whole, but of a
// format this program does not know. The caller adds file and offset.
Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);
Result<RecordHeader> DecodeRecordHeader(std::string_view bytes);
// A cheap no for bytes that do not begin like a record of this kind.
bool MayBeRecord(std::string_view bytes, RecordKind kind);
Result<FooterEntry> DecodeFooterEntry(std::string_view bytes);
// The footer's offset.
Result<uint64_t> DecodeEndMarker(std::string_view bytes, uint64_t salt);

FooterEntry FooterEntryOf(const RecordHeader& header, uint64_t offset_bytes);

// Sizes on disk.
constexpr uint64_t PaddedBytes(uint64_t bytes) {
  return (bytes + kRecordAlignmentBytes - 1) / kRecordAlignmentBytes * kRecordAlignmentBytes;
}
constexpr uint64_t BlockCount(uint64_t blob_bytes) {
  return (blob_bytes + limits::kBlobBlockBytes - 1) / limits::kBlobBlockBytes;
}
constexpr uint64_t BlobRecordBytes(uint64_t blob_bytes) {
  return kRecordHeaderBytes + PaddedBytes(blob_bytes) + BlockCount(blob_bytes) * sizeof(uint64_t);
}
constexpr uint64_t LogRecordBytes(uint64_t payload_bytes) { return kRecordHeaderBytes + PaddedBytes(payload_bytes); }
constexpr uint64_t FooterBytes(uint64_t entry_count) {
  return kRecordHeaderBytes + entry_count * kFooterEntryBytes + kEndMarkerBytes;
}
// Header and everything that belongs to the record; may be anything for a damaged one, so compare before adding.
uint64_t RecordBytes(const RecordHeader& header);

// A solo segment is one blob record at this place, then a footer.
inline constexpr uint64_t kSoloRecordOffsetBytes = kSegmentHeaderBytes;
inline constexpr uint64_t kSoloPayloadOffsetBytes = kSegmentHeaderBytes + kRecordHeaderBytes;

}  // namespace tarn::engine
