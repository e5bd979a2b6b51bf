#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "http/api/json_body.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"

namespace tarn::http {

// What an operator asks a node to do that takes minutes or hours: one at a time, on a thread of its own, while the node serves.
// Whoever asked looks at the state until it has ended.
// Threads: any.
class OperatorJobs {
 public:
  // Answers its result as a JSON object; to end early when it is told to.
  using Work = std::function<Result<std::string>(const std::function<bool()>& is_stopping)>;
  // What one kind makes of a request; kInvalidArgument.
  using Kind = std::function<Result<Work>(const JsonBody& request)>;
  OperatorJobs(std::map<std::string, Kind> kinds, Clock* clock) : kinds_(std::move(kinds)), clock_(*clock) {}
  ~OperatorJobs() { Stop(); }

  // kNotFound: there is no such kind; kConflict: another one is under way; kUnavailable: the node is stopping.
  Status Start(const std::string& kind, const JsonBody& request) EXCLUDES(mutex_);
  // Tells the one that is under way to end, and waits for that.
  void Stop() EXCLUDES(mutex_);
  // {"kind":…,"state":"none"|"running"|"done"|"failed","duration_ms":…,"error":…,"result":{…}} of the last one.
  std::string StateJson() const EXCLUDES(mutex_);

 private:
  enum class Phase : uint8_t { kNone, kRunning, kDone, kFailed };
  struct State {
    std::string kind;
    Phase phase = Phase::kNone;
    uint64_t begin_ms = 0;  // Monotonic, as end_ms.
    uint64_t end_ms = 0;
    Result<std::string> result = std::string();
  };

  const std::map<std::string, Kind> kinds_;
  Clock& clock_;
  std::atomic<bool> is_stopping_{false};
  mutable Mutex mutex_;
  State state_ GUARDED_BY(mutex_);
  Thread thread_ GUARDED_BY(mutex_);
};

}  // namespace tarn::http
