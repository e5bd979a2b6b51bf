#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/base/mutex.h"
#include "storage/registry/packument_cache.h"

namespace tarn::registry {

// What a write does to the packument, made before the commit by the thread that writes, so that the committer's thread
// has nothing to compute: it hands the change to the cache, or drops what is cached when nobody announced one (a
// follower applies records without a writer).
// Threads: any.
class PackumentUpdates {
 public:
  struct Update {
    std::string previous_rev;
    std::optional<VersionEntry> added;  // Absent: only the head changes.
    PackumentHead head;                 // Names the new revision.
  };

  explicit PackumentUpdates(PackumentCache* cache) : cache_(cache) {}

  // False: announcing would be for nothing.
  bool Wanted(std::string_view package) const { return cache_->Holds(package); }

  // Holds an announcement until the commit has been answered.
  class Announcement {
   public:
    Announcement() = default;
    Announcement(Announcement&& other) noexcept;
    Announcement& operator=(Announcement&& other) noexcept;
    ~Announcement();

   private:
    friend class PackumentUpdates;
    PackumentUpdates* owner_ = nullptr;
    std::string rev_;
  };
  [[nodiscard]] Announcement Announce(Update update) EXCLUDES(mutex_);

  // On the committer's thread: `package` is now at `rev`.
  void Applied(std::string_view package, const std::string& rev) EXCLUDES(mutex_);

 private:
  std::optional<Update> Take(const std::string& rev) EXCLUDES(mutex_);

  PackumentCache* const cache_;

  Mutex mutex_;
  std::unordered_map<std::string, Update> announced_ GUARDED_BY(mutex_);  // By new revision: those are random.
};

}  // namespace tarn::registry
