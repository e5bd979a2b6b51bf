#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/access.h"
#include "storage/registry/download_period.h"
#include "storage/registry/package_name.h"

namespace tarn::registry {

struct RegistryOptions;

// How often tarballs were fetched (contract 12.6): by package and day, by version for the last days, and of everything
// public by day.
//
// A fetch is one add to a counter that the answer carries; nothing is written then. Flush, now and then, commits what was
// counted as one record, and what is not flushed yet counts in every answer all the same. A crash loses what was counted
// since the last flush.
// Threads: any; all but Counter and adding to one block on disk.
class DownloadCounts {
 public:
  using Counter = std::atomic<uint64_t>;

  DownloadCounts(engine::Store* store, const RegistryOptions& options, Clock* clock);

  // Where to add the fetches of one version; the owner may keep it as long as it likes. nullptr when too many versions have
  // counts in memory: then some go uncounted until the next flush.
  std::shared_ptr<Counter> CounterOf(const PackageName& name, const std::string& version, bool is_restricted)
      EXCLUDES(mutex_);

  // Commits what was counted. After an error it is still there.
  Status Flush() EXCLUDES(mutex_);

  // One number for each day of the period.
  using Days = std::vector<uint64_t>;
  // kNotFound, with the same text, for what does not exist and for what the caller may not see.
  [[nodiscard]] Result<Days> OfPackage(const Principal& principal, const PackageName& name,
                                       const DownloadPeriod& period);
  [[nodiscard]] Result<Days> OfEverything(const Principal& principal, const DownloadPeriod& period);
  // Of the last seven days; versions that were fetched at all, in byte order.
  [[nodiscard]] Result<std::vector<std::pair<std::string, uint64_t>>> OfVersions(const Principal& principal,
                                                                                 const PackageName& name);
  // Sums of the last 7 and 30 days, for search; the caller has seen to rights.
  struct Recent {
    uint64_t weekly = 0;
    uint64_t monthly = 0;
  };
  [[nodiscard]] Result<Recent> RecentOf(const engine::ReadView& view, const std::string& package);

  uint32_t Today() const;

 private:
  // One version's. The pair is its place: package, version.
  struct Tally {
    std::shared_ptr<Counter> counter;  // Owners: this, and the answers that add to it.
    bool is_restricted = false;
  };
  using Place = std::pair<std::string, std::string>;
  struct Counted {
    Place place;
    std::shared_ptr<Counter> counter;
    bool is_restricted = false;
    uint64_t count = 0;
  };

  std::vector<Counted> TakeCounted() EXCLUDES(mutex_);
  Status Commit(uint32_t day, const std::vector<Counted>& counted, size_t begin, size_t end);
  Status CheckVisible(const engine::ReadView& view, const Principal& principal, const PackageName& name) const;
  Status CheckMayAsk(const Principal& principal) const;
  uint64_t PendingOf(const std::string& package) const EXCLUDES(mutex_);

  engine::Store* const store_;
  const bool is_private_;  // Only the authenticated may ask.
  Clock* const clock_;

  mutable Mutex mutex_;
  std::map<Place, Tally> tallies_ GUARDED_BY(mutex_);
  Mutex flush_mutex_;  // One flush at a time. Taken before the other.
};

}  // namespace tarn::registry
