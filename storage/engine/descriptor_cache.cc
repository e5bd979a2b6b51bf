#include "storage/engine/descriptor_cache.h"

#include <string>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/checksum.h"

namespace tarn::engine {

uint64_t CachedSegment::Mark(const Location& location) {
  std::string identity(location.info.sha512.view());
  identity.append(location.info.sha1.view());
  AppendLittleEndian(&identity, location.info.size_bytes);
  AppendLittleEndian(&identity, location.payload_offset_bytes);
  return Checksum64(identity) | 1;
}

bool CachedSegment::WasChecked(const Location& location) const {
  const uint64_t mark = Mark(location);
  return checked_[(mark >> 1) % kSlots].load(std::memory_order_relaxed) == mark;
}

void CachedSegment::SetChecked(const Location& location) {
  const uint64_t mark = Mark(location);
  checked_[(mark >> 1) % kSlots].store(mark, std::memory_order_relaxed);
}

Result<std::shared_ptr<CachedSegment>> DescriptorCache::Get(SegmentId id) {
  uint64_t drops = 0;
  {
    MutexLock lock(mutex_);
    drops = drops_;
    const auto found = by_id_.find(id.value());
    if (found != by_id_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return *found->second;
    }
  }
  // Opened without the lock; when two threads do so, the second one's file serves it alone.
  ASSIGN_OR_RETURN(SegmentFile segment, folder_.OpenForReading(id));
  auto cached = std::make_shared<CachedSegment>(std::move(segment));
  MutexLock lock(mutex_);
  if (drops != drops_ || by_id_.contains(id.value())) return cached;
  order_.push_front(cached);
  by_id_.emplace(id.value(), order_.begin());
  if (order_.size() > segments_max_) {
    by_id_.erase(order_.back()->segment.header.id.value());
    order_.pop_back();
  }
  return cached;
}

void DescriptorCache::Drop(SegmentId id) {
  MutexLock lock(mutex_);
  ++drops_;
  const auto found = by_id_.find(id.value());
  if (found == by_id_.end()) return;
  order_.erase(found->second);
  by_id_.erase(found);
}

size_t DescriptorCache::size() const {
  MutexLock lock(mutex_);
  return order_.size();
}

}  // namespace tarn::engine
