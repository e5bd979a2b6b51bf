#include "http/cli/local_node.h"

namespace tarn::cli {

Status LocalNode::CanWrite() const {
  if (draining_.load(std::memory_order_acquire))
    return Unavailable("The server is shutting down; try again in a moment.");
  return store_.CanCommit();
}

Status LocalNode::Ready() const {
  if (draining_.load(std::memory_order_acquire)) return Unavailable("draining");
  {
    MutexLock lock(mutex_);
    if (!stall_.ok()) return stall_;
  }
  // A full disk still serves every read, so it is ready; /-/ready says that it is not writable.
  const Status writable = store_.CanCommit();
  return writable.code() == Code::kIoError || writable.code() == Code::kCorruption ? writable : OkStatus();
}

}  // namespace tarn::cli
