#include "storage/engine/overlay.h"

#include <utility>

namespace tarn::engine {

Result<const std::optional<std::string>*> Overlay::Find(Family family, std::string_view key) const {
  if (const auto changes = applied_.find(family); changes != applied_.end()) {
    if (const auto found = changes->second.find(key); found != changes->second.end()) return found->second;
  }
  Loaded& loaded = loaded_[family];
  auto found = loaded.find(key);
  if (found == loaded.end()) {
    ASSIGN_OR_RETURN(std::optional<std::string> value, base_.Get(family, key));
    found = loaded.emplace(key, std::move(value)).first;
  }
  return &std::as_const(found->second);
}

Result<std::optional<std::string>> Overlay::Get(Family family, std::string_view key) const {
  ASSIGN_OR_RETURN(const std::optional<std::string>* value, Find(family, key));
  return *value;
}

// Merges two ordered sequences: the base's entries and the applied changes, which win.
Status Overlay::Scan(Family family, std::string_view lower, std::string_view upper, const Visitor& visit) const {
  static const Applied kNoChanges;
  const auto found = applied_.find(family);
  const Applied& changes = found == applied_.end() ? kNoChanges : found->second;
  auto change = changes.lower_bound(lower);
  const auto end = upper.empty() ? changes.end() : changes.lower_bound(upper);
  if (!upper.empty() && lower >= upper) return OkStatus();

  bool go_on = true;
  const auto visit_change = [&] {
    if (change->second->has_value()) go_on = visit(change->first, **change->second);
    ++change;
  };
  const auto visit_base = [&](std::string_view key, std::string_view value) {
    while (go_on && change != end && change->first < key) visit_change();
    if (!go_on) return false;
    if (change != end && change->first == key) {
      visit_change();
    } else {
      go_on = visit(key, value);
    }
    return go_on;
  };
  RETURN_IF_ERROR(base_.Scan(family, lower, upper, visit_base));
  while (go_on && change != end) visit_change();
  return OkStatus();
}

}  // namespace tarn::engine
