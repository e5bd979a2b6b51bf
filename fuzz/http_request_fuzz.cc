#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/parser/parse_for_test.h"
#include "storage/base/check.h"

// Bytes as they come from a socket. The first byte of the input is the size of the pieces in which the rest arrives; the
// outcome must be the same as when it arrives whole.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tarn::http::testing::Feed;
  using tarn::http::testing::Outcome;
  constexpr size_t kInputBytesMax = 4096;   // Feeding byte by byte is quadratic.
  constexpr size_t kHeaderBytesMax = 1024;  // So that the limit is met.
  if (size < 2 || size > kInputBytesMax) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t piece_bytes = std::max<size_t>(1, data[0]);

  const Outcome whole = Feed(bytes, bytes.size(), kHeaderBytesMax);
  CHECK(Feed(bytes, piece_bytes, kHeaderBytesMax) == whole);

  size_t content_bytes = 0;
  for (const std::string& request : whole.requests) content_bytes += request.size();
  CHECK(content_bytes <= bytes.size() + whole.requests.size() * 4);  // " [" "]": nothing is made up.
  return 0;
}
