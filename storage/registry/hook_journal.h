#pragma once

#include <deque>
#include <memory>

#include "storage/base/hook_limits.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/hook_events.h"

namespace tarn::registry {

// The journal as hooks read it: each record is read and decoded once for all hooks that are near its end, and again for
// those that are further back. Threads: one.
class HookJournal {
 public:
  explicit HookJournal(engine::Store* store) : store_(store) {}

  Lsn head() const { return head_; }
  // Forgets what was read; the next record is the one behind `head`.
  void StartAt(Lsn head);
  // Reads the record behind the head. The answer: did it change hooks?
  Result<bool> ReadNext();
  // What happened at an LSN up to the head; nullptr: nothing that hooks are told.
  Result<std::shared_ptr<const HookOccasion>> At(Lsn lsn);

 private:
  Result<std::shared_ptr<const HookOccasion>> Decode(const engine::LogRecord& record);

  engine::Store* const store_;
  Lsn head_;
  std::deque<std::shared_ptr<const HookOccasion>> newest_;  // Of the last records up to the head.
};

}  // namespace tarn::registry
