#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/log.h"
#include "storage/engine/store.h"

namespace tarn::engine {

// A mutation checked and encoded: everything dear is done, and what is left needs the committer.
struct PreparedMutation {
  LogRecord record;  // Without LSN, epoch, time and hashes.
  std::string payload;
  std::vector<Precondition> preconditions;
  std::vector<std::shared_ptr<StagedBlob>> blobs;  // In the order of record.blobs.
};

// In the caller's thread. kInvalidArgument: over a limit, a key twice, or a family that mutations may not touch.
Result<PreparedMutation> Prepare(Mutation mutation);

}  // namespace tarn::engine
