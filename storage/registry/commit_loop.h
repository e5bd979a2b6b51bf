#pragma once

#include <optional>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"

namespace tarn::registry {

// What a write wants committed, and its answer once it is. Without a mutation there was nothing to change.
template <typename Answer>
struct PlannedWrite {
  std::optional<engine::Mutation> mutation;
  Answer answer;
};

// Plans a write from the current state and commits it; when somebody else was quicker, plans again from what they left.
//   plan   (const ReadView&) → Result<PlannedWrite<Answer>>. Its mutation must name, as a precondition, everything it
//          was computed from.
// Errors: those of `plan` and of Store::Commit; kConflict after limits::kCommitRetriesMax attempts.
template <typename Answer, typename Plan>
Result<Answer> CommitWithRetries(engine::Store* store, const Plan& plan) {
  for (size_t attempt = 0; attempt < limits::kCommitRetriesMax; ++attempt) {
    ASSIGN_OR_RETURN(auto view, store->NewReadView());
    ASSIGN_OR_RETURN(PlannedWrite<Answer> planned, plan(*view));
    view.reset();  // It pins old data, and the commit may take a while.
    if (!planned.mutation) return std::move(planned.answer);
    const Result<engine::CommitInfo> committed = store->Commit(std::move(*planned.mutation));
    if (committed.ok()) return std::move(planned.answer);
    if (committed.code() != Code::kConflict) return committed.status();
  }
  return Conflict(
      "Failed to save packument. A common cause is if you try to publish a new package before the previous package has "
      "been fully processed.");
}

}  // namespace tarn::registry
