#include "storage/registry/deflate_stream.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/base/check.h"

namespace tarn::registry {
namespace {

constexpr int kRawDeflate = -15;  // Full window, no zlib or gzip wrapper.
constexpr int kMemoryLevel = 8;

// zlib's compressor takes 268 KB, so each thread keeps one per level and resets it. Nothing
// outlives a call in them: they are scratch memory, not state, which is why they are allowed to be
// thread-wide.
class Deflater {
 public:
  explicit Deflater(DeflateEffort effort) {
    CHECK(deflateInit2(&stream_, static_cast<int>(effort), Z_DEFLATED, kRawDeflate, kMemoryLevel, Z_DEFAULT_STRATEGY) ==
          Z_OK);
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void Run(std::string_view dictionary, std::string_view plain, std::string* out) {
    CHECK(plain.size() <= std::numeric_limits<uInt>::max());
    CHECK(deflateReset(&stream_) == Z_OK);
    if (!dictionary.empty()) {
      CHECK(deflateSetDictionary(&stream_, reinterpret_cast<const Bytef*>(dictionary.data()),
                                 static_cast<uInt>(dictionary.size())) == Z_OK);
    }
    // JSON shrinks to a tenth or a twentieth: a first guess of a quarter is nearly always the last.
    size_t room = plain.size() / 4 + 64;
    const size_t start = out->size();
    size_t written = 0;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream_.avail_in = static_cast<uInt>(plain.size());
    do {
      out->resize(start + written + room);
      stream_.next_out = reinterpret_cast<Bytef*>(out->data() + start + written);
      stream_.avail_out = static_cast<uInt>(room);
      CHECK(deflate(&stream_, Z_SYNC_FLUSH) == Z_OK);
      written += room - stream_.avail_out;
      room = plain.size() / 2 + 64;
    } while (stream_.avail_out == 0);
    out->resize(start + written);
  }

  static Deflater& OfThread(DeflateEffort effort) {
    thread_local Deflater fast(DeflateEffort::kFast);
    if (effort == DeflateEffort::kFast) return fast;
    thread_local Deflater best(DeflateEffort::kBest);
    return best;
  }

 private:
  z_stream stream_{};
};

// libdeflate inflates twice as fast as zlib (8 MB of manifests: 4 to 8 ms against 9 to 20), but
// only what has a final block.
constexpr std::string_view kFinalBlock("\x03\x00", 2);

class Inflater {
 public:
  Inflater() : decompressor_(libdeflate_alloc_decompressor()) { CHECK(decompressor_ != nullptr); }
  ~Inflater() { libdeflate_free_decompressor(decompressor_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // True when all of `deflated` was read and filled exactly `plain_bytes`.
  bool Run(std::string_view deflated, char* plain, size_t plain_bytes) {
    std::string closed;
    closed.reserve(deflated.size() + kFinalBlock.size());
    closed.append(deflated).append(kFinalBlock);
    size_t read = 0;
    const libdeflate_result result = libdeflate_deflate_decompress_ex(
        decompressor_, closed.data(), closed.size(), plain, plain_bytes, &read, /*actual_out_nbytes_ret=*/nullptr);
    return result == LIBDEFLATE_SUCCESS && read == closed.size();
  }

  static Inflater& OfThread() {
    thread_local Inflater inflater;
    return inflater;
  }

 private:
  libdeflate_decompressor* decompressor_;
};

uint32_t Crc32(std::string_view plain) { return libdeflate_crc32(0, plain.data(), plain.size()); }

}  // namespace

void DeflateExtent::Extend(const DeflateExtent& next) {
  crc32 = static_cast<uint32_t>(crc32_combine(crc32, next.crc32, static_cast<z_off_t>(next.plain_bytes)));
  deflated_bytes += next.deflated_bytes;
  plain_bytes += next.plain_bytes;
}

DeflateExtent AppendDeflated(std::string_view history, std::string_view plain, DeflateEffort effort, std::string* out) {
  if (plain.empty()) return {};
  if (history.size() > kDeflateWindowBytes) {
    history.remove_prefix(history.size() - kDeflateWindowBytes);
  }
  const size_t start = out->size();
  Deflater::OfThread(effort).Run(history, plain, out);
  return {.deflated_bytes = out->size() - start, .plain_bytes = plain.size(), .crc32 = Crc32(plain)};
}

Status AppendInflated(std::string_view deflated, const DeflateExtent& extent, std::string* out) {
  if (deflated.size() != extent.deflated_bytes) {
    return Corruption("deflate stream of " + std::to_string(deflated.size()) + " bytes, expected " +
                      std::to_string(extent.deflated_bytes));
  }
  if (extent.plain_bytes == 0 && deflated.empty()) return OkStatus();
  // Deflate cannot expand more than 1032 times; a larger claim must not make us allocate it.
  if (extent.plain_bytes / 1032 > deflated.size()) {
    return Corruption("deflate stream of " + std::to_string(deflated.size()) + " bytes cannot hold " +
                      std::to_string(extent.plain_bytes));
  }
  const size_t start = out->size();
  const size_t plain_bytes = static_cast<size_t>(extent.plain_bytes);
  out->resize(start + plain_bytes);
  if (!Inflater::OfThread().Run(deflated, out->data() + start, plain_bytes)) {
    out->resize(start);
    return Corruption("deflate stream does not inflate to its recorded length");
  }
  if (Crc32(std::string_view(*out).substr(start)) != extent.crc32) {
    out->resize(start);
    return Corruption("deflate stream does not inflate to its recorded CRC-32");
  }
  return OkStatus();
}

const SharedBytes& DeflateStream::EmptyBytes() {
  static const SharedBytes empty = std::make_shared<const std::string>();
  return empty;
}

DeflateStream DeflateStream::FromPlain(std::string_view plain, DeflateEffort effort) {
  std::string deflated;
  const DeflateExtent extent = AppendDeflated({}, plain, effort, &deflated);
  return FromDeflated(std::move(deflated), extent);
}

DeflateStream DeflateStream::FromDeflated(std::string deflated, const DeflateExtent& extent) {
  DeflateStream stream;
  deflated.shrink_to_fit();
  stream.bytes_ = std::make_shared<const std::string>(std::move(deflated));
  stream.extent_ = extent;
  return stream;
}

Status DeflateStream::Append(std::string_view plain) {
  if (plain.empty()) return OkStatus();
  if (window_.empty()) RETURN_IF_ERROR(RecoverWindow());
  std::string piece;
  const DeflateExtent extent = AppendDeflated(window_, plain, DeflateEffort::kFast, &piece);
  std::string grown;
  grown.reserve(bytes_->size() + piece.size());
  grown.append(*bytes_).append(piece);
  bytes_ = std::make_shared<const std::string>(std::move(grown));
  extent_.Extend(extent);
  SlideWindow(plain);
  return OkStatus();
}

Result<std::string> DeflateStream::Plain() const {
  std::string plain;
  RETURN_IF_ERROR(AppendInflated(*bytes_, extent_, &plain));
  return plain;
}

void DeflateStream::ReplacePieces(uint64_t begin, uint64_t end, std::string_view run) {
  CHECK(begin <= end && end <= bytes_->size());
  const std::string_view before = *bytes_;
  std::string joined;
  joined.reserve(before.size() - (end - begin) + run.size());
  joined.append(before.substr(0, begin)).append(run).append(before.substr(end));
  bytes_ = std::make_shared<const std::string>(std::move(joined));
  extent_.deflated_bytes = bytes_->size();
}

void DeflateStream::DropWindow() { std::string().swap(window_); }

size_t DeflateStream::memory_bytes() const { return bytes_->capacity() + window_.capacity(); }

Status DeflateStream::RecoverWindow() {
  ASSIGN_OR_RETURN(const std::string plain, Plain());
  SlideWindow(plain);
  return OkStatus();
}

void DeflateStream::SlideWindow(std::string_view plain) {
  if (plain.size() >= kDeflateWindowBytes) {
    window_.assign(plain.substr(plain.size() - kDeflateWindowBytes));
    return;
  }
  const size_t total = window_.size() + plain.size();
  if (total > kDeflateWindowBytes) window_.erase(0, total - kDeflateWindowBytes);
  window_.append(plain);
}

}  // namespace tarn::registry
