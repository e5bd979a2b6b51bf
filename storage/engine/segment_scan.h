#pragma once

#include <functional>

#include "storage/base/result.h"
#include "storage/engine/segment_folder.h"
#include "storage/engine/segment_store.h"

namespace tarn::engine {

// SegmentStore::Scan.
Result<SegmentPosition> ScanSegments(const SegmentFolder& folder, SegmentPosition from,
                                     const std::function<Status(const GroupRead&)>& visit);

}  // namespace tarn::engine
