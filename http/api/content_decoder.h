#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/result.h"

struct z_stream_s;

namespace tarn::http {

// Undoes the Content-Encoding of a request body: nothing, "identity", "gzip" or "x-gzip" (npm and bun compress audit
// requests; contract 2.1). The inflated size is bounded, so a small body cannot become a large one.
// Threads: one at a time. Inflating is about 3 ms per MB.
class ContentDecoder {
 public:
  // kInvalidArgument for any other coding.
  static Result<ContentDecoder> Create(std::string_view content_encoding, uint64_t decoded_bytes_max);
  ~ContentDecoder();
  ContentDecoder(ContentDecoder&&) noexcept;
  ContentDecoder& operator=(ContentDecoder&&) noexcept;

  // Hands what `bytes` decode to to `sink`, piece by piece: a few hundred bytes may inflate to a megabyte, so nobody holds
  // it all. The sink's error ends it. kInvalidArgument: broken gzip, or bytes after its end. kTooLarge.
  using Sink = std::function<Status(std::string_view decoded)>;
  Status Decode(std::string_view bytes, const Sink& sink);
  // The same for those who want it all: appends to `out`.
  Status Decode(std::string_view bytes, std::string* out);
  // After the last piece: kInvalidArgument when the gzip member is not complete.
  Status Finish() const;

 private:
  struct InflateEnd {
    void operator()(z_stream_s* stream) const;
  };
  ContentDecoder(std::unique_ptr<z_stream_s, InflateEnd> inflate, uint64_t decoded_bytes_max);
  // Counts `decoded` against the limit and hands it on.
  Status Emit(std::string_view decoded, const Sink& sink);

  std::unique_ptr<z_stream_s, InflateEnd> inflate_;
  uint64_t left_bytes_ = 0;
  uint64_t bytes_max_ = 0;
  bool ended_ = false;
};

}  // namespace tarn::http
