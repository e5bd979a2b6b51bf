#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/engine/column_families.h"

// How every RocksDB value is framed: kind[1] version[1] payload xxh3-64[8] (of all before it, little-endian).
// The kind is the family's number, so a value that strays into another family is noticed. FORMAT.md, "Values".
namespace tarn::engine {

inline constexpr uint8_t kValueVersion = 1;  // Written to disk since format 1.
inline constexpr size_t kValueHeaderBytes = 2;
inline constexpr size_t kValueTrailerBytes = 8;

std::string FrameValue(Family family, std::string_view payload);

// The payload within `value`. kCorruption: too short, of another family, or the checksum is wrong.
// kFailedPrecondition: written by a newer format. Neither names the key; the caller adds it.
Result<std::string_view> UnframeValue(Family family, std::string_view value);

}  // namespace tarn::engine
