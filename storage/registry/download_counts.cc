#include "storage/registry/download_counts.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/package_state.h"
#include "storage/registry/registry.h"

namespace tarn::registry {
namespace {

using engine::Change;
using engine::Family;

// Written to disk since format 1: FORMAT.md, family `counter`.
constexpr std::string_view kOfPackages = "downloads/package/";
constexpr std::string_view kOfVersions = "downloads/version/";
constexpr std::string_view kOfEverything = "downloads/everything";

std::string PackageCounter(std::string_view package) { return std::string(kOfPackages) + std::string(package); }
std::string VersionCounter(std::string_view package) { return std::string(kOfVersions) + std::string(package); }

std::string DayKey(std::string_view counter, uint32_t day, std::string_view rest = "") {
  std::string detail;
  AppendBigEndian32(&detail, day);
  detail += rest;
  return engine::NameAndRestKey(counter, detail);
}

Result<uint64_t> DecodeCount(std::string_view payload) {
  if (payload.size() != sizeof(uint64_t))
    return Corruption("a counter has " + std::to_string(payload.size()) + " bytes");
  return LoadBigEndian64(payload.data());
}

// Adds to counters of one state of the store, each of them once read and once written.
class CounterChanges {
 public:
  explicit CounterChanges(const engine::ReadView& view) : view_(view) {}

  void Add(std::string key, uint64_t count) { added_[std::move(key)] += count; }

  // Rows of `counter` of days before `first_day_kept` go.
  Status Prune(const std::string& counter, uint32_t first_day_kept) {
    return view_.Scan(Family::kCounter, engine::NamePrefix(counter), DayKey(counter, first_day_kept),
                      [&](std::string_view key, std::string_view value) {
                        pruned_.emplace_back(key, value);
                        return pruned_.size() < limits::kDownloadsPerRecordMax;
                      });
  }

  Status AppendTo(engine::Mutation* mutation) const {
    for (const auto& [key, count] : added_) {
      ASSIGN_OR_RETURN(auto before, view_.Get(Family::kCounter, key));
      uint64_t sum = count;
      if (before) {
        ASSIGN_OR_RETURN(const uint64_t old, DecodeCount(*before));
        sum += old;
      }
      std::string payload;
      AppendBigEndian64(&payload, sum);
      mutation->preconditions.push_back({Family::kCounter, key, std::move(before)});
      mutation->changes.push_back({Family::kCounter, key, std::move(payload)});
    }
    for (const auto& [key, value] : pruned_) {
      mutation->preconditions.push_back({Family::kCounter, key, value});
      mutation->changes.push_back({Family::kCounter, key, std::nullopt});
    }
    return OkStatus();
  }

 private:
  const engine::ReadView& view_;
  std::map<std::string, uint64_t> added_;
  std::vector<std::pair<std::string, std::string>> pruned_;
};

Result<DownloadCounts::Days> ReadDays(const engine::ReadView& view, const std::string& counter,
                                      const DownloadPeriod& period) {
  DownloadCounts::Days days(period.day_count());
  const size_t day_at = counter.size() + 1;
  Status failed;
  RETURN_IF_ERROR(view.Scan(Family::kCounter, DayKey(counter, period.first_day), DayKey(counter, period.last_day + 1),
                            [&](std::string_view key, std::string_view value) {
                              const auto count = DecodeCount(value);
                              if (!count.ok() || key.size() != day_at + sizeof(uint32_t)) {
                                failed = count.ok() ? Corruption("not the key of a counter") : count.status();
                                return false;
                              }
                              days[LoadBigEndian32(key.data() + day_at) - period.first_day] = *count;
                              return true;
                            }));
  RETURN_IF_ERROR(failed);
  return days;
}

// What is not flushed yet is of today.
void AddPending(const DownloadPeriod& period, uint32_t today, uint64_t pending, DownloadCounts::Days* days) {
  if (period.first_day <= today && today <= period.last_day) (*days)[today - period.first_day] += pending;
}

uint64_t SumOfLast(const DownloadCounts::Days& days, size_t count) {
  uint64_t sum = 0;
  for (size_t i = days.size() - std::min(count, days.size()); i < days.size(); ++i) sum += days[i];
  return sum;
}

}  // namespace

DownloadCounts::DownloadCounts(engine::Store* store, const RegistryOptions& options, Clock* clock)
    : store_(store), is_private_(options.read_access == RegistryOptions::ReadAccess::kAuthenticated), clock_(clock) {}

uint32_t DownloadCounts::Today() const { return DayOf(clock_->NowMs()); }

std::shared_ptr<DownloadCounts::Counter> DownloadCounts::CounterOf(const PackageName& name, const std::string& version,
                                                                   bool is_restricted) {
  MutexLock lock(mutex_);
  const Place place(name.full(), version);
  const auto found = tallies_.find(place);
  if (found != tallies_.end()) {
    found->second.is_restricted = is_restricted;
    return found->second.counter;
  }
  if (tallies_.size() >= limits::kDownloadTalliesMax) return nullptr;
  auto counter = std::make_shared<Counter>(0);
  tallies_.emplace(place, Tally{counter, is_restricted});
  return counter;
}

std::vector<DownloadCounts::Counted> DownloadCounts::TakeCounted() {
  std::vector<Counted> counted;
  MutexLock lock(mutex_);
  for (auto tally = tallies_.begin(); tally != tallies_.end();) {
    const std::shared_ptr<Counter>& counter = tally->second.counter;
    // In this order: when no answer holds it, none can get it but through this lock, and the count is final.
    const bool is_final = counter.use_count() == 1;
    const uint64_t count = counter->load(std::memory_order_relaxed);
    if (count > 0) {
      counted.push_back({tally->first, counter, tally->second.is_restricted, count});
      ++tally;
    } else if (is_final) {
      tally = tallies_.erase(tally);
    } else {
      ++tally;
    }
  }
  return counted;
}

Status DownloadCounts::Flush() {
  MutexLock one_at_a_time(flush_mutex_);
  const std::vector<Counted> counted = TakeCounted();
  const uint32_t day = Today();
  for (size_t begin = 0; begin < counted.size(); begin += limits::kDownloadsPerRecordMax) {
    const size_t end = std::min(begin + limits::kDownloadsPerRecordMax, counted.size());
    RETURN_IF_ERROR(Commit(day, counted, begin, end));
    // Only now, so that an answer meanwhile shows them once too often rather than not at all, and an error loses none.
    for (size_t i = begin; i < end; ++i) counted[i].counter->fetch_sub(counted[i].count, std::memory_order_relaxed);
  }
  return OkStatus();
}

Status DownloadCounts::Commit(uint32_t day, const std::vector<Counted>& counted, size_t begin, size_t end) {
  const auto plan = [&](const engine::ReadView& view) -> Result<PlannedWrite<bool>> {
    CounterChanges changes(view);
    std::string last_package;
    for (size_t i = begin; i < end; ++i) {
      const auto& [package, version] = counted[i].place;
      changes.Add(DayKey(PackageCounter(package), day), counted[i].count);
      changes.Add(DayKey(VersionCounter(package), day, version), counted[i].count);
      if (!counted[i].is_restricted) changes.Add(DayKey(kOfEverything, day), counted[i].count);
      if (package == std::exchange(last_package, package)) continue;  // They are sorted.
      RETURN_IF_ERROR(changes.Prune(PackageCounter(package), day - limits::kDownloadDaysKept + 1));
      RETURN_IF_ERROR(changes.Prune(VersionCounter(package), day - limits::kDownloadVersionDaysKept + 1));
    }
    engine::Mutation mutation;
    mutation.event.kind = engine::EventKind::kCountDownloads;
    RETURN_IF_ERROR(changes.AppendTo(&mutation));
    return PlannedWrite<bool>{std::move(mutation), true};
  };
  return CommitWithRetries<bool>(store_, plan).status();
}

Status DownloadCounts::CheckMayAsk(const Principal& principal) const {
  if (!is_private_ || principal.is_authenticated()) return OkStatus();
  return Unauthenticated("This registry is private: log in first.");
}

Status DownloadCounts::CheckVisible(const engine::ReadView& view, const Principal& principal,
                                    const PackageName& name) const {
  const auto visible = ReadVisiblePackage(view, principal, name);
  if (visible.code() == Code::kNotFound) return NotFound("package " + name.full() + " not found");
  return visible.status();
}

uint64_t DownloadCounts::PendingOf(const std::string& package) const {
  uint64_t pending = 0;
  MutexLock lock(mutex_);
  for (auto tally = tallies_.lower_bound({package, ""}); tally != tallies_.end() && tally->first.first == package;
       ++tally) {
    pending += tally->second.counter->load(std::memory_order_relaxed);
  }
  return pending;
}

Result<DownloadCounts::Days> DownloadCounts::OfPackage(const Principal& principal, const PackageName& name,
                                                       const DownloadPeriod& period) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  RETURN_IF_ERROR(CheckVisible(*view, principal, name));
  ASSIGN_OR_RETURN(Days days, ReadDays(*view, PackageCounter(name.full()), period));
  AddPending(period, Today(), PendingOf(name.full()), &days);
  return days;
}

Result<DownloadCounts::Days> DownloadCounts::OfEverything(const Principal& principal, const DownloadPeriod& period) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(Days days, ReadDays(*view, std::string(kOfEverything), period));
  uint64_t pending = 0;
  {
    MutexLock lock(mutex_);
    for (const auto& [place, tally] : tallies_) {
      if (!tally.is_restricted) pending += tally.counter->load(std::memory_order_relaxed);
    }
  }
  AddPending(period, Today(), pending, &days);
  return days;
}

Result<std::vector<std::pair<std::string, uint64_t>>> DownloadCounts::OfVersions(const Principal& principal,
                                                                                 const PackageName& name) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  RETURN_IF_ERROR(CheckVisible(*view, principal, name));
  std::map<std::string, uint64_t> versions;
  const std::string counter = VersionCounter(name.full());
  const size_t version_at = counter.size() + 1 + sizeof(uint32_t);
  const uint32_t today = Today();
  Status failed;
  RETURN_IF_ERROR(view->Scan(Family::kCounter, DayKey(counter, today - 6), DayKey(counter, today + 1),
                             [&](std::string_view key, std::string_view value) {
                               const auto count = DecodeCount(value);
                               if (count.ok())
                                 versions[std::string(key.substr(version_at))] += *count;
                               else
                                 failed = count.status();
                               return failed.ok();
                             }));
  RETURN_IF_ERROR(failed);
  {
    MutexLock lock(mutex_);
    for (auto tally = tallies_.lower_bound({name.full(), ""});
         tally != tallies_.end() && tally->first.first == name.full(); ++tally) {
      const uint64_t pending = tally->second.counter->load(std::memory_order_relaxed);
      if (pending > 0) versions[tally->first.second] += pending;
    }
  }
  return std::vector<std::pair<std::string, uint64_t>>(versions.begin(), versions.end());
}

Result<DownloadCounts::Recent> DownloadCounts::RecentOf(const engine::ReadView& view, const std::string& package) {
  const uint32_t today = Today();
  ASSIGN_OR_RETURN(const Days days, ReadDays(view, PackageCounter(package), {today - 29, today}));
  const uint64_t pending = PendingOf(package);
  return Recent{SumOfLast(days, 7) + pending, SumOfLast(days, 30) + pending};
}

}  // namespace tarn::registry
