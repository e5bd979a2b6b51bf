#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "storage/base/result.h"
#include "storage/engine/segment_format.h"
#include "storage/engine/segment_reader.h"

namespace tarn::engine {

// What a segment's footer will say, collected record by record. 40 bytes of memory per record.
class SegmentTable {
 public:
  // In file order. Trailers are not listed; any other header may come.
  void Add(const RecordHeader& header, uint64_t offset_bytes);
  // The footer and the end marker as they are written at `offset_bytes`.
  std::string EncodeFooter(uint64_t offset_bytes, uint64_t salt) const;
  size_t size() const { return entries_.size(); }
  bool Matches(const Footer& footer) const;

  // Of the records in [header, end) of a segment, by their headers alone. kCorruption if they do not lead to `end`.
  static Result<SegmentTable> Read(const SegmentFile& segment, uint64_t end);

 private:
  std::deque<FooterEntry> entries_;  // Grows without moving megabytes on the committer's thread.
  Lsn first_lsn_;
  Lsn last_lsn_;
  Sha256Digest chain_hash_;
  uint64_t blob_bytes_ = 0;
};

}  // namespace tarn::engine
