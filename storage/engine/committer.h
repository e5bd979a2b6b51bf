#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/engine/commit_gate.h"
#include "storage/engine/commit_group.h"
#include "storage/engine/commit_queue.h"
#include "storage/engine/disk_watch.h"
#include "storage/engine/journal_tail.h"
#include "storage/engine/read_view.h"
#include "storage/engine/rocks.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/state_stage.h"
#include "storage/engine/store.h"

namespace tarn::engine {

// What the committer writes to. All outlive it.
struct CommitterParts {
  Rocks* rocks = nullptr;
  SegmentStore* segments = nullptr;
  DiskWatch* disk = nullptr;
  Publication* publication = nullptr;
  Clock* clock = nullptr;
  CommitObserver* observer = nullptr;
  JournalTail* tail = nullptr;
  CommitShipper* shipper = nullptr;  // May be none.
  NodeRole role = NodeRole::kLeader;
  Epoch epoch{1};                   // A leader's records have at least this one.
  bool apply_before_write = false;  // Planted fault: RocksDB before the journal.
};

// The only thing that changes the store. What waits is taken as one group, in two stages, each with its own thread:
//   journal  checks preconditions against the state plus what is in flight, assigns LSNs and chain hashes, appends blobs,
//            records and trailer to the journal and syncs it: from here on the group will never be lost;
//   state    (state_stage.h) writes one RocksDB batch, publishes a snapshot, tells the observer, answers everybody.
// So while one group's state is synced, the next one's journal is. Groups pass both stages in order, one at a time.
// When the journal runs out of space nothing has happened and the next group may succeed. When RocksDB does, the group
// waits for space, for it must not be lost. Any other failure makes the store refuse commits until it is opened again.
class Committer {
 public:
  // `parts.publication` shows the state to continue from, and the segments have been told where to append.
  explicit Committer(const CommitterParts& parts);
  // Commits what waits, then ends the threads.
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // `done` runs on the state stage's thread, or here and now when the mutation is refused at once.
  void Submit(PreparedMutation mutation, Store::CommitCallback done);
  // Together, so that they form one group as far as they fit into one. They are refused together, too.
  struct Prepared {
    PreparedMutation mutation;
    Store::CommitCallback done;
  };
  void SubmitAll(std::vector<Prepared> all);
  Status CanCommit() const;
  // Not OK: what is in the journal and what was applied of it may differ until the store is opened again.
  Status gate_reason() const { return gate_.reason(); }
  void SetObserver(CommitObserver* observer) { state_stage_.SetObserver(observer); }

  size_t queue_length() const { return queue_.length(); }
  // Of the oldest group that is not finished; 0 while idle.
  uint64_t turn_age_ms() const;

 private:
  void Run();
  std::shared_ptr<CommitGroup> FormGroup(std::vector<QueuedMutation> taken, uint64_t begin_ms);
  Status CheckRoom(const std::vector<QueuedMutation>& taken) const;
  // Takes `queued` only when it returns OK.
  Status Admit(QueuedMutation* queued, uint64_t time_ms, const CommitGroup* in_flight, CommitGroup* group);
  Status CheckRole(const PreparedMutation& mutation) const;
  // What only the one place that orders the records can say of this one.
  Status CheckMayCollect(const LogRecord& record) const;
  void NoteReferences(const LogRecord& record);
  void Stamp(const AppliedState& before, uint64_t time_ms, std::string_view payload, LogRecord* record) const;
  Result<bool> HasBlob(const Digest& digest, const CommitGroup* in_flight, const CommitGroup& group) const;
  Status CheckBlobsAreThere(const PreparedMutation& mutation, const CommitGroup* in_flight,
                            const CommitGroup& group) const;
  Result<std::vector<const StagedBlob*>> FindNewBlobs(const PreparedMutation& mutation, const CommitGroup* in_flight,
                                                      const CommitGroup& group) const;
  Status WriteJournal(CommitGroup* group);
  void TellShipper(const CommitGroup& group);

  const CommitterParts parts_;
  CommitGate gate_;
  CommitQueue queue_;
  StateStage state_stage_;

  // Of the journal stage's thread alone.
  AppliedState head_;                     // After the last group in the journal.
  std::weak_ptr<CommitGroup> in_flight_;  // That group, until every reader sees it.
  // Blobs that records have referred to since a collection began (collect.h); none: no collection may go on.
  std::optional<std::set<Digest>> referenced_;
  std::atomic<uint64_t> group_begin_ms_{0};  // Of the group in the journal stage; 0 while there is none.

  Thread thread_;  // Last: it uses everything above.
};

}  // namespace tarn::engine
