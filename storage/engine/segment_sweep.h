#pragma once

#include <cstdint>
#include <functional>
#include <set>

#include "storage/base/result.h"
#include "storage/engine/segment_folder.h"
#include "storage/engine/segment_store.h"

// Private to engine: room that dead blobs take in sealed segments, and giving it back.
//
// A segment is written anew beside the old one, with everything where it was and zeros (holes) where dead blobs were, and takes
// its name when it is on stable storage and proved. So no index changes, whoever reads the old file goes on to, and a crash
// leaves the one or the other.
namespace tarn::engine {

// What of a sealed segment is dead. `last_lsn` of a solo segment is 0.
struct DeadBlobs {
  std::set<uint64_t> offsets;  // Of their headers.
  uint64_t bytes = 0;          // That can be given back.
  uint64_t blob_bytes = 0;     // Of all blobs that take room here, dead or not.
};

// nullopt: not sealed, or holds records behind `last`, which may not be judged yet. Reads the headers.
Result<std::optional<DeadBlobs>> FindDeadBlobs(const SegmentFolder& folder, const SegmentFolder::Entry& entry, Lsn last,
                                               const std::function<Result<bool>(const Location&)>& is_live);

// kCorruption: the segment is damaged, and stays as it is. kCancelled: `is_stopping`. kOutOfSpace: nothing has changed.
Status WriteWithoutDead(SegmentFolder* folder, const SegmentFolder::Entry& entry,
                        const std::set<uint64_t>& dead_offsets, const std::function<bool()>& is_stopping);

}  // namespace tarn::engine
