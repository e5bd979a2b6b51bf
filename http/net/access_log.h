#pragma once

#include <cstdint>
#include <string>

#include "http/net/handler.h"
#include "storage/base/clock.h"

namespace tarn::http {

// One JSON line per request, collected and written out in batches: {"time","level","message":"request","id","peer",
// "method","target","status","received","sent","duration_us","user_agent"}. A request without a head has neither method nor
// target.
// Threads: one core.
class AccessLog {
 public:
  AccessLog(Clock& clock, const Handler& handler) : clock_(clock), handler_(handler) {}
  ~AccessLog() { Flush(); }

  void Add(const RequestSummary& summary);
  void Flush();

 private:
  void AppendTime();

  Clock& clock_;
  const Handler& handler_;
  std::string lines_;  // Without the last newline.
  std::string target_;
  std::string time_;  // Of time_ms_.
  uint64_t time_ms_ = 0;
};

}  // namespace tarn::http
