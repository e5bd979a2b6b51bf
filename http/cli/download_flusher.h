#pragma once

#include <thread>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/registry/download_counts.h"

namespace tarn::cli {

// Commits download counts now and then, at the end of each day of UTC, and once more when it is destroyed.
// Threads: one owner; a thread of its own.
class DownloadFlusher {
 public:
  // Both outlive it.
  DownloadFlusher(registry::DownloadCounts* counts, Clock* clock);
  ~DownloadFlusher();
  DownloadFlusher(const DownloadFlusher&) = delete;
  DownloadFlusher& operator=(const DownloadFlusher&) = delete;

 private:
  void Run() EXCLUDES(mutex_);
  void Flush();

  registry::DownloadCounts* const counts_;
  Clock* const clock_;
  Mutex mutex_;
  CondVar stopped_;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it uses everything above.
};

// How long to wait at `now_ms`: until the next flush is due, or the day is over.
uint64_t DownloadFlushPauseMs(uint64_t now_ms);

}  // namespace tarn::cli
