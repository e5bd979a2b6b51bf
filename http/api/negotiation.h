#pragma once

#include <string_view>

#include "storage/registry/packument_body.h"

namespace tarn::http {

// Which packument an Accept header asks for (contract 2.5): abbreviated when application/vnd.npm.install-v1+json is
// listed with a quality above that of application/json, full otherwise, also for nonsense.
registry::PackumentForm ChooseForm(std::string_view accept);

// gzip when the header lists gzip, x-gzip or * with a quality above 0; identity otherwise, also for nonsense such as
// bun's "gzip/deflate" (contract 2.6).
registry::PackumentCoding ChooseCoding(std::string_view accept_encoding);

// Weak comparison (RFC 9110, section 8.8.3.2) of one quoted ETag with an If-None-Match value: a list, or "*".
bool MatchesEtag(std::string_view if_none_match, std::string_view etag);

// "bytes=0-99" over `size` bytes (RFC 9110, section 14.2). One range only: several, another unit or bad syntax are
// ignored, which the RFC allows, and the whole is sent.
struct ByteRange {
  enum class Kind : unsigned char { kWhole, kPart, kUnsatisfiable } kind = Kind::kWhole;
  uint64_t first = 0;   // Of kPart.
  uint64_t length = 0;  // Of kPart; > 0.
};
ByteRange ParseRange(std::string_view range, uint64_t size);

}  // namespace tarn::http
