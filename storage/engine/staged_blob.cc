#include "storage/engine/staged_blob.h"

#include <algorithm>
#include <cstring>

#include "storage/base/limits.h"

namespace tarn::engine {
namespace {

// Doubling from the first to the last keeps small blobs small and large ones in few pieces.
constexpr size_t kFirstChunkBytes = 16 * limits::kKiB;
constexpr size_t kLastChunkBytes = 512 * limits::kKiB;

}  // namespace

bool ChunkBuffer::Append(std::string_view bytes) {
  const size_t room = chunks_.empty() ? 0 : chunks_.back().capacity_bytes - chunks_.back().size_bytes;
  if (bytes.size() > room) {
    const size_t doubled =
        chunks_.empty() ? kFirstChunkBytes : std::min(kLastChunkBytes, 2 * chunks_.back().capacity_bytes);
    const size_t capacity = std::max(doubled, bytes.size() - room);
    if (!budget_->TryTake(capacity)) return false;
    if (room > 0) {
      Chunk& last = chunks_.back();
      std::memcpy(last.bytes.get() + last.size_bytes, bytes.data(), room);
      last.size_bytes += room;
      size_bytes_ += room;
      bytes.remove_prefix(room);
    }
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(capacity), capacity, 0});
  }
  if (bytes.empty()) return true;
  Chunk& chunk = chunks_.back();
  std::memcpy(chunk.bytes.get() + chunk.size_bytes, bytes.data(), bytes.size());
  chunk.size_bytes += bytes.size();
  size_bytes_ += bytes.size();
  return true;
}

void ChunkBuffer::AppendParts(std::vector<iovec>* parts) const {
  for (const Chunk& chunk : chunks_) parts->push_back({chunk.bytes.get(), chunk.size_bytes});
}

void ChunkBuffer::Clear() {
  for (const Chunk& chunk : chunks_) budget_->Give(chunk.capacity_bytes);
  chunks_.clear();
  size_bytes_ = 0;
}

}  // namespace tarn::engine
