#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "storage/base/result.h"
#include "storage/engine/segment_folder.h"
#include "storage/engine/segment_reader.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/segment_table.h"

namespace tarn::engine {

// The one writer of shared segments: SegmentStore::StartAppending and AppendGroup.
// Invariant: every shared segment but the last is sealed, and behind the last group nothing is accepted.
// Threads: one at a time, except groups_written.
class SegmentAppender {
 public:
  explicit SegmentAppender(SegmentFolder& folder) : folder_(folder) {}

  Result<uint64_t> Start(SegmentPosition end);
  Result<GroupWritten> Append(const GroupToWrite& group);
  uint64_t groups_written() const { return groups_written_.load(std::memory_order_relaxed); }

 private:
  // The segment that is being filled.
  struct Active {
    SegmentHeader header;
    std::shared_ptr<File> file;
    uint64_t end = 0;  // Where the next group begins.
    SegmentTable table;
  };

  Result<uint64_t> ContinueIn(const SegmentFolder::Entry& entry, uint64_t offset);
  Status WriteAgain(ForwardReader& reader, uint64_t begin, uint64_t end);
  Status CheckNothingWhole(const SegmentFolder::Entry& entry, uint64_t offset);
  Result<uint64_t> RemoveLater(SegmentId last_kept);
  Status MakeRoom(const GroupToWrite& group);
  Status Seal();
  Status BeginSegment();
  Result<GroupWritten> WriteGroup(const GroupToWrite& group);
  // Writes at the end of the active segment; if the disk is full, cuts off what was written.
  Status WriteAtEnd(std::span<const iovec> parts);
  Status SyncActive();
  Status Poison(const Status& cause);

  SegmentFolder& folder_;
  std::optional<Active> active_;
  bool is_started_ = false;
  Status poison_;  // Not OK: why nothing may be written any more.
  std::atomic<uint64_t> groups_written_{0};
};

}  // namespace tarn::engine
