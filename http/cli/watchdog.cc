#include "http/cli/watchdog.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "storage/base/io_activity.h"
#include "storage/base/logging.h"

namespace tarn::cli {
namespace {

constexpr uint64_t kLooksPerStall = 10;
constexpr uint64_t kLookMsMin = 20;

Vital DiskVital() {
  Vital disk{"disk"};
  const std::vector<IoOperation> running = RunningIo();
  if (running.empty()) return disk;
  disk.stuck_ms = running.front().age_ms;
  disk.doing = std::string(IoKindName(running.front().kind)) + " of " + DescriptorName(running.front().descriptor);
  return disk;
}

Vital CommitsVital(const engine::Store& store) {
  Vital commits{"commits"};
  const engine::StoreStats stats = store.Stats();
  commits.stuck_ms = stats.last_group_age_ms;
  if (commits.stuck_ms > 0) commits.doing = std::to_string(stats.commit_queue_length) + " waiting";
  return commits;
}

}  // namespace

Watchdog::Watchdog(const StallDetector::Options& options, const DumpParts& parts, LocalNode* node, Clock* clock)
    : parts_(parts),
      node_(node),
      clock_(clock),
      detector_(options),
      looks_(
          clock, [pause_ms = std::max(options.stall_ms / kLooksPerStall, kLookMsMin)](uint64_t) { return pause_ms; },
          [this] { Look(); }) {}

std::vector<Vital> Watchdog::TakeVitals() {
  std::vector<Vital> vitals = {DiskVital(), CommitsVital(parts_.store)};
  constexpr std::array<std::string_view, http::kWorkClassCount> kClasses = {"reads", "writes", "file reads",
                                                                            "administration"};
  for (size_t i = 0; i < kClasses.size(); ++i) {
    const http::Executor::Stats stats = parts_.executor.stats(static_cast<http::WorkClass>(i));
    Vital vital{std::string(kClasses[i]), stats.starved_ms};
    if (stats.starved_ms > 0) {
      vital.doing = std::to_string(stats.running) + " threads busy, " + std::to_string(stats.queued) + " jobs waiting";
    }
    vitals.push_back(std::move(vital));
  }
  const std::vector<uint64_t> silences_ms = parts_.server.CoreSilencesMs();
  for (size_t i = 0; i < silences_ms.size(); ++i) vitals.push_back({"core " + std::to_string(i), silences_ms[i]});
  return vitals;
}

void Watchdog::Look() {
  std::vector<Vital> vitals = TakeVitals();
  const StallDetector::Changes changes = detector_.Look(vitals, clock_->MonotonicMs());
  {
    MutexLock lock(mutex_);
    vitals_ = std::move(vitals);
  }
  const Status verdict = detector_.verdict();
  node_->SetStall(verdict);  // First: the log may be on the disk that is stalled.
  for (const std::string& name : changes.ended) Log(LogLevel::kWarning, "goes on again", {{"what", name}});
  if (!changes.began.empty()) Dump(verdict.message());
}

void Watchdog::Dump(std::string_view reason) const {
  std::vector<Vital> vitals;
  {
    MutexLock lock(mutex_);
    vitals = vitals_;
  }
  LogField state("state", FormatState(vitals, parts_));
  state.is_literal = true;
  Log(LogLevel::kError, "state dump", {{"reason", reason}, state});
}

}  // namespace tarn::cli
