#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace tarn::couch_file {

// Undoes one raw snappy block (no framing): the length as a varint, then literals and copies.
//
// `out` (replaced) is only ever as long as the block says, and that at most `bytes_max`. Errors: kCorruption for anything
// that is not exactly one block, kTooLarge over the limit; `out` is then unspecified.
// Format: google/snappy, format_description.txt.
Status SnappyDecode(std::string_view block, size_t bytes_max, std::string* out);

}  // namespace tarn::couch_file
