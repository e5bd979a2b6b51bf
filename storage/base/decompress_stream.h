#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "storage/base/result.h"

namespace tarn {

enum class Compression : uint8_t { kNone, kGzip, kZstd };

// By the first bytes of a file; four are enough.
Compression DetectCompression(std::string_view first_bytes);

// Undoes gzip or zstd while the bytes come in pieces of any size. Several members or frames one after the other are one
// stream, as gzip -c a b and zstd make them.
//   Append  hands what it has to `sink` in pieces of at most 256 KiB; the sink's error comes back as it is.
//   Finish  after the last byte: kInvalidArgument when the stream is not all there.
// Errors: kInvalidArgument: damaged. kTooLarge: more than `inflation_max` plain bytes for each compressed one, beyond the
// first MiB: nothing real is packed so.
// Threads: one at a time.
class DecompressStream {
 public:
  using Sink = std::function<Status(std::string_view)>;
  // Not kNone.
  static std::unique_ptr<DecompressStream> Create(Compression compression, uint64_t inflation_max);
  virtual ~DecompressStream() = default;
  [[nodiscard]] virtual Status Append(std::string_view bytes, const Sink& sink) = 0;
  [[nodiscard]] virtual Status Finish() = 0;
};

}  // namespace tarn
