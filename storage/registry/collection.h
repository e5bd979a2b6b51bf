#pragma once

#include <cstdint>
#include <functional>

#include "storage/base/clock.h"
#include "storage/base/collect_limits.h"
#include "storage/base/result.h"
#include "storage/engine/collect.h"
#include "storage/engine/store.h"

// `tarn gc`: which blobs no package, staged version or imported file refers to (tarballs of versions that were unpublished,
// uploads whose publish was refused), and giving their room back. How a publish beside it is safe: engine/collect.h.
namespace tarn::registry {

struct CollectionOptions {
  uint64_t age_ms = limits::kCollectAgeMs;            // What a record has named since is kept.
  uint64_t dead_percent = limits::kSweepDeadPercent;  // As SweepOptions.
  bool dry_run = false;
  bool leads = true;  // A follower's blobs are collected by its leader's records; it sweeps.
  std::function<bool()> is_stopping;
};

struct CollectionReport {
  uint64_t blobs = 0;            // In the store when it began.
  uint64_t blobs_young = 0;      // That nothing refers to, and that are kept for their age.
  uint64_t blobs_collected = 0;  // In a dry run: that would be.
  uint64_t bytes_collected = 0;
  uint64_t blobs_taken_again = 0;  // A publish referred to them meanwhile: kept.
  engine::SweepReport sweep;
};

// Blocks, for about as long as it takes to read every version's record once, and to copy the segments that are written anew.
// Memory: 16 bytes for each blob that is referred to. kCorruption: a record cannot be read, so that it is not known what it
// refers to; nothing is collected then. kCancelled: is_stopping; what was done is done. Others as SweepDeadBlobs and Commit.
Result<CollectionReport> CollectBlobs(engine::Store& store, const CollectionOptions& options, Clock& clock);

}  // namespace tarn::registry
