#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/check.h"
#include "storage/registry/tarball_inspector.h"
#include "storage/testing/gzip.h"

namespace tarn::registry {
namespace {

constexpr size_t kBlockBytes = 512;

// Gives every block the checksum that a header of these bytes would have, or no change would get
// past it.
std::string WithChecksums(std::string_view bytes) {
  std::string tar(bytes);
  tar.resize((tar.size() + kBlockBytes - 1) / kBlockBytes * kBlockBytes);
  for (size_t begin = 0; begin < tar.size(); begin += kBlockBytes) {
    const std::string_view block(tar.data() + begin, kBlockBytes);
    if (block.find_first_not_of('\0') == std::string_view::npos) continue;
    tar.replace(begin + 148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    for (size_t i = 6; i-- > 0; sum >>= 3) tar[begin + 148 + i] = static_cast<char>('0' + (sum & 7));
    tar[begin + 154] = '\0';
  }
  return tar;
}

Result<TarballReport> Feed(std::string_view gzip, size_t piece_bytes) {
  // Small, so that every limit is met.
  TarballInspector::Limits limits;
  limits.entries_max = 8;
  limits.inflated_bytes_max = 16 * 1024;
  limits.package_json_bytes_max = 256;
  TarballInspector inspector(limits);
  Status status;
  for (size_t i = 0; i < gzip.size() && status.ok(); i += piece_bytes) {
    status = inspector.Append(gzip.substr(i, piece_bytes));
  }
  return status.ok() ? inspector.Finish() : Result<TarballReport>(status);
}

}  // namespace
}  // namespace tarn::registry

// The first byte of the input is the size of the pieces; the second says what the rest is: 0 a
// .tgz, 1 a tar, anything else a tar whose checksums are put right.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  constexpr size_t kInputBytesMax = 16 * 1024;
  if (size < 3 || size > kInputBytesMax) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  // Stored blocks only: the fuzzer's bytes stay what they are.
  const std::string gzip = data[1] == 0   ? std::string(rest)
                           : data[1] == 1 ? tarn::Gzip(rest, 0)
                                          : tarn::Gzip(WithChecksums(rest), 0);
  const auto whole = Feed(gzip, gzip.size());
  const auto pieces = Feed(gzip, std::max<size_t>(1, data[0]));
  CHECK(whole.code() == pieces.code());
  if (!whole.ok()) return 0;
  CHECK(whole->package_json == pieces->package_json);
  CHECK(whole->package_json.size() <= 256);
  CHECK(whole->entry_count == pieces->entry_count && whole->entry_count <= 8);
  CHECK(whole->file_count >= 1 && whole->file_count <= whole->entry_count);
  CHECK(whole->unpacked_bytes >= whole->package_json.size());
  return 0;
}
