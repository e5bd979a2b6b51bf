#pragma once

#include <string>
#include <string_view>

#include "storage/base/random.h"

namespace tarn {

// 122 random bits as "0f8fad5b-d9cb-469f-a165-70867728950e" (RFC 9562, version 4), in lower case.
std::string MakeUuid(Random* random);
// Has that form, whatever its version; in either case.
bool IsUuid(std::string_view text);

}  // namespace tarn
