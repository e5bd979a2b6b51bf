#pragma once

#include <functional>
#include <string_view>

#include "storage/base/file_system.h"
#include "storage/base/result.h"
#include "storage/engine/rocks.h"
#include "storage/engine/segment_store.h"

// Private to engine: is everything where the indexes say, and what is damaged written again. shipping.h, "CheckPlaces", "MendBlob".
namespace tarn::engine {

// Every record from the first to the last one, and every blob, has its place inside a segment that is there. Looks at the
// indexes and at the sizes of files, not at the bytes.
Status CheckPlaces(const Rocks& rocks, const SegmentStore& segments, Lsn last);

// Writes a blob, its header and its block checksums where they belong, and syncs. `fetch` gives the bytes in order.
using PieceSink = std::function<Status(std::string_view)>;
Status WriteBlobAgain(File* file, const Location& location, const std::function<Status(const PieceSink&)>& fetch);

}  // namespace tarn::engine
