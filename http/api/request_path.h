#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.h"

namespace tarn::http {

// A request target taken apart: still encoded, so that a route can say where a package name may stand.
//
// "/npm//-/package/%40s%2fn/dist-tags?x=1" with prefix "/npm" → segments {"-", "package", "%40s%2fn", "dist-tags"},
// query "x=1". Slashes at the front are collapsed (a registry configured as "…/" makes clients ask for "//-/ping"), one
// at the end is dropped, and `prefix` is removed if it is there (a proxy may have removed it already).
// The views point into the target that was parsed.
struct RequestPath {
  std::vector<std::string_view> segments;
  std::string_view query;

  // kInvalidArgument: no leading slash, an empty segment in the middle, a `.` or `..` segment in any encoding, a control
  // byte, or broken percent-encoding.
  static Result<RequestPath> Parse(std::string_view target, std::string_view prefix);
};

// One percent-decoding. kInvalidArgument for a broken escape or a control byte (NUL included).
Result<std::string> PercentDecode(std::string_view text);
// Keeps unreserved characters (RFC 3986, section 2.3), encodes the rest in upper case.
std::string PercentEncode(std::string_view text);

// The package name that begins at segments[at], in any of the encodings of contract 2.2 (@s/n, @s%2fn, @s%2Fn, %40s%2Fn,
// %40s/n, @s%252fn, n). Returns the name as npm writes it, unchecked, and how many segments it took (1 or 2).
struct NameAt {
  std::string name;
  size_t segment_count = 1;
};
Result<NameAt> PackageNameAt(const std::vector<std::string_view>& segments, size_t at);

// The first value of `key` in a query string, decoded ('+' is a space); nullopt if it is absent. A broken escape gives the
// raw text: queries are hints, never an error.
std::optional<std::string> QueryValue(std::string_view query, std::string_view key);
// The whole number under that key, at most `most`; `otherwise` when there is none.
uint64_t QueryNumber(std::string_view query, std::string_view key, uint64_t otherwise, uint64_t most);

}  // namespace tarn::http
