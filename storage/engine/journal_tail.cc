#include "storage/engine/journal_tail.h"

#include <utility>

namespace tarn::engine {

JournalHead JournalTail::head() const {
  MutexLock lock(mutex_);
  return head_;
}

void JournalTail::Add(std::vector<RawRecord> records, const std::vector<Location>& blobs, const JournalHead& head) {
  MutexLock lock(mutex_);
  for (RawRecord& record : records) {
    const Lsn lsn = record.lsn;
    records_.emplace(lsn, std::move(record));
  }
  for (const Location& location : blobs) blobs_[location.info.sha512] = Blob{location, head.lsn};
  head_ = head;
}

void JournalTail::Forget(Lsn last) {
  MutexLock lock(mutex_);
  records_.erase(records_.begin(), records_.upper_bound(last));
  std::erase_if(blobs_, [last](const auto& entry) { return entry.second.last <= last; });
}

std::optional<RawRecord> JournalTail::Find(Lsn lsn) const {
  MutexLock lock(mutex_);
  const auto found = records_.find(lsn);
  return found == records_.end() ? std::nullopt : std::optional<RawRecord>(found->second);
}

std::optional<uint64_t> JournalTail::BytesBehind(Lsn lsn) const {
  MutexLock lock(mutex_);
  if (!records_.contains(lsn)) return std::nullopt;
  uint64_t bytes = 0;
  for (auto it = records_.upper_bound(lsn); it != records_.end(); ++it) bytes += it->second.payload.size();
  for (const auto& [digest, blob] : blobs_) {
    if (blob.last > lsn) bytes += blob.location.info.size_bytes;
  }
  return bytes;
}

std::optional<Location> JournalTail::FindBlob(const Digest& digest) const {
  MutexLock lock(mutex_);
  const auto found = blobs_.find(digest);
  return found == blobs_.end() ? std::nullopt : std::optional<Location>(found->second.location);
}

}  // namespace tarn::engine
