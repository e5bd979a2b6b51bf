#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/file_system.h"

namespace tarn::couch_file {

inline constexpr uint64_t kBlockBytes = 4096;
inline constexpr size_t kChecksumBytes = 16;

// What stands at the beginning of a chunk.
struct ChunkHead {
  uint64_t data_position = 0;  // Of the first byte of the data, in the file.
  uint32_t data_bytes = 0;
  bool has_checksum = false;
  std::array<char, kChecksumBytes> checksum{};
};

// True if `checksum` is XXH3-128 (big-endian) or MD5 of `data`: the file does not say which.
bool ChecksumMatches(std::string_view data, std::string_view checksum);

// The lowest layer of a CouchDB file: payload bytes without the marker that stands at every multiple of 4096, and
// chunks (docs/couch-file-format.md, "Blocks" and "Chunks").
//
// Nothing larger than what the file can hold is ever allocated.
// Errors: kCorruption (a place outside of the file, a length that does not fit, a checksum that differs), kTooLarge (over
// the caller's limit), what the file answers.
// Threads: one at a time. Blocks on disk.
class BlockFile {
 public:
  // `file` outlives this object; it is read as far as `size` alone.
  BlockFile(const File& file, uint64_t size) : file_(file), size_(size) {}
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;

  uint64_t size() const { return size_; }

  // The marker of the block that begins at `position`, a multiple of 4096 below size().
  Result<uint8_t> Marker(uint64_t position);
  // Copies `bytes` payload bytes from `*position` on, and moves it behind them.
  Status Read(uint64_t* position, size_t bytes, char* out);
  // Payload bytes between `position` and the end of the file.
  uint64_t PayloadBytesFrom(uint64_t position) const;

  Result<ChunkHead> ReadChunkHead(uint64_t position);
  // The data of the chunk at `position` into `data` (replaced), checked if the chunk has a checksum.
  // `end`, if given, becomes the place behind the chunk.
  Status ReadChunk(uint64_t position, uint64_t bytes_max, std::string* data, uint64_t* end = nullptr);

  // Asks the kernel to fetch [begin, end) before it is read. Costs nothing if it cannot.
  void Prefetch(uint64_t begin, uint64_t end) const;

 private:
  // What is in the window from `position` on: at least one byte.
  Status Fill(uint64_t position, std::string_view* bytes);

  const File& file_;
  const uint64_t size_;
  uint64_t window_begin_ = 0;
  std::string window_;
};

}  // namespace tarn::couch_file
