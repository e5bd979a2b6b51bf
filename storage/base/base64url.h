#pragma once

#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace tarn {

// URL-safe alphabet without padding (RFC 4648, section 5), as JSON Web Tokens have it: the inverse of Base64UrlEncode.
// kInvalidArgument: any other character, a length that cannot be, or bits set beyond the last byte, so that no two texts
// stand for the same bytes.
Result<std::string> Base64UrlDecode(std::string_view text);

}  // namespace tarn
