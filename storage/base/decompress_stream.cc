#include "storage/base/decompress_stream.h"

#include <zlib.h>
#include <zstd.h>

#include <string>

#include "storage/base/check.h"
#include "storage/base/limits.h"

namespace tarn {
namespace {

constexpr size_t kPieceBytes = 256 * limits::kKiB;
constexpr uint64_t kFreeBytes = limits::kMiB;  // Small inputs may inflate as they like.
constexpr int kGzipWindowBits = 15 + 16;       // gzip's header and trailer, the largest window.
constexpr int kZstdWindowLogMax = 27;          // 128 MiB: what zstd itself takes without --long.

class Meter {
 public:
  explicit Meter(uint64_t inflation_max) : inflation_max_(inflation_max) {}
  void In(size_t bytes) { in_ += bytes; }
  Status Out(size_t bytes) {
    out_ += bytes;
    if (out_ <= kFreeBytes || out_ / inflation_max_ <= in_) return OkStatus();
    return TooLarge("the compressed data inflates more than " + std::to_string(inflation_max_) + " times");
  }

 private:
  const uint64_t inflation_max_;
  uint64_t in_ = 0;
  uint64_t out_ = 0;
};

class GzipStream final : public DecompressStream {
 public:
  explicit GzipStream(uint64_t inflation_max) : meter_(inflation_max), out_(kPieceBytes, '\0') {
    CHECK(inflateInit2(&stream_, kGzipWindowBits) == Z_OK);
  }
  ~GzipStream() override { inflateEnd(&stream_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  Status Append(std::string_view bytes, const Sink& sink) override {
    meter_.In(bytes.size());
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, kPieceBytes);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream_.avail_in = static_cast<uInt>(part.size());
      RETURN_IF_ERROR(Inflate(sink));
      bytes.remove_prefix(part.size() - stream_.avail_in);
      if (is_padding_) return OkStatus();
    }
    return OkStatus();
  }

  Status Finish() override {
    return is_at_end_ ? OkStatus() : InvalidArgument("the gzip stream ends in the middle: it is not all there");
  }

 private:
  Status Inflate(const Sink& sink) {
    do {
      if (is_at_end_) {
        // Tapes and some tools pad with zeros; anything else is another member.
        if (*stream_.next_in == 0) {
          is_padding_ = true;
          return OkStatus();
        }
        CHECK(inflateReset(&stream_) == Z_OK);
        is_at_end_ = false;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return InvalidArgument(std::string("the gzip data is damaged: ") +
                               (stream_.msg != nullptr ? stream_.msg : "unknown"));
      }
      const size_t size = out_.size() - stream_.avail_out;
      RETURN_IF_ERROR(meter_.Out(size));
      if (size > 0) RETURN_IF_ERROR(sink(std::string_view(out_).substr(0, size)));
      is_at_end_ = result == Z_STREAM_END;
    } while (stream_.avail_in > 0 || (stream_.avail_out == 0 && !is_at_end_));
    return OkStatus();
  }

  Meter meter_;
  std::string out_;
  z_stream stream_{};
  bool is_at_end_ = false;
  bool is_padding_ = false;
};

class ZstdStream final : public DecompressStream {
 public:
  explicit ZstdStream(uint64_t inflation_max)
      : meter_(inflation_max), out_(kPieceBytes, '\0'), stream_(ZSTD_createDStream()) {
    CHECK(stream_ != nullptr);
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }
  ~ZstdStream() override { ZSTD_freeDStream(stream_); }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;

  Status Append(std::string_view bytes, const Sink& sink) override {
    meter_.In(bytes.size());
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    bool was_full = false;
    while (in.pos < in.size || was_full) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      const size_t result = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(result)) {
        return InvalidArgument(std::string("the zstd data is damaged: ") + ZSTD_getErrorName(result));
      }
      is_at_end_ = result == 0;
      was_full = out.pos == out.size;
      RETURN_IF_ERROR(meter_.Out(out.pos));
      if (out.pos > 0) RETURN_IF_ERROR(sink(std::string_view(out_).substr(0, out.pos)));
    }
    return OkStatus();
  }

  Status Finish() override {
    return is_at_end_ ? OkStatus() : InvalidArgument("the zstd stream ends in the middle: it is not all there");
  }

 private:
  Meter meter_;
  std::string out_;
  ZSTD_DStream* const stream_;
  bool is_at_end_ = false;
};

}  // namespace

Compression DetectCompression(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b")) return Compression::kGzip;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;
  return Compression::kNone;
}

std::unique_ptr<DecompressStream> DecompressStream::Create(Compression compression, uint64_t inflation_max) {
  CHECK(compression != Compression::kNone);
  if (compression == Compression::kGzip) return std::make_unique<GzipStream>(inflation_max);
  return std::make_unique<ZstdStream>(inflation_max);
}

}  // namespace tarn
