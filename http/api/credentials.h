#pragma once

#include <optional>
#include <string_view>

#include "http/net/response.h"
#include "storage/registry/access.h"

namespace tarn::http {

// What an Authorization header shows. The scheme is case-insensitive (RFC 9110, section 11.1). An absent header is kNone;
// kInvalidArgument for a scheme that is neither Bearer nor Basic, or for Basic that does not decode to "user:password".
Result<registry::Credentials> ParseAuthorization(std::string_view header);

// What to answer instead of going on; nullopt when the credentials are good.
std::optional<Response> RefusalOf(const Result<registry::Authentication>& authentication);

}  // namespace tarn::http
