#pragma once

#include <optional>

#include "http/cli/periodic_work.h"
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
  void Flush();

  registry::DownloadCounts* const counts_;
  std::optional<PeriodicWork> work_;  // Last: it uses the counts.
};

// How long to wait at `now_ms`: until the next flush is due, or the day is over.
uint64_t DownloadFlushPauseMs(uint64_t now_ms);

}  // namespace tarn::cli
