#pragma once

#include <algorithm>
#include <cstdint>

namespace tarn::http {

// A minimum byte rate over windows of waiting: only time spent waiting for the client counts, so a handler that is busy
// between two reads costs the client nothing. Sans-I/O; times are monotonic milliseconds.
class RateWindow {
 public:
  RateWindow(uint64_t window_ms, uint64_t bytes_per_second)
      : window_ms_(window_ms),
        bytes_min_(std::max<uint64_t>(1, window_ms * bytes_per_second / 1000)),
        left_ms_(window_ms) {}

  // A new transfer.
  void Restart() {
    left_ms_ = window_ms_;
    bytes_ = 0;
  }
  void BeginWait(uint64_t now_ms) { began_ms_ = now_ms; }
  void EndWait(uint64_t now_ms) { left_ms_ -= std::min(left_ms_, now_ms - began_ms_); }
  void Add(uint64_t bytes) { bytes_ += bytes; }

  // While waiting: when the window is over.
  uint64_t deadline_ms() const { return began_ms_ + left_ms_; }
  // At that time, still waiting: true if enough came, and a new window has begun; false if the client is too slow.
  bool Pass(uint64_t now_ms) {
    if (bytes_ < bytes_min_) return false;
    Restart();
    BeginWait(now_ms);
    return true;
  }

 private:
  const uint64_t window_ms_;
  const uint64_t bytes_min_;
  uint64_t left_ms_;
  uint64_t began_ms_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace tarn::http
