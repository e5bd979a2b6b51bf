#pragma once

#include <map>
#include <optional>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/engine/log.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/shipping.h"

namespace tarn::engine {

// The end of the journal: how far it is, and the records and blobs in it that RocksDB does not know of yet, so that they can be
// sent on before they are visible. At most the groups that are in flight.
// Threads: any.
class JournalTail {
 public:
  explicit JournalTail(const JournalHead& head) : head_(head) {}

  JournalHead head() const EXCLUDES(mutex_);
  // After the sync.
  void Add(std::vector<RawRecord> records, const std::vector<Location>& blobs, const JournalHead& head)
      EXCLUDES(mutex_);
  // RocksDB has everything up to here: it is asked from now on.
  void Forget(Lsn last) EXCLUDES(mutex_);
  std::optional<RawRecord> Find(Lsn lsn) const EXCLUDES(mutex_);
  // Of the records behind this one, with their blobs; nullopt when it is no record of the tail.
  std::optional<uint64_t> BytesBehind(Lsn lsn) const EXCLUDES(mutex_);
  std::optional<Location> FindBlob(const Digest& digest) const EXCLUDES(mutex_);

 private:
  struct Blob {
    Location location;
    Lsn last;  // Of its group.
  };
  mutable Mutex mutex_;
  JournalHead head_ GUARDED_BY(mutex_);
  std::map<Lsn, RawRecord> records_ GUARDED_BY(mutex_);
  std::map<Digest, Blob> blobs_ GUARDED_BY(mutex_);
};

}  // namespace tarn::engine
