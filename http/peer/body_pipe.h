#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/mutex.h"
#include "storage/base/result.h"

namespace tarn::http {

// A request's body on its way from the connection to whoever sends it on: at most kBytesMax of it are held.
// Threads: one that pushes, one that pulls.
class BodyPipe {
 public:
  static constexpr size_t kBytesMax = 1 << 20;

  // False: there is no room now. Once nobody pulls any more, everything is taken and dropped.
  bool TryPush(std::string_view piece) {
    MutexLock lock(mutex_);
    if (!is_abandoned_ && bytes_ >= kBytesMax) return false;
    Add(piece);
    return true;
  }
  // Waits for room.
  void Push(std::string_view piece) {
    MutexLock lock(mutex_);
    while (!is_abandoned_ && bytes_ >= kBytesMax) changed_.Wait(mutex_);
    Add(piece);
  }
  // The end: whole, or the reason why it is not. The first one counts.
  void End(Status status) {
    MutexLock lock(mutex_);
    if (is_ended_) return;
    is_ended_ = true;
    end_status_ = std::move(status);
    changed_.NotifyAll();
  }
  // The next piece, valid until the next call; empty at the end.
  Result<std::string_view> Pull() {
    MutexLock lock(mutex_);
    while (pieces_.empty() && !is_ended_) changed_.Wait(mutex_);
    if (pieces_.empty()) {
      RETURN_IF_ERROR(end_status_);
      is_drained_ = true;
      return std::string_view();
    }
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    bytes_ -= current_.size();
    pulled_bytes_ += current_.size();
    changed_.NotifyAll();
    return std::string_view(current_);
  }
  // Nobody pulls any more.
  void Abandon() {
    MutexLock lock(mutex_);
    is_abandoned_ = true;
    changed_.NotifyAll();
  }
  // All of it may have gone on, and the other side may have acted on it. Whoever knows the length does not pull once more
  // to learn of the end.
  bool may_be_whole(std::optional<uint64_t> length_bytes) const {
    MutexLock lock(mutex_);
    return is_drained_ || (length_bytes.has_value() && pulled_bytes_ >= *length_bytes);
  }

 private:
  void Add(std::string_view piece) REQUIRES(mutex_) {
    if (is_abandoned_) return;
    pieces_.emplace_back(piece);
    bytes_ += piece.size();
    changed_.NotifyAll();
  }
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<std::string> pieces_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  uint64_t pulled_bytes_ GUARDED_BY(mutex_) = 0;
  bool is_ended_ GUARDED_BY(mutex_) = false;
  bool is_abandoned_ GUARDED_BY(mutex_) = false;
  bool is_drained_ GUARDED_BY(mutex_) = false;
  Status end_status_ GUARDED_BY(mutex_);
  std::string current_;
};

}  // namespace tarn::http
