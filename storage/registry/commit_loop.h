#pragma once

#include <optional>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"

namespace tarn::registry {

// What a write wants committed, and its answer once it is. Without a mutation there was nothing to change.
template <typename Answer>
struct PlannedWrite {
  std::optional<engine::Mutation> mutation;
  Answer answer;
};

// One attempt at a write. Empty when somebody else was quicker, and what it was planned from is no longer the state.
template <typename Answer, typename Plan>
std::optional<Result<Answer>> CommitOnce(engine::Store* store, const Plan& plan) {
  ASSIGN_OR_RETURN(auto view, store->NewReadView());
  ASSIGN_OR_RETURN(PlannedWrite<Answer> planned, plan(*view));
  view.reset();  // It pins old data, and the commit may take a while.
  if (!planned.mutation) return std::move(planned.answer);
  const Result<engine::CommitInfo> committed = store->Commit(std::move(*planned.mutation));
  if (committed.ok()) return std::move(planned.answer);
  if (committed.code() == Code::kConflict) return std::nullopt;
  return committed.status();
}

// Plans a write from the current state and commits it; when somebody else was quicker, plans again from what they left.
//   plan   (const ReadView&) → Result<PlannedWrite<Answer>>. Its mutation must name, as a precondition, everything it
//          was computed from.
// Errors: those of `plan` and of Store::Commit; kConflict after limits::kCommitRetriesMax attempts.
template <typename Answer, typename Plan>
Result<Answer> CommitWithRetries(engine::Store* store, const Plan& plan) {
  for (size_t attempt = 0; attempt < limits::kCommitRetriesMax; ++attempt) {
    if (auto done = CommitOnce<Answer>(store, plan)) return *std::move(done);
  }
  return Conflict(
      "Failed to save packument. A common cause is if you try to publish a new package before the previous package has "
      "been fully processed.");
}

// The same for what many write at once. Whoever was overtaken stands in `queue` for its further attempts, so that only
// newcomers compete with the first in line. Without it 64 clients in one package overtake the slowest a hundred times.
template <typename Answer, typename Plan>
Result<Answer> CommitInTurn(engine::Store* store, Mutex& queue, const Plan& plan) {
  if (auto done = CommitOnce<Answer>(store, plan)) return *std::move(done);
  const MutexLock turn(queue);
  return CommitWithRetries<Answer>(store, plan);
}

}  // namespace tarn::registry
