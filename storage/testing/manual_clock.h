#pragma once

#include <atomic>
#include <cstdint>

#include "storage/base/clock.h"

namespace tarn {

// Time stands still until the test moves it. Threads: any.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(uint64_t now_ms = 1'700'000'000'000) : now_ms_(now_ms) {}

  uint64_t NowMs() override { return now_ms_.load(); }
  uint64_t MonotonicMs() override { return monotonic_ms_.load(); }

  void AdvanceMs(uint64_t by_ms) {
    now_ms_ += by_ms;
    monotonic_ms_ += by_ms;
  }
  // Somebody sets the machine's clock.
  void SetNowMs(uint64_t now_ms) { now_ms_ = now_ms; }

 private:
  std::atomic<uint64_t> now_ms_;
  std::atomic<uint64_t> monotonic_ms_{1};
};

}  // namespace tarn
