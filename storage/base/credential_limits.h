#pragma once

#include "storage/base/limits.h"

// The limits of tokens that are limited themselves; as limits.h, but few files need them.
namespace tarn::limits {

inline constexpr size_t kTokenPackagesMax = 50;  // Packages and scopes together, of one token: the public registry's …
inline constexpr size_t kTokenOrgsMax = 50;      // … documented limits, both.
inline constexpr uint64_t kTokenDaysMax = 36'500;  // Until it expires, when it does.

}  // namespace tarn::limits
