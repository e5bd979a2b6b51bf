#include "http/api/hot_cache.h"

#include <functional>
#include <utility>

namespace tarn::http {
namespace {

// What an entry costs beside its bytes: list node, map node, shared control block.
constexpr uint64_t kEntryOverheadBytes = 256;

uint64_t BytesInPieces(const HotAnswer& answer) {
  uint64_t bytes = 0;
  for (const SharedBytes& piece : answer.pieces) bytes += piece.bytes.size();
  return bytes;
}

uint64_t CostOf(const std::string& key, const HotAnswer& answer) {
  uint64_t bytes = kEntryOverheadBytes + key.size() + answer.head.size() + answer.not_modified_head.size();
  bytes += answer.etag.size() + answer.cache_control.size();
  bytes += BytesInPieces(answer);
  // The bytes of a body file are on this budget; those of a tarball are the page cache's.
  if (answer.is_file() && !answer.is_tarball) bytes += answer.file.length;
  return bytes;
}

}  // namespace

HotCache::HotCache(uint64_t bytes_max, std::string folder)
    : shard_bytes_max_(bytes_max / kShards), files_(std::move(folder)), counters_(kCounters) {}

HotCache::Ticket HotCache::TakeTicket(std::string_view package) const {
  const size_t counter = std::hash<std::string_view>()(package) % kCounters;
  return {counter, counters_[counter].load(std::memory_order_acquire)};
}

void HotCache::Invalidate(std::string_view package) {
  counters_[std::hash<std::string_view>()(package) % kCounters].fetch_add(1, std::memory_order_acq_rel);
}

void HotCache::Erase(Shard* shard, std::list<Entry>::iterator entry) {
  shard->bytes -= entry->bytes;
  shard->by_key.erase(entry->key);
  shard->recent.erase(entry);
}

void HotCache::Insert(const Ticket& ticket, std::string key, std::shared_ptr<const HotAnswer> answer) {
  const uint64_t bytes = CostOf(key, *answer);
  // An answer that would push out most of a shard is cheaper to assemble again than to keep.
  if (bytes > shard_bytes_max_ / 2 || !IsCurrent(ticket)) return;
  Shard& shard = shards_[std::hash<std::string_view>()(key) % kShards];
  MutexLock lock(shard.mutex);
  if (const auto found = shard.by_key.find(key); found != shard.by_key.end()) Erase(&shard, found->second);
  shard.recent.push_front({std::move(key), ticket, std::move(answer), bytes, 0});
  shard.by_key.emplace(shard.recent.front().key, shard.recent.begin());
  shard.bytes += bytes;
  while (shard.bytes > shard_bytes_max_) Erase(&shard, std::prev(shard.recent.end()));
}

std::shared_ptr<const HotAnswer> HotCache::Find(std::string_view key) {
  Shard& shard = shards_[std::hash<std::string_view>()(key) % kShards];
  MutexLock lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) {
    misses_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  const auto entry = found->second;
  if (!IsCurrent(entry->ticket)) {
    Erase(&shard, entry);
    misses_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  shard.recent.splice(shard.recent.begin(), shard.recent, entry);
  if (++entry->hits == kBodyFileHits && WantsFile(*entry)) {
    misses_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  hits_.fetch_add(1, std::memory_order_relaxed);
  return entry->answer;
}

bool HotCache::WantsFile(const Entry& entry) {
  if (entry.hits < kBodyFileHits || entry.answer->is_file()) return false;
  const uint64_t bytes = BytesInPieces(*entry.answer);
  return bytes >= kBodyFileBytesMin && bytes <= kBodyFileBytesMax;
}

bool HotCache::WantsFile(std::string_view key) const {
  const Shard& shard = shards_[std::hash<std::string_view>()(key) % kShards];
  MutexLock lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  return found != shard.by_key.end() && WantsFile(*found->second);
}

uint64_t HotCache::bytes() const {
  uint64_t sum = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    sum += shard.bytes;
  }
  return sum;
}

}  // namespace tarn::http
