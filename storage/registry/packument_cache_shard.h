#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/registry/packument_body.h"
#include "storage/registry/packument_cache.h"
#include "storage/registry/packument_rope.h"

namespace tarn::registry {

// A change of a package that is committed and not yet in the rope.
struct PendingChange {
  std::string previous_rev;
  std::shared_ptr<const VersionEntry> entry;  // Null: the head alone. Shared by all base URLs.
  std::shared_ptr<const PackumentHead> head;
  size_t bytes = 0;
};

// Work on one entry that one caller does without the lock, while others wait. Owners: the entry
// where it may land, the one who does it and those who wait.
struct PackumentFlight {
  bool is_over = false;
  Status status;  // Once over. Not OK: it failed for everybody.
  CondVar over;
};
using FlightPtr = std::shared_ptr<PackumentFlight>;
// Owners: the entry, or its flight; and seal tasks, so that no other rope gets its address.
using RopePtr = std::shared_ptr<PackumentRope>;

// One part of the cache: the entries of some packages, their order of use, their bytes. Internal to
// PackumentCache. What is done here, under the lock, takes microseconds; the cache does the rest.
//
// An entry is a package for one base URL. Either it has a rope, or a rope flight is under way. It
// has bodies only of a rope without pending changes. Identity bodies are large and rarely asked
// for, so each has its own place in the order of use; gzip bodies share the rope's chunks and go
// with it.
//
// Threads: any, holding `mutex`; see PackumentShardLock.
class PackumentCacheShard {
 public:
  using BodyPtr = PackumentCache::BodyPtr;

  explicit PackumentCacheShard(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // The body, put together if need be; nullptr when it takes more than that.
  BodyPtr LookUp(const PackumentKey& key) REQUIRES(mutex);

  // What is left to be done for a body: exactly one of the three flights is set.
  struct Work {
    FlightPtr wait_for;         // Somebody else is at it.
    FlightPtr rope_flight;      // Build `rope` when it is null, otherwise carry out `changes`.
    FlightPtr identity_flight;  // Inflate `gzip`.
    RopePtr rope;
    std::vector<PendingChange> changes;
    BodyPtr gzip;
  };
  Work Begin(const PackumentKey& key) REQUIRES(mutex);

  // To be called before the store is looked at: what is pending will be seen there.
  void BeginBuild(const PackumentKey& key, const FlightPtr& flight) REQUIRES(mutex);

  enum class Landing : uint8_t {
    kLanded,    // The rope is in its entry; `next` has the gzip body and, for an identity key, the
                // flight to inflate it.
    kMoreWork,  // Changes came in: carry out `next->changes` and try again.
    kTooLate,   // The entry is gone; the rope stays with the caller.
  };
  Landing LandRope(const PackumentKey& key, const FlightPtr& flight, const RopePtr& rope, Work* next) REQUIRES(mutex);
  void LandIdentity(const PackumentKey& key, const FlightPtr& flight, const BodyPtr& body) REQUIRES(mutex);
  // Either flight failed: its entry is dropped.
  void Crash(const PackumentKey& key, const FlightPtr& flight, const Status& status) REQUIRES(mutex);

  void Invalidate(std::string_view package) REQUIRES(mutex);
  void Apply(std::string_view package, const PendingChange& change) REQUIRES(mutex);
  bool Holds(std::string_view package) const REQUIRES(mutex);

  struct SealTask {
    std::string package;
    std::string base_url;
    RopePtr rope;  // Not to be touched: it may be in flight.
    PackumentRope::SealJob job;
  };
  std::optional<SealTask> NextSeal() REQUIRES(mutex);
  void LandSeal(SealTask task) REQUIRES(mutex);

  PackumentCache::Stats stats() const REQUIRES(mutex);

  Mutex mutex;

 private:
  friend class PackumentShardLock;
  struct Entry;
  struct Use {
    Entry* entry;
    std::optional<size_t> identity_form;  // Unset: the rope.
  };
  using Uses = std::list<Use>;
  struct Entry {
    std::string package;
    std::string base_url;
    RopePtr rope;
    FlightPtr rope_flight;
    std::vector<PendingChange> pending;
    std::array<BodyPtr, 2> gzip;  // By form, as the next three.
    std::array<BodyPtr, 2> identity;
    std::array<FlightPtr, 2> identity_flights;
    std::array<std::optional<Uses::iterator>, 2> identity_uses;
    std::optional<Uses::iterator> rope_use;
    uint64_t charge = 0;  // Bytes counted for it, identity bodies excluded.
  };
  using Entries = std::vector<std::unique_ptr<Entry>>;  // Of one package, one per base URL.
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  // Taken out under the lock, destroyed without it: ten megabytes take a while to unmap.
  struct Dropped {
    Entries entries;
    std::vector<BodyPtr> bodies;
  };

  Entry* FindEntry(std::string_view package, std::string_view base_url) REQUIRES(mutex);
  Entry* AddEntry(const PackumentKey& key) REQUIRES(mutex);
  void Drop(Entry* entry) REQUIRES(mutex);
  void DropBodies(Entry* entry) REQUIRES(mutex);
  void DropIdentity(Entry* entry, size_t form) REQUIRES(mutex);
  // True when the entry goes on with the change pending, or has it already.
  bool Accepts(const Entry& entry, const PendingChange& change) const REQUIRES(mutex);
  void Touch(Entry* entry, std::optional<size_t> identity_form) REQUIRES(mutex);
  void MoveToFront(Use use, std::optional<Uses::iterator>* place) REQUIRES(mutex);
  void Recharge(Entry* entry) REQUIRES(mutex);
  void Evict() REQUIRES(mutex);

  const uint64_t bytes_max_;
  std::unordered_map<std::string, Entries, Hash, std::equal_to<>> packages_ GUARDED_BY(mutex);
  Uses uses_ GUARDED_BY(mutex);  // Most recent first.
  std::unordered_set<Entry*> unsealed_ GUARDED_BY(mutex);
  Dropped dropped_ GUARDED_BY(mutex);
  PackumentCache::Stats stats_ GUARDED_BY(mutex);
};

// Holds the lock, and destroys what was dropped after giving it back.
class SCOPED_CAPABILITY PackumentShardLock {
 public:
  explicit PackumentShardLock(PackumentCacheShard& shard) ACQUIRE(shard.mutex) : shard_(shard) { shard_.mutex.Lock(); }
  ~PackumentShardLock() RELEASE() {
    PackumentCacheShard::Dropped dropped;
    std::swap(dropped, shard_.dropped_);
    shard_.mutex.Unlock();
  }
  PackumentShardLock(const PackumentShardLock&) = delete;
  PackumentShardLock& operator=(const PackumentShardLock&) = delete;

 private:
  PackumentCacheShard& shard_;
};

}  // namespace tarn::registry
