#pragma once

#include <cstddef>
#include <cstdint>

// Of the collection of blobs that nothing refers to any more (engine/collect.h, registry/collection.h).
namespace tarn::limits {

inline constexpr uint64_t kCollectAgeMs =
    24ULL * 3'600 * 1'000;  // (default) Younger blobs may be on their way to a package.
inline constexpr size_t kCollectBlobsPerRecord = 500;
inline constexpr size_t kCollectReferencesMax =
    256 * 1024;                                    // Noted while a collection is under way; over it, it begins again.
inline constexpr uint64_t kSweepDeadPercent = 10;  // (default) A segment is written anew when so much of it is dead.
inline constexpr size_t kSweepFindingsMax = 100;

}  // namespace tarn::limits
