#include "http/cli/stall_detector.h"

#include <algorithm>

#include "storage/base/check.h"

namespace tarn::cli {

// Whether it is stalled now.
bool StallDetector::Update(const Vital& vital, uint64_t now_ms, Known* known) const {
  if (vital.stuck_ms >= options_.stall_ms) {
    known->well_since_ms = 0;
    return true;
  }
  if (!known->is_stalled) return false;
  // What began to be stuck a moment ago had been well before that.
  if (known->well_since_ms == 0)
    known->well_since_ms = std::max<uint64_t>(now_ms - std::min(now_ms, vital.stuck_ms), 1);
  if (vital.stuck_ms > options_.recovered_ms) known->well_since_ms = 0;
  return known->well_since_ms == 0 || now_ms - known->well_since_ms < options_.recovered_ms;
}

StallDetector::Changes StallDetector::Look(const std::vector<Vital>& vitals, uint64_t now_ms) {
  known_.resize(vitals.size());
  Changes changes;
  for (size_t i = 0; i < vitals.size(); ++i) {
    Known& known = known_[i];
    CHECK(known.vital.name.empty() || known.vital.name == vitals[i].name);
    const bool is_stalled = Update(vitals[i], now_ms, &known);
    if (is_stalled && !known.is_stalled) changes.began.push_back(vitals[i].name);
    if (!is_stalled && known.is_stalled) changes.ended.push_back(vitals[i].name);
    if (!is_stalled) known.well_since_ms = 0;
    known.is_stalled = is_stalled;
    known.vital = vitals[i];
  }
  return changes;
}

Status StallDetector::verdict() const {
  std::string text;
  for (const Known& known : known_) {
    if (!known.is_stalled) continue;
    text += (text.empty() ? "stalled: " : "; ") + known.vital.name;
    if (known.vital.stuck_ms == 0) {
      text += " (goes on again)";
      continue;
    }
    text += " for " + std::to_string(known.vital.stuck_ms) + " ms";
    if (!known.vital.doing.empty()) text += " (" + known.vital.doing + ")";
  }
  return text.empty() ? OkStatus() : Unavailable(std::move(text));
}

}  // namespace tarn::cli
