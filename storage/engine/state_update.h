#pragma once

#include <deque>
#include <span>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/local_values.h"
#include "storage/engine/log.h"
#include "storage/engine/overlay.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/store.h"

namespace tarn::engine {

class RocksBatch;

// Where the pieces of a written group are.
struct GroupPlaces {
  std::vector<Location> blobs;
  std::vector<SegmentPosition> records;  // One per record, in order.
  SegmentPosition end;
};

// What a group of records does to the state. The one path by which records become state: commit, recovery, rebuild and
// follower all Add the records and write the batch that is filled here.
// Ownership: `base` outlives it. Threads: one at a time; after the last Add, any may read records and fill batches.
class StateUpdate {
 public:
  // `applied` is the state that `base` shows.
  StateUpdate(const ReadView& base, const AppliedState& applied) : applied_(applied), overlay_(base) {}

  // Whether every value is as expected, in the base with all records added so far. Replicated families only.
  Result<bool> Holds(std::span<const Precondition> preconditions) const;
  // kCorruption: the record does not continue the one before (LSN, epoch, chain). After an error nothing was added.
  Status Add(LogRecord record);

  // Whether the blob is one that something may refer to, as of the last record added.
  Result<bool> HasBlob(const Digest& digest) const;

  // As of the last record added; `tail` is still that of the base.
  const AppliedState& applied() const { return applied_; }
  const std::deque<LogRecord>& records() const { return records_; }

  // The replicated changes.
  void AppendChangesTo(RocksBatch* batch) const;
  // The rows that say where the group is, and how far the state now is. Returns the latter. After AppendChangesTo.
  Result<AppliedState> AppendPlacesTo(RocksBatch* batch, const GroupPlaces& places) const;

 private:
  Status CheckContinues(const LogRecord& record) const;

  AppliedState applied_;
  Overlay overlay_;
  std::deque<LogRecord> records_;  // Never reallocated: the overlay points into it.
};

// What the observer derives from `records`, one list per record; `before` shows the state before the first of them.
// No observer: nothing.
std::deque<std::vector<Change>> DeriveAll(CommitObserver* observer, const ReadView& before,
                                          const std::deque<LogRecord>& records);
void AppendDerivedTo(RocksBatch* batch, const std::deque<std::vector<Change>>& derived);

}  // namespace tarn::engine
