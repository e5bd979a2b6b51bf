#include "storage/engine/replayed_state.h"

namespace tarn::engine {

ReplayedState::KeyHash ReplayedState::HashKey(Family family, std::string_view key) {
  return HashEntry(family, key, {}).words();
}

void ReplayedState::Apply(const Change& change) {
  const KeyHash key = HashKey(change.family, change.key);
  if (const auto old = live_.find(key); old != live_.end()) {
    hash_.Subtract(old->second.entry_hash);
    live_.erase(old);
    --unseen_;
  }
  if (!change.value.has_value()) return;
  const StateHash entry_hash = HashEntry(change.family, change.key, *change.value);
  hash_.Add(entry_hash);
  live_.emplace(key, Live{entry_hash});
  ++unseen_;
}

ReplayedState::Match ReplayedState::See(Family family, std::string_view key, std::string_view payload) {
  const auto found = live_.find(HashKey(family, key));
  if (found == live_.end()) return Match::kAbsent;
  if (!found->second.is_seen) --unseen_;
  found->second.is_seen = true;
  return found->second.entry_hash == HashEntry(family, key, payload) ? Match::kEqual : Match::kOther;
}

bool ReplayedState::TakeUnseen(Family family, std::string_view key) {
  const auto found = live_.find(HashKey(family, key));
  if (found == live_.end() || found->second.is_seen) return false;
  found->second.is_seen = true;
  --unseen_;
  return true;
}

}  // namespace tarn::engine
