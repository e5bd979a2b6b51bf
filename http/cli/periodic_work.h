#pragma once

#include <cstdint>
#include <functional>
#include <thread>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"

namespace tarn::cli {

// Something that is done now and then, on a thread of its own, until this is destroyed; first after one pause.
// Threads: one owner.
class PeriodicWork {
 public:
  //   pause_ms  how long to wait, at a time in ms since 1970.
  PeriodicWork(Clock* clock, std::function<uint64_t(uint64_t now_ms)> pause_ms, std::function<void()> work);
  ~PeriodicWork();
  PeriodicWork(const PeriodicWork&) = delete;
  PeriodicWork& operator=(const PeriodicWork&) = delete;

 private:
  void Run() EXCLUDES(mutex_);

  Clock* const clock_;
  const std::function<uint64_t(uint64_t now_ms)> pause_ms_;
  const std::function<void()> work_;
  Mutex mutex_;
  CondVar stopped_;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it uses everything above.
};

}  // namespace tarn::cli
