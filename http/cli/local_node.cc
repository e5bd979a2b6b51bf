#include "http/cli/local_node.h"

#include <string>

namespace tarn::cli {
namespace {
// A commit group takes milliseconds; a committer that has work and shows no progress for this long is stuck.
constexpr uint64_t kCommitStallMs = 10'000;
}  // namespace

Status LocalNode::CanWrite() const {
  if (draining_.load(std::memory_order_acquire))
    return Unavailable("The server is shutting down; try again in a moment.");
  return store_.CanCommit();
}

Status LocalNode::Ready() const {
  if (draining_.load(std::memory_order_acquire)) return Unavailable("draining");
  const engine::StoreStats stats = store_.Stats();
  if (stats.commit_queue_length > 0 && stats.last_group_age_ms > kCommitStallMs) {
    return Unavailable("commits are stalled: " + std::to_string(stats.commit_queue_length) +
                       " waiting, none finished for " + std::to_string(stats.last_group_age_ms) + " ms");
  }
  // A full disk still serves every read, so it is ready; /-/ready says that it is not writable.
  const Status writable = store_.CanCommit();
  return writable.code() == Code::kIoError || writable.code() == Code::kCorruption ? writable : OkStatus();
}

}  // namespace tarn::cli
