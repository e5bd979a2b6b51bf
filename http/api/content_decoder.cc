#include "http/api/content_decoder.h"

#include <zlib.h>

#include "http/parser/request_head.h"
#include "storage/base/limits.h"

namespace tarn::http {
namespace {
constexpr int kGzipWindow = 15 + 16;              // zlib: 16 asks for a gzip wrapper.
constexpr size_t kStepBytes = 16 * limits::kKiB;  // Inflated at a time; on the stack.
}  // namespace

void ContentDecoder::InflateEnd::operator()(z_stream_s* stream) const {
  inflateEnd(stream);
  delete stream;
}

ContentDecoder::ContentDecoder(std::unique_ptr<z_stream_s, InflateEnd> inflate, uint64_t decoded_bytes_max)
    : inflate_(std::move(inflate)), left_bytes_(decoded_bytes_max), bytes_max_(decoded_bytes_max) {}
ContentDecoder::~ContentDecoder() = default;
ContentDecoder::ContentDecoder(ContentDecoder&&) noexcept = default;
ContentDecoder& ContentDecoder::operator=(ContentDecoder&&) noexcept = default;

Result<ContentDecoder> ContentDecoder::Create(std::string_view content_encoding, uint64_t decoded_bytes_max) {
  if (content_encoding.empty() || EqualsIgnoreCase(content_encoding, "identity")) {
    return ContentDecoder(nullptr, decoded_bytes_max);
  }
  if (!EqualsIgnoreCase(content_encoding, "gzip") && !EqualsIgnoreCase(content_encoding, "x-gzip")) {
    return InvalidArgument("Content-Encoding \"" + std::string(content_encoding) +
                           "\" is not supported; send gzip or none");
  }
  auto* stream = new z_stream_s{};
  CHECK(inflateInit2(stream, kGzipWindow) == Z_OK);
  return ContentDecoder(std::unique_ptr<z_stream_s, InflateEnd>(stream), decoded_bytes_max);
}

Status ContentDecoder::Emit(std::string_view decoded, const Sink& sink) {
  if (decoded.size() > left_bytes_) return TooLarge("the body is larger than " + std::to_string(bytes_max_) + " bytes");
  left_bytes_ -= decoded.size();
  return sink(decoded);
}

Status ContentDecoder::Decode(std::string_view bytes, std::string* out) {
  return Decode(bytes, [out](std::string_view decoded) {
    out->append(decoded);
    return OkStatus();
  });
}

Status ContentDecoder::Decode(std::string_view bytes, const Sink& sink) {
  if (inflate_ == nullptr) return Emit(bytes, sink);
  inflate_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  inflate_->avail_in = static_cast<uInt>(bytes.size());
  while (inflate_->avail_in > 0) {
    if (ended_) return InvalidArgument("the gzip body has bytes after its end");
    char step[kStepBytes];
    inflate_->next_out = reinterpret_cast<Bytef*>(step);
    inflate_->avail_out = sizeof(step);
    const int result = inflate(inflate_.get(), Z_NO_FLUSH);
    if (result == Z_STREAM_END)
      ended_ = true;
    else if (result != Z_OK && result != Z_BUF_ERROR)
      return InvalidArgument("the gzip body is broken");
    RETURN_IF_ERROR(Emit({step, sizeof(step) - inflate_->avail_out}, sink));
  }
  return OkStatus();
}

Status ContentDecoder::Finish() const {
  if (inflate_ != nullptr && !ended_) return InvalidArgument("the gzip body is truncated");
  return OkStatus();
}

}  // namespace tarn::http
