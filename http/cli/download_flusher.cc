#include "http/cli/download_flusher.h"

#include <algorithm>

#include "storage/base/limits.h"
#include "storage/base/logging.h"

namespace tarn::cli {
namespace {
constexpr uint64_t kDayMs = 24 * 3'600'000;
}  // namespace

uint64_t DownloadFlushPauseMs(uint64_t now_ms) { return std::min(limits::kDownloadFlushMs, kDayMs - now_ms % kDayMs); }

DownloadFlusher::DownloadFlusher(registry::DownloadCounts* counts, Clock* clock) : counts_(counts) {
  work_.emplace(clock, DownloadFlushPauseMs, [this] { Flush(); });
}

DownloadFlusher::~DownloadFlusher() {
  work_.reset();
  Flush();
}

void DownloadFlusher::Flush() {
  const Status flushed = counts_->Flush();
  // They are counted on, and tried again; a full disk is the usual reason.
  if (!flushed.ok()) Log(LogLevel::kWarning, "download counts were not stored", {{"why", flushed.ToString()}});
}

}  // namespace tarn::cli
