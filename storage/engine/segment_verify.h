#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/engine/segment_folder.h"
#include "storage/engine/segment_reader.h"
#include "storage/engine/segment_store.h"

namespace tarn::engine {

// Whether bytes behind the last whole group of the last segment are what a crash may leave, or damage.
enum class TornTail : uint8_t { kAllowed, kDamage };

// SegmentStore::VerifyFiles.
Status VerifySegments(const SegmentFolder& folder, BlobStore::Depth depth, TornTail torn_tail,
                      const std::function<void(std::string)>& finding, const std::function<Status(uint64_t)>& pace,
                      uint64_t* bytes_read);

// kCorruption unless the header of the blob at `location` says what `location` does.
Status CheckBlobHeader(ForwardReader& reader, const Location& location);

}  // namespace tarn::engine
