#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"

namespace tarn::cli {

// What may become of a record that was set aside.
enum class ReapplyResult : uint8_t { kReapplied, kAlreadyThere, kCannot };

struct ReapplyOptions {
  std::string directory;  // The node's data directory, with the folders of set-aside records.
  engine::Store* store = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  bool is_dry_run = false;
  // Commits to whoever leads, with the bytes of the blobs, and returns when this store shows it. kConflict: the state was
  // another one; it is read again. kCorruption: a blob is damaged.
  std::function<Status(engine::Mutation mutation, const std::vector<engine::BlobReader>& blobs)> commit;
  // Returns when this store has everything that whoever leads had a moment ago.
  std::function<Status()> catch_up;
  std::function<bool()> is_stopping;
};

// Applies what an old leader set aside (replication/bootstrap.h) to the registry as it is now, record by record in their
// order, and tells of each what became of it: storage/registry/reapply_rules.h decides. A second run changes nothing.
// A folder that was gone through to its end is marked in it, with the counts; nothing is removed.
// Returns JSON: {"dry_run":…,"reapplied":n,"already_there":n,"cannot":n,"folders":[{"folder":…,"records":[{"lsn":…,"kind":…,
// "package":…,"version":…,"actor":…,"result":"reapplied"|"already there"|"cannot","reason":…}],"error":…}]}.
// Errors: those of the commits; what was applied by then stays, and another run goes on.
// Threads: one at a time. Blocks for as long as it takes.
Result<std::string> Reapply(const ReapplyOptions& options);

// The folders, the oldest first, by name.
std::vector<std::string> SetAsideFolders(const std::string& directory);
// What stands in a folder that was gone through: a JSON object; empty: nothing.
std::string ReadHandled(const std::string& folder);

// For people: what kind of a record it is.
std::string NameOfEvent(engine::EventKind kind);

}  // namespace tarn::cli
