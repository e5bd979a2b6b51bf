#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/log.h"
#include "storage/engine/store.h"

namespace tarn::engine {

// A mutation checked and encoded: everything dear is done, and what is left needs the committer.
struct PreparedMutation {
  LogRecord record;  // Of this node's own: without LSN, epoch, time and hashes.
  std::string payload;
  std::vector<Precondition> preconditions;
  std::vector<std::shared_ptr<StagedBlob>> blobs;  // In the order of record.blobs; a follower's: those that are new.
  bool is_followed = false;                        // The leader's: LSN, epoch, time and hashes of the record are set.
  std::set<Digest> collected;                      // A follower's: blobs that are no more, by a later record.
};

// In the caller's thread. kInvalidArgument: over a limit, a key twice, or a family that mutations may not touch.
Result<PreparedMutation> Prepare(Mutation mutation);

// A record of the leader. kCorruption: its chain hash is not what its bytes give, or they are none of a record;
// kFailedPrecondition: of a newer format.
Result<PreparedMutation> PrepareFollowed(RawRecord record, std::vector<std::shared_ptr<StagedBlob>> blobs);

}  // namespace tarn::engine
