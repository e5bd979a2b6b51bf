#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/file_system.h"
#include "storage/base/result.h"
#include "storage/engine/segment_folder.h"
#include "storage/engine/segment_format.h"
#include "storage/engine/segment_store.h"

// Private to engine: reading segment files and checking all of what is read.
// Errors: kCorruption says "name offset n: what"; any other code means that the question could not be answered.
namespace tarn::engine {

// Reads forward through one file, a window at a time.
// Threads: one at a time.
class ForwardReader {
 public:
  static constexpr size_t kScanWindowBytes = limits::kMiB;         // When everything is read.
  static constexpr size_t kHeaderWindowBytes = 64 * limits::kKiB;  // When payloads are skipped.

  // Nothing at or past `limit_bytes` is read.
  ForwardReader(const SegmentFile& segment, uint64_t limit_bytes, size_t window_bytes = kScanWindowBytes)
      : segment_(segment), limit_bytes_(limit_bytes), window_bytes_(window_bytes) {}

  // Exactly `size` bytes, valid until the next call. kCorruption if there are fewer.
  Result<std::string_view> Read(uint64_t offset, size_t size);
  // The same in pieces.
  Status ReadPieces(uint64_t offset, uint64_t size, const std::function<void(std::string_view)>& consume);
  Result<RecordHeader> ReadHeader(uint64_t offset);
  // Whether that many bytes are there.
  bool Has(uint64_t offset, uint64_t size) const { return offset <= limit_bytes_ && size <= limit_bytes_ - offset; }

  const SegmentFile& segment() const { return segment_; }
  uint64_t limit_bytes() const { return limit_bytes_; }
  uint64_t bytes_read() const { return bytes_read_; }
  // kCorruption about a place in this file.
  Status Damage(uint64_t offset, std::string_view what) const;

 private:
  const SegmentFile& segment_;
  const uint64_t limit_bytes_;
  const size_t window_bytes_;
  std::string window_;
  uint64_t window_offset_ = 0;
  uint64_t bytes_read_ = 0;
};

// A file's header; kCorruption also when it is another segment's.
Result<SegmentHeader> ReadSegmentHeader(const File& file, SegmentId id);
// Whether the file ends in the footer of a solo segment. For files whose header cannot be read.
bool LooksLikeSealedSolo(const File& file, uint64_t size_bytes);

// A group and the memory of its payloads.
struct GroupBuffer {
  GroupRead group;
  std::deque<std::string> payloads;  // What group.records[i].payload points into.
};

// The group that begins at `begin`, whole: its trailer and every checksum hold; with kDigest, every SHA of a blob too.
// kCorruption: it is not whole.
Status ReadGroup(ForwardReader& reader, uint64_t begin, BlobStore::Depth depth, GroupBuffer* out);

// Where the first whole group at or after `from` begins.
Result<std::optional<uint64_t>> FindWholeGroup(ForwardReader& reader, uint64_t from);

// Payload and block table of the blob whose header is at `offset`. Each byte also goes to `consume`, if there is one.
Status CheckBlob(ForwardReader& reader, uint64_t offset, const BlobInfo& info, BlobStore::Depth depth,
                 const std::function<void(std::string_view)>& consume = {});

struct Footer {
  FooterHeader header;
  std::vector<FooterEntry> entries;
};
// The footer at `offset`, which must end the file.
Result<Footer> ReadFooter(ForwardReader& reader, uint64_t offset);
// Where the footer is; nullopt if the file does not end in one, that is, if the segment is not sealed.
Result<std::optional<uint64_t>> FindFooter(ForwardReader& reader);

}  // namespace tarn::engine
