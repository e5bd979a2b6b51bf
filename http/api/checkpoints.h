#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/base/limits.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"

namespace tarn::http {

// The `_local/…` documents in which followers of CouchDB's protocol note how far they are. In memory, the least recently
// used out first: who finds none begins at the follower's own note, or compares revisions from the beginning.
// Each user has names of their own; anonymous callers share theirs, which are hashes.
// Threads: any.
class ReplicationCheckpoints {
 public:
  explicit ReplicationCheckpoints(size_t most = limits::kReplicationCheckpointsMax) : most_(most) {}

  // The document, with `_id` and `_rev`. kNotFound.
  Result<std::string> Get(std::string_view user, std::string_view id) EXCLUDES(mutex_);
  // Replaces it; returns the new revision. kInvalidArgument: not a JSON object. kTooLarge. kConflict: `_rev` is not current.
  Result<std::string> Put(std::string_view user, std::string_view id, std::string_view body) EXCLUDES(mutex_);

 private:
  struct Entry {
    std::string key;
    uint64_t revision = 0;
    std::string members;  // Of the document but for `_id` and `_rev`: ",\"a\":1".
  };

  const size_t most_;
  Mutex mutex_;
  std::list<Entry> recent_ GUARDED_BY(mutex_);  // Front: used last.
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_ GUARDED_BY(mutex_);
};

}  // namespace tarn::http
