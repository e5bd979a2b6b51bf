#include "http/cli/periodic_work.h"

#include <utility>

namespace tarn::cli {

PeriodicWork::PeriodicWork(Clock* clock, std::function<uint64_t(uint64_t now_ms)> pause_ms, std::function<void()> work)
    : clock_(clock), pause_ms_(std::move(pause_ms)), work_(std::move(work)), thread_([this] { Run(); }) {}

PeriodicWork::~PeriodicWork() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    stopped_.NotifyAll();
  }
  thread_.join();
}

void PeriodicWork::Run() {
  while (true) {
    const uint64_t end_ms = clock_->MonotonicMs() + pause_ms_(clock_->NowMs());
    {
      MutexLock lock(mutex_);
      for (uint64_t now_ms = clock_->MonotonicMs(); !is_stopping_ && now_ms < end_ms; now_ms = clock_->MonotonicMs()) {
        stopped_.WaitForMs(mutex_, end_ms - now_ms);
      }
      if (is_stopping_) return;
    }
    work_();
  }
}

}  // namespace tarn::cli
