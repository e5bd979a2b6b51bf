#include "http/cli/download_flusher.h"

#include <algorithm>

#include "storage/base/limits.h"
#include "storage/base/logging.h"

namespace tarn::cli {
namespace {
constexpr uint64_t kDayMs = 24 * 3'600'000;
}  // namespace

uint64_t DownloadFlushPauseMs(uint64_t now_ms) { return std::min(limits::kDownloadFlushMs, kDayMs - now_ms % kDayMs); }

DownloadFlusher::DownloadFlusher(registry::DownloadCounts* counts, Clock* clock)
    : counts_(counts), clock_(clock), thread_([this] { Run(); }) {}

DownloadFlusher::~DownloadFlusher() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    stopped_.NotifyAll();
  }
  thread_.join();
  Flush();
}

void DownloadFlusher::Run() {
  while (true) {
    const uint64_t end_ms = clock_->MonotonicMs() + DownloadFlushPauseMs(clock_->NowMs());
    {
      MutexLock lock(mutex_);
      for (uint64_t now_ms = clock_->MonotonicMs(); !is_stopping_ && now_ms < end_ms; now_ms = clock_->MonotonicMs()) {
        stopped_.WaitForMs(mutex_, end_ms - now_ms);
      }
      if (is_stopping_) return;
    }
    Flush();
  }
}

void DownloadFlusher::Flush() {
  const Status flushed = counts_->Flush();
  // They are counted on, and tried again; a full disk is the usual reason.
  if (!flushed.ok()) Log(LogLevel::kWarning, "download counts were not stored", {{"why", flushed.ToString()}});
}

}  // namespace tarn::cli
