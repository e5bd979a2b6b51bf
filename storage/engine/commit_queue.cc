#include "storage/engine/commit_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "storage/base/limits.h"

namespace tarn::engine {

Status CommitQueue::CheckRoom(size_t count, uint64_t held_bytes) const {
  if (stopped_) return Unavailable("the store is closing");
  const bool is_over_bytes = held_bytes_ + held_bytes > limits::kCommitQueueBytesMax;
  if (queue_.size() + count <= limits::kCommitQueueMax && (queue_.empty() || !is_over_bytes)) return OkStatus();
  return ResourceExhausted("the commit queue is full: " + std::to_string(queue_.size()) + " mutations, " +
                           std::to_string(held_bytes_) + " bytes");
}

Status CommitQueue::Push(QueuedMutation&& queued) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckRoom(1, queued.held_bytes));
  held_bytes_ += queued.held_bytes;
  queue_.push_back(std::move(queued));
  changed_.NotifyOne();
  return OkStatus();
}

Status CommitQueue::PushAll(std::vector<QueuedMutation>&& queued) {
  uint64_t held_bytes = 0;
  for (const QueuedMutation& one : queued) held_bytes += one.held_bytes;
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckRoom(queued.size(), held_bytes));
  held_bytes_ += held_bytes;
  std::move(queued.begin(), queued.end(), std::back_inserter(queue_));
  changed_.NotifyOne();
  return OkStatus();
}

std::vector<QueuedMutation> CommitQueue::TakeGroup() {
  MutexLock lock(mutex_);
  while (queue_.empty() && !stopped_) changed_.Wait(mutex_);
  std::vector<QueuedMutation> group;
  uint64_t group_bytes = 0;
  while (!queue_.empty() && group.size() < limits::kGroupRecordsMax) {
    group_bytes += queue_.front().group_bytes;
    if (!group.empty() && group_bytes > limits::kGroupBytesMax) break;
    held_bytes_ -= queue_.front().held_bytes;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

std::vector<QueuedMutation> CommitQueue::TakeAll() {
  MutexLock lock(mutex_);
  std::vector<QueuedMutation> all(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
  queue_.clear();
  held_bytes_ = 0;
  return all;
}

void CommitQueue::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.NotifyAll();
}

bool CommitQueue::WaitForStop(uint64_t timeout_ms) {
  MutexLock lock(mutex_);
  if (!stopped_) changed_.WaitForMs(mutex_, timeout_ms);
  return stopped_;
}

bool CommitQueue::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

size_t CommitQueue::length() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

}  // namespace tarn::engine
