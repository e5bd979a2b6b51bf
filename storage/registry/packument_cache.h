#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "storage/base/limits.h"
#include "storage/base/result.h"
#include "storage/registry/packument_body.h"
#include "storage/registry/packument_rope.h"

namespace tarn::registry {

class PackumentCacheShard;

struct PackumentKey {
  std::string_view package;
  std::string_view base_url;  // No slash at the end.
  PackumentForm form = PackumentForm::kFull;
  PackumentCoding coding = PackumentCoding::kGzip;
};

// Packument ropes and bodies in memory, least recently used out first, under a budget of bytes.
//
// The promise: who asks after Invalidate or Apply… has returned never gets a body of an earlier
// revision, however long a build that started before goes on. (Who asked earlier may: that request
// overlapped the commit.)
//
// How: work on a rope is a flight, and an entry knows the one flight that may land on it.
// Invalidate drops the entry, so that a flight under way has nowhere to land: its result goes to
// the caller who started it and is not kept, and whoever waited for it tries again. Apply… keeps
// the entry: the change waits beside the rope, or for the flight to land, and is carried out before
// anybody gets a body again; if it does not continue the revision found there, the rope is built
// anew.
//
// Threads: any. Shards by package name; no lock is held while building, compressing or inflating.
class PackumentCache {
 public:
  struct Options {
    uint64_t bytes_max = limits::kPackumentCacheBytes;   // Each shard has an equal part.
    uint64_t wait_ms_max = limits::kPackumentWaitMsMax;  // For somebody else's flight.
  };
  using BodyPtr = std::shared_ptr<const PackumentBody>;
  // Makes the rope from a state of the store that is at least as new as the call.
  using Build = std::function<Result<std::unique_ptr<PackumentRope>>()>;

  explicit PackumentCache(const Options& options);
  ~PackumentCache();
  PackumentCache(const PackumentCache&) = delete;
  PackumentCache& operator=(const PackumentCache&) = delete;

  // The body if it is there or takes some microseconds to put together; nullptr otherwise. Fit for
  // core threads.
  BodyPtr Find(const PackumentKey& key);

  // As Find, or does what it takes: carry out waiting changes, inflate, or `build`. One caller
  // works per package and base URL; the others wait. Blocks, and calls `build` on this thread.
  // kUnavailable: waited too long, or the package changes faster than it can be built. An error of
  // `build` goes to all who wait for it. kCorruption: a rope was damaged in memory; it is dropped.
  Result<BodyPtr> FindOrBuild(const PackumentKey& key, const Build& build);

  // The package has changed in a way that the two below do not cover.
  void Invalidate(std::string_view package);
  // `head.rev` is the revision after `previous_rev`, made by adding a version, or by changing the
  // head alone (dist-tags, owners). To be called in commit order. They compress nothing and wait
  // for nobody: fit for the committer's thread.
  void ApplyPublish(std::string_view package, std::string_view previous_rev, VersionEntry entry, PackumentHead head);
  void ApplyHead(std::string_view package, std::string_view previous_rev, PackumentHead head);
  // False: the three above have nothing to do, so their arguments need not be prepared.
  bool Holds(std::string_view package) const;

  // Background work: compresses up to `jobs_max` chunks anew, 2 to 4 ms each, and returns how
  // many. Fewer than jobs_max: nothing more to do for now.
  size_t Seal(size_t jobs_max);

  struct Stats {
    uint64_t bytes = 0;
    uint64_t ropes = 0;
    uint64_t hits = 0;        // A body was there.
    uint64_t assemblies = 0;  // A body was put together from a rope.
    uint64_t changes = 0;     // Accepted by Apply… for at least one rope.
    uint64_t builds = 0;
    uint64_t evictions = 0;
    uint64_t seals = 0;
  };
  Stats stats() const;

 private:
  static constexpr size_t kShardCount = 16;

  PackumentCacheShard& ShardOf(std::string_view package) const;

  const Options options_;
  std::array<std::unique_ptr<PackumentCacheShard>, kShardCount> shards_;
};

}  // namespace tarn::registry
