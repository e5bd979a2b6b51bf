#pragma once

#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/node_state.h"
#include "storage/base/random.h"
#include "storage/base/result.h"

namespace tarn::replication {

// What a node knows of itself from one start to the next: DATA/replication, a few lines of "key value". Written whole, to a
// file beside it, synced, renamed.
struct NodeFile {
  std::string node_id;                // A UUID, made once.
  NodeRole role = NodeRole::kLeader;  // The one it had last.
  std::string leader_url;             // Of a follower.
  std::string configured;             // The URL to follow in the configuration when this was written.
  Epoch epoch{1};                     // The highest it has ever promised: nothing lower is taken or made.
  std::vector<std::string> in_sync;   // Of a leader: who had every acknowledged write, beside itself.
  bool is_fenced = false;             // A leader whose time is over; until it is told whom to follow.
  std::string fence_url;              // Of a leader that was promoted: the old one, which does not know it yet.
  bool is_new = false;                // There was no file.

  // A directory without the file gives a new id; nothing is written.
  static Result<NodeFile> Load(const std::string& directory, Random* random);
  // On stable storage when it returns OK.
  Status Save(const std::string& directory) const;
};

}  // namespace tarn::replication
