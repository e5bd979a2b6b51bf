#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/engine/column_families.h"
#include "storage/engine/log.h"
#include "storage/engine/store.h"

namespace tarn::engine {

// A view as it would be with some changes applied that are not written yet. Keeps what it read from the base, because
// the committer asks for the same key twice (precondition, then state hash).
// Ownership: `base` and every applied change outlive it. Threads: one at a time.
class Overlay final : public ReadView {
 public:
  explicit Overlay(const ReadView& base) : base_(base), lsn_(base.lsn()) {}

  // The value as of now, valid as long as the overlay and, for an applied key, its change.
  Result<const std::optional<std::string>*> Find(Family family, std::string_view key) const;
  // Hides whatever `change.key` held.
  void Apply(const Change& change) { applied_[change.family][change.key] = &change.value; }
  void set_lsn(Lsn lsn) { lsn_ = lsn; }

  Lsn lsn() const override { return lsn_; }
  Result<std::optional<std::string>> Get(Family family, std::string_view key) const override;
  Status Scan(Family family, std::string_view lower, std::string_view upper, const Visitor& visit) const override;

 private:
  using Applied = std::map<std::string_view, const std::optional<std::string>*>;
  using Loaded = std::map<std::string, std::optional<std::string>, std::less<>>;

  const ReadView& base_;
  Lsn lsn_;
  std::map<Family, Applied> applied_;
  mutable std::map<Family, Loaded> loaded_;
};

}  // namespace tarn::engine
