#include "migrate/couch/patience.h"

#include <algorithm>

#include "storage/base/clock.h"
#include "storage/base/import_limits.h"
#include "storage/base/mutex.h"

namespace tarn::migrate {
namespace {

constexpr uint64_t kWatchMs = 200;

}  // namespace

bool Patience::IsTransient(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kDeadlineExceeded;
}

Status Patience::Interrupted() const { return Cancelled("interrupted; run the same command again to go on"); }

Status Patience::Pause(uint64_t time_ms) const {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  const uint64_t until_ms = SystemClock().MonotonicMs() + time_ms;
  while (SystemClock().MonotonicMs() < until_ms) {
    if (IsInterrupted()) return Interrupted();
    never.WaitForMs(mutex, kWatchMs);
  }
  return OkStatus();
}

Status Patience::Persist(const std::function<Status()>& attempt, bool forever) const {
  uint64_t pause_ms = limits::kImportRetryMsMin;
  for (size_t failures = 0;; ++failures) {
    Status status = attempt();
    if (!IsTransient(status) || (!forever && failures >= limits::kImportRetriesMax)) return status;
    say_(std::string(status.message()) + "; trying again in " + std::to_string(pause_ms / 1000) + " s");
    RETURN_IF_ERROR(Pause(pause_ms));
    pause_ms = std::min(2 * pause_ms, limits::kImportRetryMsMax);
  }
}

}  // namespace tarn::migrate
