#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tarn::registry {

enum class PackumentForm : uint8_t { kFull, kAbbreviated };

// What a packument says besides its versions and their times. Everything here may change with each
// revision, and all of it is small next to the versions; the readme (at most
// limits::kReadmeBytesMax) is the largest part.
//
// Members ending in _json are written as they are and must be valid JSON; the rest is escaped here.
struct PackumentHead {
  std::string name;
  std::string rev;  // `_rev`: [0-9A-Za-z._-]+, different for each state of the package.
  std::vector<std::pair<std::string, std::string>> dist_tags;  // Tag to version, in this order.
  uint64_t created_ms = 0;
  uint64_t modified_ms = 0;
  std::string maintainers_json = "[]";  // An array of objects. Empty: left out.
  // `"description":"…","license":"MIT"`: members taken from `latest`, no comma around; or empty.
  std::string hoisted_members_json;
  std::string readme;           // Empty: left out.
  std::string readme_filename;  // Empty: left out.
  std::string users_json;       // An object. Empty: left out.
  // The value of `time.unpublished`. Not empty only for a package whose versions are all gone: its
  // document has neither `versions` nor `dist-tags` (npm then prints "Unpublished on …").
  std::string unpublished_json;
  // Not written: handed through to the body, so that caches of others can be told.
  bool is_restricted = false;
};

// The text around the two streams of a packument:
//   opening  versions…  middle  times…  time_end  closing
// `time_end` changes with every revision, `closing`, which holds the readme, rarely.
struct PackumentFrame {
  std::string opening;
  std::string middle;
  std::string time_end;
  std::string closing;
};

// `time_count`: entries in the stream of times.
PackumentFrame FramePackument(const PackumentHead& head, PackumentForm form, size_t time_count);

}  // namespace tarn::registry
