#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/segment_folder.h"

// Private to engine: blobs between their last byte and their group. They must not outlive the segment store.
namespace tarn::engine {

// Bytes in memory that all uploads of one store may hold together. Nobody waits for it: who gets none goes to disk.
// Threads: any.
class UploadBudget {
 public:
  explicit UploadBudget(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  bool TryTake(uint64_t bytes) {
    uint64_t used = used_bytes_.load(std::memory_order_relaxed);
    do {
      if (bytes > bytes_max_ - used) return false;
    } while (!used_bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void Give(uint64_t bytes) { CHECK(used_bytes_.fetch_sub(bytes, std::memory_order_relaxed) >= bytes); }
  uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }

 private:
  const uint64_t bytes_max_;
  std::atomic<uint64_t> used_bytes_{0};
};

// Bytes in memory in a few pieces, counted in the budget by what is allocated.
// Threads: one at a time.
class ChunkBuffer {
 public:
  explicit ChunkBuffer(UploadBudget& budget) : budget_(&budget) {}
  ~ChunkBuffer() { Clear(); }
  ChunkBuffer(ChunkBuffer&& other) noexcept
      : budget_(other.budget_),
        chunks_(std::exchange(other.chunks_, {})),
        size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  ChunkBuffer& operator=(ChunkBuffer&&) = delete;

  // False, and nothing changed, when the budget has no room.
  [[nodiscard]] bool Append(std::string_view bytes);
  // Views of all bytes in order.
  void AppendParts(std::vector<iovec>* parts) const;
  void Clear();
  uint64_t size_bytes() const { return size_bytes_; }

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t capacity_bytes = 0;
    size_t size_bytes = 0;
  };
  UploadBudget* budget_;
  std::vector<Chunk> chunks_;
  uint64_t size_bytes_ = 0;
};

// A blob that its group will carry.
class MemoryBlob final : public StagedBlob {
 public:
  MemoryBlob(BlobInfo info, ChunkBuffer bytes, std::vector<uint64_t> block_checksums)
      : info_(std::move(info)), bytes_(std::move(bytes)), block_checksums_(std::move(block_checksums)) {}
  const BlobInfo& info() const override { return info_; }
  const ChunkBuffer& bytes() const { return bytes_; }
  const std::vector<uint64_t>& block_checksums() const { return block_checksums_; }

 private:
  const BlobInfo info_;
  const ChunkBuffer bytes_;
  const std::vector<uint64_t> block_checksums_;
};

// A blob in a solo segment of its own, which goes when this goes, unless a group refers to it.
class SoloBlob final : public StagedBlob {
 public:
  SoloBlob(BlobInfo info, SegmentFolder& folder, SegmentId segment)
      : info_(std::move(info)), folder_(folder), segment_(segment) {}
  ~SoloBlob() override {
    if (!is_referenced_.load()) folder_.Discard(segment_);
    folder_.Unstage(segment_);
  }
  SoloBlob(const SoloBlob&) = delete;
  SoloBlob& operator=(const SoloBlob&) = delete;

  const BlobInfo& info() const override { return info_; }
  SegmentId segment() const { return segment_; }
  // Set before the group is written, because a group whose write failed may be found whole at the next open. Const:
  // the committer sees staged blobs as const.
  void SetReferenced(bool is_referenced) const { is_referenced_.store(is_referenced); }

 private:
  const BlobInfo info_;
  SegmentFolder& folder_;
  const SegmentId segment_;
  mutable std::atomic<bool> is_referenced_{false};
};

}  // namespace tarn::engine
