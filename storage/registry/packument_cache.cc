#include "storage/registry/packument_cache.h"

#include <utility>

#include "storage/base/check.h"
#include "storage/base/logging.h"
#include "storage/registry/packument_cache_shard.h"

namespace tarn::registry {
namespace {

using BodyPtr = PackumentCache::BodyPtr;
using Landing = PackumentCacheShard::Landing;
using Work = PackumentCacheShard::Work;

// How often a caller looks again after waiting, how often one flight takes up more changes, and how
// often it builds. Each takes a commit that comes in just then; as many in a row mean that the
// package changes faster than it can be read.
constexpr int kAttemptsMax = 32;
constexpr int kRoundsMax = 32;
constexpr int kBuildsMax = 3;

Status ChangesTooFast(const PackumentKey& key) {
  return Unavailable("package " + std::string(key.package) + " changes faster than it can be read");
}

// Carries out the changes that the rope does not have yet. A rope that they do not continue, or
// that is damaged, becomes null.
void Continue(const PackumentKey& key, const std::vector<PendingChange>& changes, RopePtr* rope) {
  size_t first = 0;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].head->rev == (*rope)->rev()) first = i + 1;
  }
  std::string_view rev = (*rope)->rev();
  for (size_t i = first; i < changes.size(); ++i) {
    if (changes[i].previous_rev != rev) {
      rope->reset();
      return;
    }
    rev = changes[i].head->rev;
  }
  for (size_t i = first; i < changes.size(); ++i) {
    if (changes[i].entry == nullptr) continue;
    if (const Status status = (*rope)->Append(*changes[i].entry); !status.ok()) {
      Log(LogLevel::kError, "packument damaged in memory, built anew",
          {{"package", key.package}, {"reason", status.ToString()}});
      rope->reset();
      return;
    }
  }
  if (first < changes.size()) (*rope)->SetHead(*changes.back().head);
}

Result<BodyPtr> LeadIdentity(PackumentCacheShard* shard, const PackumentKey& key, const Work& work) {
  Result<BodyPtr> body =
      InflatePackument(*work.gzip, PackumentETag(work.gzip->rev, key.base_url, key.form, key.coding));
  PackumentShardLock lock(*shard);
  if (body.ok()) {
    shard->LandIdentity(key, work.identity_flight, *body);
  } else {
    shard->Crash(key, work.identity_flight, body.status());
  }
  return body;
}

Result<RopePtr> BuildRope(PackumentCacheShard* shard, const PackumentKey& key, const FlightPtr& flight,
                          const PackumentCache::Build& build) {
  {
    PackumentShardLock lock(*shard);
    shard->BeginBuild(key, flight);
  }
  ASSIGN_OR_RETURN(RopePtr rope, build());
  CHECK(rope != nullptr && rope->base_url() == key.base_url);
  return rope;
}

Result<BodyPtr> LeadRope(PackumentCacheShard* shard, const PackumentKey& key, const PackumentCache::Build& build,
                         Work work) {
  const FlightPtr flight = work.rope_flight;
  const auto fail = [&](const Status& status) {
    PackumentShardLock lock(*shard);
    shard->Crash(key, flight, status);
    return status;
  };
  int builds = 0;
  for (int round = 0; round < kRoundsMax; ++round) {
    if (work.rope != nullptr) Continue(key, work.changes, &work.rope);
    if (work.rope == nullptr) {
      if (++builds > kBuildsMax) break;
      Result<RopePtr> built = BuildRope(shard, key, flight, build);
      if (!built.ok()) return fail(built.status());
      work.rope = std::move(*built);
    }
    Landing landing;
    {
      PackumentShardLock lock(*shard);
      landing = shard->LandRope(key, flight, work.rope, &work);
    }
    if (landing == Landing::kTooLate) return work.rope->Assemble(key.form, key.coding);
    if (landing == Landing::kMoreWork) continue;
    if (work.identity_flight != nullptr) return LeadIdentity(shard, key, work);
    return work.gzip;
  }
  return fail(ChangesTooFast(key));
}

size_t HeapBytes(const VersionEntry& entry) {
  return sizeof(entry) + entry.version.size() + entry.full.json.size() + entry.abbreviated.json.size();
}

size_t HeapBytes(const PackumentHead& head) {
  return sizeof(head) + head.readme.size() + head.maintainers_json.size() + head.hoisted_members_json.size() +
         head.users_json.size() + 64 * head.dist_tags.size();
}

}  // namespace

PackumentCache::PackumentCache(const Options& options) : options_(options) {
  for (auto& shard : shards_) {
    shard = std::make_unique<PackumentCacheShard>(options.bytes_max / kShardCount);
  }
}

PackumentCache::~PackumentCache() = default;

PackumentCacheShard& PackumentCache::ShardOf(std::string_view package) const {
  return *shards_[std::hash<std::string_view>()(package) % kShardCount];
}

BodyPtr PackumentCache::Find(const PackumentKey& key) {
  PackumentCacheShard& shard = ShardOf(key.package);
  PackumentShardLock lock(shard);
  return shard.LookUp(key);
}

Result<BodyPtr> PackumentCache::FindOrBuild(const PackumentKey& key, const Build& build) {
  PackumentCacheShard& shard = ShardOf(key.package);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    Work work;
    {
      PackumentShardLock lock(shard);
      if (BodyPtr body = shard.LookUp(key)) return body;
      work = shard.Begin(key);
      if (work.wait_for != nullptr) {
        while (!work.wait_for->is_over) {
          if (!work.wait_for->over.WaitForMs(shard.mutex, options_.wait_ms_max) && !work.wait_for->is_over) {
            return Unavailable("package " + std::string(key.package) + " is still being read");
          }
        }
        RETURN_IF_ERROR(work.wait_for->status);
        continue;
      }
    }
    if (work.identity_flight != nullptr) return LeadIdentity(&shard, key, work);
    return LeadRope(&shard, key, build, std::move(work));
  }
  return ChangesTooFast(key);
}

void PackumentCache::Invalidate(std::string_view package) {
  PackumentCacheShard& shard = ShardOf(package);
  PackumentShardLock lock(shard);
  shard.Invalidate(package);
}

void PackumentCache::ApplyPublish(std::string_view package, std::string_view previous_rev, VersionEntry entry,
                                  PackumentHead head) {
  const size_t bytes = HeapBytes(entry) + HeapBytes(head);
  const PendingChange change{.previous_rev = std::string(previous_rev),
                             .entry = std::make_shared<const VersionEntry>(std::move(entry)),
                             .head = std::make_shared<const PackumentHead>(std::move(head)),
                             .bytes = bytes};
  PackumentCacheShard& shard = ShardOf(package);
  PackumentShardLock lock(shard);
  shard.Apply(package, change);
}

void PackumentCache::ApplyHead(std::string_view package, std::string_view previous_rev, PackumentHead head) {
  const size_t bytes = HeapBytes(head);
  const PendingChange change{.previous_rev = std::string(previous_rev),
                             .entry = nullptr,
                             .head = std::make_shared<const PackumentHead>(std::move(head)),
                             .bytes = bytes};
  PackumentCacheShard& shard = ShardOf(package);
  PackumentShardLock lock(shard);
  shard.Apply(package, change);
}

bool PackumentCache::Holds(std::string_view package) const {
  PackumentCacheShard& shard = ShardOf(package);
  PackumentShardLock lock(shard);
  return shard.Holds(package);
}

size_t PackumentCache::Seal(size_t jobs_max) {
  size_t jobs = 0;
  for (const auto& shard : shards_) {
    while (jobs < jobs_max) {
      std::optional<PackumentCacheShard::SealTask> task;
      {
        PackumentShardLock lock(*shard);
        task = shard->NextSeal();
      }
      if (!task) break;
      ++jobs;
      const Status status = task->job.Run();
      PackumentShardLock lock(*shard);
      if (status.ok()) {
        shard->LandSeal(std::move(*task));
      } else {
        Log(LogLevel::kError, "packument damaged in memory, dropped",
            {{"package", task->package}, {"reason", status.ToString()}});
        shard->Invalidate(task->package);
      }
    }
  }
  return jobs;
}

PackumentCache::Stats PackumentCache::stats() const {
  Stats sum;
  for (const auto& shard : shards_) {
    PackumentShardLock lock(*shard);
    const Stats part = shard->stats();
    sum.bytes += part.bytes;
    sum.ropes += part.ropes;
    sum.hits += part.hits;
    sum.assemblies += part.assemblies;
    sum.changes += part.changes;
    sum.builds += part.builds;
    sum.evictions += part.evictions;
    sum.seals += part.seals;
  }
  return sum;
}

}  // namespace tarn::registry
