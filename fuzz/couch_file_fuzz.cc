#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "migrate/couch_file/database_file.h"
#include "migrate/couch_file/file_builder_for_test.h"
#include "migrate/couch_file/memory_file_for_test.h"
#include "migrate/couch_file/recorder_for_test.h"
#include "storage/base/check.h"

namespace tarn::couch_file {
namespace {

constexpr size_t kFileBytesMax = 32 * 1024;

// Gives the last block with a header's marker the checksum that its term would have, or hardly a change would get past it.
std::string WithHeaderChecksum(std::string bytes) {
  for (size_t blocks = (bytes.size() + kBlockBytes - 1) / kBlockBytes; blocks-- > 0;) {
    const size_t begin = blocks * kBlockBytes;
    if (bytes[begin] != '\1' || bytes.size() - begin < 5 + kChecksumBytes) continue;
    const size_t length =
        static_cast<unsigned char>(bytes[begin + 3]) * 256u + static_cast<unsigned char>(bytes[begin + 4]);
    // Headers within one block are enough.
    if (length <= kChecksumBytes || length > kBlockBytes - 5 || length > bytes.size() - begin - 5) return bytes;
    const std::string_view term = std::string_view(bytes).substr(begin + 5 + kChecksumBytes, length - kChecksumBytes);
    bytes.replace(begin + 5, kChecksumBytes, build::ChecksumOf(term, build::Checksum::kXxh3));
    return bytes;
  }
  return bytes;
}

}  // namespace
}  // namespace tarn::couch_file

// A whole file, the checksum of its last header put right. The recorder checks the order of the calls; each document that
// reading all of it gives must be the same when it is found by its id.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::couch_file;
  if (size > kFileBytesMax) return 0;
  auto file = DatabaseFile::Open(
      std::make_unique<MemoryFile>(WithHeaderChecksum({reinterpret_cast<const char*>(data), size})), "fuzz.couch");
  if (!file.ok()) return 0;
  Recorder all;
  CHECK((*file)->ReadAll({}, &all).ok());
  static_cast<void>((*file)->ReadSecurity().ok());
  size_t looked_up = 0;
  for (const Recorder::Document& document : all.documents) {
    CHECK(!document.end.id.empty() && !document.end.rev.empty());
    if (++looked_up > 8) break;
    Recorder one;
    // A wrong key in an inner node hides it.
    if (!(*file)->ReadDocument(document.end.id, {}, &one).ok()) continue;
    if (all.findings.empty()) {
      CHECK(one.documents.size() == 1);
      CHECK(one.documents[0].end.body == document.end.body && one.documents[0].attachments == document.attachments);
    }
  }
  return 0;
}
