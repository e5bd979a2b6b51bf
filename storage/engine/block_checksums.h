#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "storage/base/checksum.h"

namespace tarn::engine {

// The checksums of a blob's 64 KiB blocks, computed as the blob passes by in pieces of any size.
// Threads: one at a time. 8 bytes of memory per block.
class BlockChecksums {
 public:
  void Update(std::string_view bytes);
  // Once, after the last Update: one per block, none for an empty blob.
  std::vector<uint64_t> Finish();

 private:
  Checksum64Stream block_;    // Of the block that is being filled.
  uint64_t block_bytes_ = 0;  // In it so far.
  std::vector<uint64_t> sums_;
};

// As in the file.
inline std::string_view TableBytes(const std::vector<uint64_t>& sums) {
  return {reinterpret_cast<const char*>(sums.data()), sums.size() * sizeof(uint64_t)};
}

}  // namespace tarn::engine
