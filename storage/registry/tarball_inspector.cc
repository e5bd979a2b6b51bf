#include "storage/registry/tarball_inspector.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "storage/base/check.h"
#include "storage/registry/tar_reader.h"

namespace tarn::registry {
namespace {

constexpr size_t kInflateBufferBytes = 64 * limits::kKiB;
constexpr unsigned char kGzipFirstByte = 0x1f;
// 15 bits of window, and a gzip header instead of zlib's.
constexpr int kGzipWindowBits = 15 + 16;

}  // namespace

// gzip, member by member, into a TarReader.
class TarballInspector::Inflater {
 public:
  Inflater(TarReader* tar, uint64_t inflated_bytes_max)
      : tar_(tar), inflated_bytes_max_(inflated_bytes_max), buffer_(kInflateBufferBytes) {
    CHECK(inflateInit2(&stream_, kGzipWindowBits) == Z_OK);  // Fails for lack of memory only.
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Status Append(std::string_view bytes) {
    while (!bytes.empty()) {
      size_t taken = 0;
      switch (state_) {
        case State::kMember: {
          ASSIGN_OR_RETURN(taken, Inflate(bytes));
          break;
        }
        case State::kBetween: RETURN_IF_ERROR(NextMember(bytes.front())); break;
        case State::kZeros:
          taken = std::min(bytes.find_first_not_of('\0'), bytes.size());
          if (taken < bytes.size()) return Bad("bytes after the end of the gzip data");
          break;
      }
      offset_ += taken;
      bytes.remove_prefix(taken);
    }
    return OkStatus();
  }

  Status Finish() const {
    if (state_ != State::kMember) return OkStatus();
    return Bad(offset_ == 0 ? "empty" : "truncated within the gzip data");
  }

 private:
  enum class State : uint8_t {
    kMember,   // Within a member, its header and trailer included.
    kBetween,  // After a member: another one may follow.
    kZeros,    // Padding of tapes and block devices.
  };

  Status NextMember(char first) {
    if (first == '\0') {
      state_ = State::kZeros;
    } else if (static_cast<unsigned char>(first) == kGzipFirstByte) {
      CHECK(inflateReset(&stream_) == Z_OK);
      state_ = State::kMember;
    } else {
      return Bad("bytes after the end of the gzip data");
    }
    return OkStatus();
  }

  // Takes bytes up to the end of the member, and returns how many.
  Result<size_t> Inflate(std::string_view bytes) {
    const size_t given = std::min<size_t>(bytes.size(), limits::kGiB);  // zlib counts in 32 bits.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(given);
    int code = Z_OK;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      code = inflate(&stream_, Z_NO_FLUSH);
      // Whatever came out counts, before any error and up to the limit: which error is found must
      // not depend on how the bytes are cut.
      const uint64_t produced = buffer_.size() - stream_.avail_out;
      const uint64_t allowed = std::min(produced, inflated_bytes_max_ - inflated_bytes_);
      RETURN_IF_ERROR(tar_->Append(std::string_view(buffer_.data(), allowed)));
      if (produced > allowed) {
        return TooLarge("tarball: more than " + std::to_string(inflated_bytes_max_) + " bytes when unpacked");
      }
      inflated_bytes_ += produced;
      // Z_BUF_ERROR: no progress without more input, which is no error here.
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return BadGzip(given);
    } while (code != Z_STREAM_END && (stream_.avail_in > 0 || stream_.avail_out == 0));
    if (code == Z_STREAM_END) state_ = State::kBetween;
    return given - stream_.avail_in;
  }

  Status BadGzip(size_t given) const {
    const uint64_t at = offset_ + given - stream_.avail_in;
    const std::string reason = stream_.msg == nullptr ? "unusable" : stream_.msg;
    return InvalidArgument("tarball: not valid gzip (" + reason + "), at offset " + std::to_string(at));
  }

  Status Bad(std::string_view what) const {
    return InvalidArgument("tarball: " + std::string(what) + ", at offset " + std::to_string(offset_));
  }

  TarReader* const tar_;
  const uint64_t inflated_bytes_max_;
  State state_ = State::kMember;
  z_stream stream_{};
  std::vector<char> buffer_;
  uint64_t offset_ = 0;  // Compressed bytes taken.
  uint64_t inflated_bytes_ = 0;
};

TarballInspector::TarballInspector() : TarballInspector(Limits()) {}

TarballInspector::TarballInspector(const Limits& limits)
    : tar_(std::make_unique<TarReader>(limits)),
      inflater_(std::make_unique<Inflater>(tar_.get(), limits.inflated_bytes_max)) {}

TarballInspector::~TarballInspector() = default;
TarballInspector::TarballInspector(TarballInspector&&) noexcept = default;
TarballInspector& TarballInspector::operator=(TarballInspector&&) noexcept = default;

Status TarballInspector::Append(std::string_view bytes) {
  if (error_.ok()) error_ = inflater_->Append(bytes);
  return error_;
}

Result<TarballReport> TarballInspector::Finish() {
  RETURN_IF_ERROR(error_);
  RETURN_IF_ERROR(inflater_->Finish());
  return tar_->Finish();
}

}  // namespace tarn::registry
