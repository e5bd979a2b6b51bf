#pragma once

#include <optional>

#include "storage/base/result.h"
#include "storage/engine/local_values.h"
#include "storage/engine/rocks.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/store.h"

// What happens at open, after both halves are open: RocksDB is brought up to the journal. FORMAT.md, "Recovery".
namespace tarn::engine {

// How far RocksDB is; nullopt if it is new.
// kCorruption: RocksDB contradicts itself and has to be rebuilt. kFailedPrecondition: a newer format.
Result<std::optional<AppliedState>> LoadAppliedState(const Rocks& rocks);

// That the journal has the record which RocksDB applied last, with the same chain hash.
// kCorruption: acknowledged records are missing from the journal.
Status CheckJournalReaches(const Rocks& rocks, SegmentStore* segments, const AppliedState& applied);

struct Recovered {
  AppliedState applied;
  uint64_t records_replayed = 0;
  uint64_t bytes_truncated = 0;
  uint64_t orphan_solos_removed = 0;
};
// Accepts every whole group after `applied`, cuts off the rest, and applies what was accepted, through `observer` when
// there is one. Memory: one batch of some MiB, whatever the length of the journal.
Result<Recovered> RollForward(Rocks* rocks, SegmentStore* segments, CommitObserver* observer,
                              const AppliedState& applied);
// The same for a store that must not change: only counts.
Result<Recovered> CountUnapplied(SegmentStore* segments, const AppliedState& applied);

}  // namespace tarn::engine
