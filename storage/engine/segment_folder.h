#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/base/file_system.h"
#include "storage/base/ids.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/segment_format.h"
#include "storage/engine/segment_store.h"

namespace tarn::engine {

// A segment opened for reading, its header checked.
struct SegmentFile {
  std::shared_ptr<const File> file;  // Shared with whoever sends from it; removing the segment does not disturb them.
  SegmentHeader header;
  std::string name;         // For messages.
  uint64_t size_bytes = 0;  // When it was opened.
};

// Private to engine: the folder of segment files: names, ids, and which sync comes before which name.
//
// A file is made as `%016llx.part` and is named `%016llx.seg` only when its header (shared) or the whole of it (solo)
// is on stable storage. So a `.part` is the rest of something unfinished, and a `.seg` that does not begin with a good
// header is damaged: no crash leaves it.
// Threads: any.
class SegmentFolder {
 public:
  // Makes the folder unless read_only; reads the header of every segment.
  static Result<std::unique_ptr<SegmentFolder>> Open(const SegmentStoreOptions& options);

  struct Entry {
    SegmentId id;
    SegmentKind kind = SegmentKind::kShared;
    uint64_t size_bytes = 0;  // Of the active segment: up to the last synced group.
    Status header_status;     // Not OK: the header is damaged, and `kind` was found by the footer.
  };
  // By id.
  std::vector<Entry> List() const EXCLUDES(mutex_);
  std::vector<Entry> ListShared() const EXCLUDES(mutex_);
  bool Has(SegmentId id) const EXCLUDES(mutex_);

  struct NewSegment {
    SegmentHeader header;
    std::shared_ptr<File> file;
  };
  // A `.part` with a new id and its header written, nothing synced.
  Result<NewSegment> Begin(SegmentKind kind) EXCLUDES(mutex_);
  // Syncs it, names it `.seg`, syncs the folder: then it may be relied on. After an error it may have either name, so
  // Discard it. kOutOfSpace: nothing else suffered; any other error may concern the folder as a whole.
  Status Publish(const NewSegment& segment, uint64_t size_bytes) EXCLUDES(mutex_);
  // A solo segment that no group refers to yet, from Publish on, is not to be taken for one that no group refers to any more.
  bool IsStaged(SegmentId id) const EXCLUDES(mutex_);
  void Unstage(SegmentId id) EXCLUDES(mutex_);

  // A `.part` that will take the place of a sealed segment.
  Result<std::unique_ptr<File>> BeginReplacement(SegmentId id);
  // It is on stable storage: it takes the name. Whoever has the old one open keeps it.
  Status Replace(SegmentId id);
  void DiscardReplacement(SegmentId id);

  // Removes the file under whichever name it has. Best effort: what stays is found at the next open.
  void Discard(SegmentId id) EXCLUDES(mutex_);
  // Removes a `.seg`. The folder is not synced.
  Status Remove(SegmentId id) EXCLUDES(mutex_);
  // Removes every `.part`; how many. Only while nothing is being written.
  Result<uint64_t> RemoveParts();

  Result<SegmentFile> OpenForReading(SegmentId id) const;
  Result<std::unique_ptr<File>> OpenForWriting(SegmentId id) const;
  // Sync that the planted faults can switch off, and that is counted.
  Status SyncFile(File* file);
  Status SyncFolder();

  void SetSize(SegmentId id, uint64_t size_bytes) EXCLUDES(mutex_);
  uint64_t segment_count() const EXCLUDES(mutex_);
  uint64_t segment_bytes() const EXCLUDES(mutex_);
  uint64_t sync_count() const { return sync_count_.load(std::memory_order_relaxed); }
  bool read_only() const { return options_.read_only; }
  const SegmentStoreOptions& options() const { return options_; }
  // "000000000000002a.seg", as in messages.
  static std::string Name(SegmentId id);

 private:
  explicit SegmentFolder(const SegmentStoreOptions& options);
  Status Load() EXCLUDES(mutex_);
  Result<Entry> LoadEntry(SegmentId id) const;
  std::string Path(SegmentId id) const;
  std::string PartPath(SegmentId id) const;

  const SegmentStoreOptions options_;
  FileSystem& file_system_;
  std::atomic<uint64_t> sync_count_{0};

  mutable Mutex mutex_;
  std::map<SegmentId, Entry> entries_ GUARDED_BY(mutex_);
  SegmentId next_id_ GUARDED_BY(mutex_){1};
  Random& random_ GUARDED_BY(mutex_);
  uint64_t total_bytes_ GUARDED_BY(mutex_) = 0;
  std::set<SegmentId> staged_ GUARDED_BY(mutex_);
};

}  // namespace tarn::engine
