#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/log.h"
#include "storage/engine/store.h"

// The derived family `change`: one row per package, at the LSN of its last change, so that a follower reads what it lacks
// and nothing else; and the way from the package to that row, so that the next change can move it.
// Threads: any.
namespace tarn::registry {

// What the feed says of a package without reading its record. Layout: FORMAT.md, family `change`.
struct ChangeRow {
  bool is_restricted = false;
  bool is_unpublished = false;
  Epoch epoch;  // Of the log record.
  uint64_t rev_counter = 0;
  uint64_t rev_hash = 0;
  bool operator==(const ChangeRow&) const = default;

  std::string rev() const;
};
std::string Encode(const ChangeRow& row);
Result<ChangeRow> DecodeChangeRow(std::string_view payload);

// What `record` changes in the family. `before`: the state without it.
Status DeriveChangeRows(const engine::LogRecord& record, const engine::ReadView& before,
                        std::vector<engine::Change>* derived);

// Findings, in words: each package has exactly one row, which names the record that wrote the package as it is now (no two
// revisions are equal), and no row is of anything else. Reads one log record per package.
Result<std::vector<std::string>> VerifyChangeRows(const engine::ReadView& view, engine::LogReader& log);

}  // namespace tarn::registry
