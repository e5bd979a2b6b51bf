#pragma once

#include <cstdint>
#include <functional>

#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/store.h"

namespace tarn::engine {

// Told how many bytes were read since it was last called; may sleep over that. kCancelled ends the verification; it answers
// nothing else but OK.
using VerifyPace = std::function<Status(uint64_t bytes)>;

// Verify of a store that goes on working: commits and readers are not held up, everything is compared with the state of the
// moment when it began. Not beside a sweep (collect.h), which takes blobs away that this state still names.
Result<VerifyReport> VerifyPaced(Store& store, BlobStore::Depth depth, const VerifyPace& pace);

}  // namespace tarn::engine
