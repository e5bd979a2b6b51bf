#pragma once

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "storage/engine/commit_queue.h"
#include "storage/engine/overlay.h"
#include "storage/engine/read_view.h"
#include "storage/engine/state_update.h"

namespace tarn::engine {

// One group on its way through the committer: made by the journal stage, finished by the state stage.
// Threads: one stage at a time; once handed over, the journal stage only reads `update` and `blob_digests`.
struct CommitGroup {
  // `in_flight`: the group before, if readers may not see it yet.
  CommitGroup(const Rocks& rocks, std::shared_ptr<const PublishedState> published, const CommitGroup* in_flight,
              const AppliedState& head)
      : published_view(rocks, std::move(published)), base(published_view), update(base, head) {
    if (in_flight == nullptr) return;
    for (const LogRecord& record : in_flight->update.records()) {
      for (const Change& change : record.changes) base.Apply(change);
    }
  }
  CommitGroup(const CommitGroup&) = delete;
  CommitGroup& operator=(const CommitGroup&) = delete;

  // After the group is visible or has failed; a loser then sees the state it lost against.
  void AnswerAll() {
    for (size_t i = 0; i < admitted.size(); ++i) {
      const LogRecord& record = update.records()[i];
      admitted[i].done(outcome.ok() ? Result<CommitInfo>(CommitInfo{record.lsn, record.epoch, record.time_ms})
                                    : Result<CommitInfo>(outcome));
    }
    // A conflict with a group that came to nothing is none.
    for (auto& [queued, reason] : refused) queued.done(outcome.ok() ? std::move(reason) : outcome);
  }

  uint64_t begin_ms = 0;
  RocksReadView published_view;
  Overlay base;        // Everything in the journal before this group.
  StateUpdate update;  // The admitted mutations' records, in LSN order.

  std::vector<QueuedMutation> admitted;
  std::vector<std::pair<QueuedMutation, Status>> refused;
  std::vector<const StagedBlob*> blobs;  // Not in the store yet.
  std::set<Digest> blob_digests;         // Of `blobs`.

  // Once it is in the journal, or is not.
  Status outcome;
  GroupPlaces places;
};

}  // namespace tarn::engine
