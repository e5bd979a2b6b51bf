#include "storage/engine/block_checksums.h"

#include <algorithm>
#include <utility>

#include "storage/base/limits.h"

namespace tarn::engine {

void BlockChecksums::Update(std::string_view bytes) {
  while (!bytes.empty()) {
    if (block_bytes_ == 0 && bytes.size() >= limits::kBlobBlockBytes) {
      sums_.push_back(Checksum64(bytes.substr(0, limits::kBlobBlockBytes)));
      bytes.remove_prefix(limits::kBlobBlockBytes);
      continue;
    }
    const std::string_view piece = bytes.substr(0, limits::kBlobBlockBytes - block_bytes_);
    block_.Update(piece);
    block_bytes_ += piece.size();
    bytes.remove_prefix(piece.size());
    if (block_bytes_ < limits::kBlobBlockBytes) break;
    sums_.push_back(block_.Sum());
    block_.Reset();
    block_bytes_ = 0;
  }
}

std::vector<uint64_t> BlockChecksums::Finish() {
  if (block_bytes_ > 0) sums_.push_back(block_.Sum());
  return std::move(sums_);
}

}  // namespace tarn::engine
