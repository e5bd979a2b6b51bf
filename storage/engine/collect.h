#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "storage/base/collect_limits.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"

// Blobs that nothing refers to any more. Two steps, which may be days apart:
//   collecting  a record of the log (EventKind::kCollectBlobs) deletes their entries of the family `blob`, on all nodes alike.
//               Who may be collected is decided by whoever knows what refers to blobs (registry/collection.h);
//   sweeping    each node for itself gives the room back that blobs without an entry take in its segments.
//
// A publish cannot lose its blob to that: a collection begins with a record of that kind without changes, and from there on the
// committer notes what records refer to. A deletion of a blob that was referred to since is answered kConflict, as a whole
// record. Who looks for garbage does so in a view taken after the first record, so what was referred to before is seen there.
namespace tarn::engine {

class Store;

// Of a sweep; in a dry run, what would be.
struct SweepReport {
  uint64_t segments_seen = 0;
  uint64_t segments_rewritten = 0;
  uint64_t segments_removed = 0;      // Of one blob each.
  uint64_t blobs = 0;                 // Whose room was given back.
  uint64_t bytes = 0;                 // That room.
  uint64_t bytes_left = 0;            // Dead, in segments that are not worth it.
  std::vector<std::string> findings;  // Segments that could not be swept, and why; at most limits::kSweepFindingsMax.
};

struct SweepOptions {
  uint64_t dead_percent = limits::kSweepDeadPercent;  // Of a segment's blob bytes, at least, or it stays. 0: any.
  bool dry_run = false;
  const std::set<Digest>* condemned = nullptr;  // In a dry run: what would be collected before.
  std::function<bool()> is_stopping;
};

// Threads: one sweep at a time; blocks on disk. Readers and commits go on meanwhile.
// kUnavailable: another node is copying the segments. kCancelled: is_stopping. What cannot be swept is a finding.
Result<SweepReport> SweepDeadBlobs(Store& store, const SweepOptions& options);

}  // namespace tarn::engine
