#pragma once

#include <cstdint>
#include <string>

#include "http/api/routes.h"

namespace tarn::http {

// Which packages.
struct ListingQuery {
  enum class Kind : uint8_t { kAll, kStarredBy, kMaintainedBy } kind = Kind::kAll;
  std::string user = {};           // kStarredBy, kMaintainedBy.
  uint64_t modified_since_ms = 0;  // kAll: only those.
};

// How each is written.
enum class ListingRow : uint8_t {
  kMember,   // "left":true
  kViewRow,  // {"id":"left","key":KEY,"value":"left"}
  kSlim,     // "left":{"name":"left","description":…}, as `/-/all` has it.
};
struct ListingForm {
  std::string opening;
  ListingRow row = ListingRow::kMember;
  std::string closing;
  std::string key = {};  // kViewRow: JSON.
};

// The answer, written piece by piece as the client takes it. Refused at once where the caller may not ask at all.
Response ListingResponse(const Services& services, const Call& call, ListingQuery query, ListingForm form);

}  // namespace tarn::http
