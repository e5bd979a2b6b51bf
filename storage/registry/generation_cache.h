#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include "storage/base/mutex.h"

namespace tarn::registry {

// Remembers what was read from the store until anything that it may rest on changes; then forgets all of it.
//
// A reader that looked at the store before a change must not put its result in after it: it takes generation() first,
// then reads, then calls Put, which does nothing when Clear came in between. At capacity everything is forgotten, which
// is fit for what costs microseconds to read again.
// Threads: any.
template <typename Key, typename Value, typename Hash = std::hash<Key>>
class GenerationCache {
 public:
  explicit GenerationCache(size_t entries_max) : entries_max_(entries_max) {}

  std::optional<Value> Find(const Key& key) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return std::nullopt;
    return entry->second;
  }

  uint64_t generation() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return generation_;
  }

  void Put(uint64_t generation, const Key& key, Value value) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (generation != generation_) return;
    if (entries_.size() >= entries_max_) entries_.clear();
    entries_.insert_or_assign(key, std::move(value));
  }

  void Clear() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    ++generation_;
    entries_.clear();
  }

 private:
  const size_t entries_max_;

  Mutex mutex_;
  uint64_t generation_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<Key, Value, Hash> entries_ GUARDED_BY(mutex_);
};

}  // namespace tarn::registry
