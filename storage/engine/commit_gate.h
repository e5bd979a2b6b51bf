#pragma once

#include <string>
#include <utility>

#include "storage/base/logging.h"
#include "storage/base/mutex.h"
#include "storage/base/status.h"

namespace tarn::engine {

// Whether commits are accepted, and if not, why. Threads: any.
class CommitGate {
 public:
  // OK, or what commits are answered.
  Status reason() const {
    MutexLock lock(mutex_);
    return reason_;
  }
  // Until Reopen.
  void Close(const Status& reason) {
    MutexLock lock(mutex_);
    if (!is_final_) reason_ = reason;
  }
  void Reopen() { Close(OkStatus()); }
  // Until the store is opened again.
  void CloseForGood(const Status& reason) {
    MutexLock lock(mutex_);
    if (std::exchange(is_final_, true)) return;
    reason_ = reason;
  }
  // The same after a failure. Returns what its commits are answered.
  Status Fail(const Status& cause) {
    Log(LogLevel::kError, "commit failed; the store is read-only from now on", {{"reason", cause.ToString()}});
    Status reason = IoError("the store takes no commits until it is opened again: " + std::string(cause.message()));
    CloseForGood(reason);
    return reason;
  }

 private:
  mutable Mutex mutex_;
  Status reason_ GUARDED_BY(mutex_);
  bool is_final_ GUARDED_BY(mutex_) = false;
};

}  // namespace tarn::engine
