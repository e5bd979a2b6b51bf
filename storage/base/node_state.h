#pragma once

#include <string>

#include "storage/base/ids.h"

namespace tarn {

enum class NodeRole : uint8_t { kLeader = 1, kFollower = 2 };

// What the front end must know of the node it runs on. Implemented by whoever owns the role; joined in main.cc, so that
// http needs no include of replication.
// Threads: any; cheap enough to ask on every request.
class NodeState {
 public:
  virtual ~NodeState() = default;
  virtual NodeRole role() const = 0;
  virtual Epoch epoch() const = 0;
  virtual Lsn applied_lsn() const = 0;
  // OK when this node may acknowledge writes now; otherwise why not, in a sentence for the client (kUnavailable,
  // kOutOfSpace, …).
  virtual Status CanWrite() const = 0;
  // OK when traffic may be routed here (store open and complete, not draining, not stalled); otherwise why not.
  virtual Status Ready() const = 0;
};

}  // namespace tarn
