#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <vector>

#include "storage/engine/segment_format.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/segment_table.h"

namespace tarn::engine {

// What the group takes in the file, trailer included.
uint64_t GroupBytes(const GroupToWrite& group);

// A group as it will be in the file, ready for one vectored write. Blob bytes and payloads are not copied: `parts`
// point into `group` of EncodeGroup, and into this object.
struct EncodedGroup {
  std::string headers;
  std::vector<iovec> parts;
  GroupWritten written;
  std::vector<std::pair<RecordHeader, uint64_t>> records;  // Each with its offset, for the segment's table.
};

// `begin` is the offset in the segment. Blobs must be a BlobWriter's of the same store, LSNs consecutive (CHECKed).
EncodedGroup EncodeGroup(const GroupToWrite& group, const SegmentHeader& segment, uint64_t begin);

}  // namespace tarn::engine
