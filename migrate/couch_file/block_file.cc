#include "migrate/couch_file/block_file.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/base/checksum.h"
#include "storage/base/couch_file_limits.h"
#include "storage/base/digest.h"

namespace tarn::couch_file {
namespace {

constexpr uint32_t kChecksumFlag = 0x8000'0000;

std::string At(uint64_t position) { return " at offset " + std::to_string(position); }

uint32_t LoadBigEndian32(const char* data) { return __builtin_bswap32(LoadLittleEndian<uint32_t>(data)); }

}  // namespace

bool ChecksumMatches(std::string_view data, std::string_view checksum) {
  if (checksum.size() != kChecksumBytes) return false;
  const auto words = Checksum128(data);
  std::string canonical;
  AppendBigEndian64(&canonical, words[1]);
  AppendBigEndian64(&canonical, words[0]);
  return canonical == checksum || Md5(data) == checksum;
}

Status BlockFile::Fill(uint64_t position, std::string_view* bytes) {
  if (position >= size_) return Corruption("the file ends before offset " + std::to_string(position));
  const uint64_t window_end = window_begin_ + window_.size();
  if (position < window_begin_ || position >= window_end) {
    // Whole blocks: more and more of them while reading goes on where it was, in either direction.
    const bool forwards = !window_.empty() && position >= window_end && position - window_end < kBlockBytes;
    const bool backwards = !window_.empty() && position < window_begin_ && window_begin_ - position <= kBlockBytes;
    const uint64_t wanted =
        forwards || backwards
            ? std::clamp<uint64_t>(window_.size() * 2, limits::kCouchReadBytesSmall, limits::kCouchReadBytesLarge)
            : limits::kCouchReadBytesSmall;
    uint64_t begin = position / kBlockBytes * kBlockBytes;
    if (backwards) begin -= std::min(begin, wanted / kBlockBytes * kBlockBytes - kBlockBytes);
    const size_t size = static_cast<size_t>(std::min(wanted, size_ - begin));
    window_begin_ = begin;
    if (Status read = file_.ReadAt(begin, size, &window_); !read.ok()) {
      window_.clear();
      return read;
    }
    if (position - begin >= window_.size()) return Corruption("the file became shorter while it was read");
  }
  *bytes = std::string_view(window_).substr(static_cast<size_t>(position - window_begin_));
  return OkStatus();
}

Result<uint8_t> BlockFile::Marker(uint64_t position) {
  CHECK(position % kBlockBytes == 0);
  std::string_view bytes;
  RETURN_IF_ERROR(Fill(position, &bytes));
  return static_cast<uint8_t>(bytes[0]);
}

Status BlockFile::Read(uint64_t* position, size_t bytes, char* out) {
  while (bytes > 0) {
    if (*position % kBlockBytes == 0) ++*position;
    std::string_view window;
    RETURN_IF_ERROR(Fill(*position, &window));
    const auto until_marker = static_cast<size_t>(kBlockBytes - *position % kBlockBytes);
    const size_t count = std::min({bytes, until_marker, window.size()});
    std::memcpy(out, window.data(), count);
    out += count;
    bytes -= count;
    *position += count;
  }
  return OkStatus();
}

uint64_t BlockFile::PayloadBytesFrom(uint64_t position) const {
  if (position >= size_) return 0;
  const uint64_t markers_below_end = (size_ - 1) / kBlockBytes + 1;
  const uint64_t markers_below_position = position == 0 ? 0 : (position - 1) / kBlockBytes + 1;
  return size_ - position - (markers_below_end - markers_below_position);
}

Result<ChunkHead> BlockFile::ReadChunkHead(uint64_t position) {
  if (position >= size_) return Corruption("a pointer leads behind the end of the file:" + At(position));
  ChunkHead head;
  head.data_position = position;
  char length[4];
  RETURN_IF_ERROR(Read(&head.data_position, sizeof(length), length));
  const uint32_t word = LoadBigEndian32(length);
  head.has_checksum = (word & kChecksumFlag) != 0;
  head.data_bytes = word & ~kChecksumFlag;
  if (head.has_checksum) RETURN_IF_ERROR(Read(&head.data_position, kChecksumBytes, head.checksum.data()));
  if (head.data_bytes > PayloadBytesFrom(head.data_position)) {
    return Corruption("the chunk" + At(position) + " says it has " + std::to_string(head.data_bytes) +
                      " bytes, more than the file has left");
  }
  return head;
}

Status BlockFile::ReadChunk(uint64_t position, uint64_t bytes_max, std::string* data, uint64_t* end) {
  ASSIGN_OR_RETURN(const ChunkHead head, ReadChunkHead(position));
  if (head.data_bytes > bytes_max) {
    return TooLarge("the chunk" + At(position) + " has " + std::to_string(head.data_bytes) + " bytes; at most " +
                    std::to_string(bytes_max) + " are read");
  }
  data->resize(head.data_bytes);
  uint64_t place = head.data_position;
  RETURN_IF_ERROR(Read(&place, head.data_bytes, data->data()));
  if (end != nullptr) *end = place;
  if (head.has_checksum && !ChecksumMatches(*data, {head.checksum.data(), head.checksum.size()})) {
    return Corruption("the checksum of the chunk" + At(position) + " is wrong");
  }
  return OkStatus();
}

void BlockFile::Prefetch(uint64_t begin, uint64_t end) const {
  end = std::min(end, size_);
  if (begin >= end || file_.descriptor() < 0) return;
  // Advice only: an error means that nothing is fetched ahead.
  static_cast<void>(::posix_fadvise(file_.descriptor(), static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                                    POSIX_FADV_WILLNEED));
}

}  // namespace tarn::couch_file
