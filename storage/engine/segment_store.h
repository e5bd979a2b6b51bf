#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/file_system.h"
#include "storage/base/ids.h"
#include "storage/base/limits.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/collect.h"
#include "storage/engine/shipping.h"

// Private to engine: the segment files under `segments/`. What a crash leaves, and every byte: FORMAT.md, "Segments".
namespace tarn::engine {

struct SegmentPosition {
  SegmentId segment;
  uint64_t offset_bytes = 0;
  auto operator<=>(const SegmentPosition&) const = default;
};

// Where a blob's payload is on this node.
struct Location {
  SegmentId segment;
  uint64_t payload_offset_bytes = 0;
  BlobInfo info;
};

// An encoded log record: what its header holds, and the payload (FlatBuffers bytes).
struct RecordFrame {
  Lsn lsn;
  Epoch epoch;
  uint64_t time_ms = 0;
  Sha256Digest previous_chain_hash;
  Sha256Digest chain_hash;
  std::string_view payload;
};

// One group, as the committer hands it over: blobs first, then records, then (written here) the trailer.
struct GroupToWrite {
  std::vector<const StagedBlob*> blobs;  // In memory: their bytes are written. Solo: a reference record is written.
  std::vector<RecordFrame> records;      // Consecutive LSNs, at least one.
};

struct GroupWritten {
  SegmentPosition begin;
  SegmentPosition end;                   // Where the next group will begin.
  std::vector<Location> blobs;           // Same order as GroupToWrite::blobs.
  std::vector<SegmentPosition> records;  // Of each record's header.
};

// A group found by Scan, verified whole (trailer and every checksum).
struct GroupRead {
  SegmentPosition begin;
  SegmentPosition end;
  std::vector<Location> blobs;
  std::vector<RecordFrame> records;  // Payloads are valid until the visitor returns.
  std::vector<SegmentPosition> record_positions;
};

struct SegmentStoreOptions {
  std::string directory;
  FileSystem* file_system = nullptr;  // nullptr: the machine's.
  Random* random = nullptr;           // For the salt of new segments. nullptr: the machine's.
  uint64_t segment_bytes_max = limits::kSegmentBytesMax;
  uint64_t upload_budget_bytes = limits::kUploadBudgetBytes;
  bool read_only = false;
  bool skip_sync = false;  // Planted faults.
  bool skip_directory_sync = false;
  // Asked before a solo segment grows; not OK stops the upload (kOutOfSpace).
  std::function<Status()> may_write;
};

// Outlives its writers and staged blobs; BlobReaders may outlive it.
class SegmentStore {
 public:
  static Result<std::unique_ptr<SegmentStore>> Open(const SegmentStoreOptions& options);
  virtual ~SegmentStore() = default;

  // --- committer only, one at a time ---
  // Continues after `end` of the last accepted group (default: an empty store); truncates what is behind it in that
  // segment and removes later shared segments, which hold nothing accepted. Returns bytes dropped.
  // Writes and syncs the last accepted group again: a killed process may have left it in the page cache only. So call it
  // before RocksDB learns of that group. Checks the headers of the segment it continues; if a whole group lies behind `end` it
  // refuses (kFailedPrecondition). On an error nothing accepted has changed. Once.
  [[nodiscard]] virtual Result<uint64_t> StartAppending(SegmentPosition end) = 0;
  // Writes one group and syncs it (and, for a new segment, its directory). kOutOfSpace: the disk was full; what was
  // written is cut off again and the store goes on. Any other error: this object accepts no further group (kIoError).
  [[nodiscard]] virtual Result<GroupWritten> AppendGroup(const GroupToWrite& group) = 0;
  // Removes unfinished files and those solo segments for which `is_referenced` is false; damaged ones stay. Only at
  // open, before uploads begin. Returns how many. Two uploads of equal bytes have two segments, so ask by location.
  [[nodiscard]] virtual Result<uint64_t> RemoveOrphanSolos(
      const std::function<bool(const Location&)>& is_referenced) = 0;

  // --- recovery and verify ---
  // Shared segments in order from `from` (default: the very first group). Stops cleanly at the first group that is not
  // whole, if nothing whole follows it; returns the end of the last good group (`from` if there is none). A bad group
  // that is followed by good ones, or lies in a sealed segment, is damage: kCorruption with file and offset. So is an
  // LSN or chain hash that does not continue the record before. While appending: up to the last synced group.
  [[nodiscard]] virtual Result<SegmentPosition> Scan(SegmentPosition from,
                                                     const std::function<Status(const GroupRead&)>& visit) = 0;
  // Checks every header, checksum and footer, and for kDigest each SHA, of every segment including solos; findings in
  // words. Before StartAppending, a torn tail of the last segment is none.
  // `pace` is told after each group and solo segment how many bytes it took; kCancelled ends the work, and is returned.
  [[nodiscard]] virtual Status VerifyFiles(BlobStore::Depth depth, const std::function<void(std::string)>& finding,
                                           const std::function<Status(uint64_t)>& pace, uint64_t* bytes_read) = 0;

  // --- one at a time ---
  // Gives back the room of dead blobs (segment_sweep.h), segment by segment.
  struct Sweep {
    Lsn last;  // Segments with records behind it are left alone: what is live in them is not known yet.
    std::function<Result<bool>(const Location&)> is_live;
    std::function<Status()> may_remove;              // Not OK: the sweep ends with it. Asked before each change.
    std::function<Status(uint64_t bytes)> has_room;  // For a copy of what is live. kOutOfSpace: the segment stays.
    std::function<bool()> is_stopping;
    uint64_t dead_percent = 0;  // Of a shared segment's blob bytes, at least, or it stays.
    bool dry_run = false;
  };
  [[nodiscard]] virtual Result<SweepReport> SweepDead(const Sweep& sweep) = 0;

  // --- any thread ---
  [[nodiscard]] virtual Result<std::unique_ptr<BlobWriter>> NewWriter() = 0;
  // Descriptors are cached. Checks the record header (address and length) once per descriptor and blob.
  [[nodiscard]] virtual Result<BlobReader> Open(const Location& location) = 0;
  [[nodiscard]] virtual Status VerifyBlob(const Location& location, BlobStore::Depth depth) = 0;
  // One log record by the position of its header; payload in `buffer`.
  [[nodiscard]] virtual Result<RecordFrame> ReadRecord(SegmentPosition position, std::string* buffer) = 0;

  struct Stats {
    uint64_t segment_count = 0;
    uint64_t segment_bytes = 0;
    uint64_t groups_written = 0;
    uint64_t syncs = 0;
    uint64_t upload_budget_used_bytes = 0;
  };
  virtual Stats GetStats() const = 0;

  // For copies of this store: every segment, the one that grows up to the last synced group.
  virtual std::vector<SegmentListing> List() const = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<const File>> OpenFile(SegmentId id) = 0;
  // To write what is damaged again. Nothing below the end of the last synced group is ever written otherwise.
  [[nodiscard]] virtual Result<std::unique_ptr<File>> OpenToMend(SegmentId id) = 0;
};

}  // namespace tarn::engine
