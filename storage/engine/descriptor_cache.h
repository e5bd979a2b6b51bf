#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/engine/segment_folder.h"

namespace tarn::engine {

// An open segment, and which of its blobs' headers were compared already.
struct CachedSegment {
  explicit CachedSegment(SegmentFile segment_in) : segment(std::move(segment_in)) {}
  const SegmentFile segment;

  bool WasChecked(const Location& location) const;
  void SetChecked(const Location& location);

 private:
  // Direct-mapped: a collision costs one more check. 0 is empty.
  static constexpr size_t kSlots = 1024;
  static uint64_t Mark(const Location& location);
  std::array<std::atomic<uint64_t>, kSlots> checked_{};
};

// The open files of segments that were read lately. Whoever holds a CachedSegment keeps its file open; the cache only
// forgets the least recently used ones.
// Threads: any.
class DescriptorCache {
 public:
  DescriptorCache(const SegmentFolder& folder, size_t segments_max) : folder_(folder), segments_max_(segments_max) {}

  // kNotFound: there is no such segment. kCorruption: its header is damaged.
  Result<std::shared_ptr<CachedSegment>> Get(SegmentId id) EXCLUDES(mutex_);
  // The segment is another file now, or none. Who holds the old one keeps it.
  void Drop(SegmentId id) EXCLUDES(mutex_);
  size_t size() const EXCLUDES(mutex_);

 private:
  using Order = std::list<std::shared_ptr<CachedSegment>>;  // The most recently used first.

  const SegmentFolder& folder_;
  const size_t segments_max_;
  mutable Mutex mutex_;
  uint64_t drops_ GUARDED_BY(mutex_) = 0;  // What was opened before a drop is not kept.
  Order order_ GUARDED_BY(mutex_);
  std::unordered_map<uint64_t, Order::iterator> by_id_ GUARDED_BY(mutex_);
};

}  // namespace tarn::engine
