#pragma once

#include "storage/base/limits.h"

// The limits of staged versions; as limits.h, but few files need them.
namespace tarn::limits {

inline constexpr size_t kStagedPerPackageMax = 100;  // Waiting at once; a person looks at each of them.
inline constexpr uint64_t kStagedDays = 30;          // (configurable) Then a staged version is gone.
inline constexpr uint64_t kStagedDaysMax = 365;
inline constexpr uint64_t kDayMs = 24 * 3'600'000;
inline constexpr uint64_t kStagedSweepMs = 3'600'000;  // Between two looks for those that have expired.
inline constexpr size_t kStagedPageDefault = 10;       // Contract 6, S2.
inline constexpr size_t kStagedPageMax = 100;          // The same.

}  // namespace tarn::limits
