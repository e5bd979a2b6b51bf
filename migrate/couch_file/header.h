#pragma once

#include <cstdint>
#include <optional>

#include "migrate/couch_file/block_file.h"
#include "migrate/couch_file/finding.h"

namespace tarn::couch_file {

// A tree as the header names it.
struct TreeRoot {
  uint64_t position = 0;
  // What the root says is below it; by id only.
  std::optional<uint64_t> documents;
  std::optional<uint64_t> deleted;
};

struct Header {
  uint64_t position = 0;  // A multiple of 4096.
  uint64_t end = 0;       // The place behind it: everything that it refers to lies before `position`.
  uint64_t disk_version = 0;
  uint64_t update_seq = 0;
  // None: the tree is empty.
  std::optional<TreeRoot> by_id;
  std::optional<TreeRoot> by_seq;
  std::optional<uint64_t> security_position;
};

inline constexpr uint64_t kDiskVersionMin = 4;  // CouchDB 0.10; its own software refuses older ones too.
inline constexpr uint64_t kDiskVersionMax = 8;  // CouchDB 3.

// The last whole header of the file, from its end downwards. A torn or damaged one on the way, and bytes behind the
// one that is taken, are findings.
// Errors: kCorruption (no header anywhere: not a CouchDB file, or too much of it is missing), kFailedPrecondition (a
// disk version outside of the above).
Result<Header> FindHeader(BlockFile* file, FindingSink* findings);

}  // namespace tarn::couch_file
