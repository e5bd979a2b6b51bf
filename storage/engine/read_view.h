#pragma once

#include <memory>

#include "storage/base/mutex.h"
#include "storage/engine/local_values.h"
#include "storage/engine/rocks.h"
#include "storage/engine/store.h"

namespace tarn::engine {

// A committed state that readers may see: always at the end of a whole group.
struct PublishedState {
  std::shared_ptr<const RocksSnapshot> snapshot;
  AppliedState applied;
};

// The newest published state. The committer replaces it once per group, so that a reader needs neither a RocksDB mutex
// nor a lookup to begin.
// Threads: any.
class Publication {
 public:
  std::shared_ptr<const PublishedState> Get() const {
    MutexLock lock(mutex_);
    return state_;
  }
  void Set(std::shared_ptr<const PublishedState> state) {
    MutexLock lock(mutex_);
    state_.swap(state);  // The old one is released after the lock.
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const PublishedState> state_ GUARDED_BY(mutex_);
};

// Reads RocksDB at a published state, which it pins. `rocks` outlives it.
class RocksReadView final : public ReadView {
 public:
  RocksReadView(const Rocks& rocks, std::shared_ptr<const PublishedState> state)
      : rocks_(rocks), state_(std::move(state)) {}

  Lsn lsn() const override { return state_->applied.lsn; }
  const AppliedState& applied() const { return state_->applied; }
  Result<std::optional<std::string>> Get(Family family, std::string_view key) const override {
    return rocks_.Get(family, key, state_->snapshot.get());
  }
  Status Scan(Family family, std::string_view lower, std::string_view upper, const Visitor& visit) const override {
    return rocks_.Scan(family, lower, upper, visit, state_->snapshot.get());
  }

 private:
  const Rocks& rocks_;
  const std::shared_ptr<const PublishedState> state_;
};

}  // namespace tarn::engine
