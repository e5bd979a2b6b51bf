#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "storage/base/result.h"

namespace tarn::migrate {

// Asks a server again that is away for a while.
// Threads: any.
class Patience {
 public:
  // `interrupt`: true ends every wait; may be nullptr. `say`: a line for the operator.
  Patience(const std::atomic<bool>* interrupt, std::function<void(const std::string&)> say)
      : interrupt_(interrupt), say_(std::move(say)) {}

  bool IsInterrupted() const { return interrupt_ != nullptr && interrupt_->load(); }
  // Repeats what fails so that it may work later, with longer and longer pauses: up to limits::kImportRetriesMax times, or
  // for ever. kCancelled when it was interrupted; else the last answer.
  Status Persist(const std::function<Status()>& attempt, bool forever) const;
  static bool IsTransient(const Status& status);
  Status Interrupted() const;

 private:
  Status Pause(uint64_t time_ms) const;

  const std::atomic<bool>* const interrupt_;
  const std::function<void(const std::string&)> say_;
};

}  // namespace tarn::migrate
