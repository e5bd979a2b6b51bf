#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace tarn {

// One zstd frame of `bytes`, appended to `out`. Level 1 (fast) to 19.
// Cost here at level 3: about 30 µs for 8 KiB of JSON; the context is kept per thread.
void ZstdAppend(std::string_view bytes, int level, std::string* out);

// Undoes it into `out` (replaced). The frame must hold exactly `plain_size` bytes, which the caller has checked against
// a limit: nothing larger is ever allocated. kCorruption otherwise.
Status ZstdExtract(std::string_view frame, size_t plain_size, std::string* out);

}  // namespace tarn
