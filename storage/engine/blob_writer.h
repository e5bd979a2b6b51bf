#pragma once

#include <memory>

#include "storage/engine/blob_store.h"
#include "storage/engine/segment_folder.h"
#include "storage/engine/staged_blob.h"

namespace tarn::engine {

// Collects a blob in memory up to limits::kSharedBlobBytesMax and as long as the budget has room, then goes on in a solo
// segment. Hashes and checksums are taken of each piece while it is in the processor's cache.
std::unique_ptr<BlobWriter> NewSegmentBlobWriter(SegmentFolder& folder, UploadBudget& budget);

}  // namespace tarn::engine
