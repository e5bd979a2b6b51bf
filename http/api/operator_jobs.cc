#include "http/api/operator_jobs.h"

#include <pthread.h>

#include <utility>

#include "storage/base/logging.h"

namespace tarn::http {

Status OperatorJobs::Start(const std::string& kind, const JsonBody& request) {
  const auto found = kinds_.find(kind);
  if (found == kinds_.end()) return NotFound("there are no jobs of the kind " + kind);
  ASSIGN_OR_RETURN(Work work, found->second(request));
  MutexLock lock(mutex_);
  if (is_stopping_.load()) return Unavailable("this node is stopping");
  if (state_.phase == Phase::kRunning) {
    return Conflict("a " + state_.kind + " is under way; one at a time");
  }
  if (thread_.joinable()) thread_.join();  // It has ended; its last step is behind the lock.
  state_ = State{kind, Phase::kRunning, clock_.MonotonicMs(), 0, std::string()};
  thread_ = Thread([this, kind, work = std::move(work)] {
    pthread_setname_np(pthread_self(), "operator-job");
    Log(LogLevel::kInfo, "job begins", {{"kind", kind}});
    Result<std::string> result = work([this] { return is_stopping_.load(std::memory_order_acquire); });
    MutexLock end(mutex_);
    state_.end_ms = clock_.MonotonicMs();
    state_.phase = result.ok() ? Phase::kDone : Phase::kFailed;
    Log(result.ok() ? LogLevel::kInfo : LogLevel::kWarning, "job has ended",
        {{"kind", kind},
         {"duration_ms", state_.end_ms - state_.begin_ms},
         {"result", result.ok() ? *result : result.status().ToString()}});
    state_.result = std::move(result);
  });
  return OkStatus();
}

void OperatorJobs::Stop() {
  is_stopping_.store(true, std::memory_order_release);
  Thread thread;
  {
    MutexLock lock(mutex_);
    std::swap(thread, thread_);
  }
  if (thread.joinable()) thread.join();
}

std::string OperatorJobs::StateJson() const {
  MutexLock lock(mutex_);
  constexpr std::string_view kNames[] = {"none", "running", "done", "failed"};
  std::string json = "{\"kind\":" + JsonString(state_.kind) + ",\"state\":\"";
  json += kNames[static_cast<size_t>(state_.phase)];
  const uint64_t end_ms = state_.phase == Phase::kRunning ? clock_.MonotonicMs() : state_.end_ms;
  json += "\",\"duration_ms\":" + std::to_string(end_ms - state_.begin_ms);
  if (state_.phase == Phase::kFailed) json += ",\"error\":" + JsonString(state_.result.status().ToString());
  if (state_.phase == Phase::kDone) json += ",\"result\":" + *state_.result;
  return json + "}";
}

}  // namespace tarn::http
