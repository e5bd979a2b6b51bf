#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/deflate_stream.h"
#include "storage/registry/packument_head.h"

namespace tarn::registry {

enum class PackumentCoding : uint8_t { kGzip, kIdentity };

// A packument ready to be sent: the buffers in order, for one writev. Immutable.
//
// Most buffers are chunks shared with the rope and with other revisions of the same body: a gzip
// body costs its own few hundred bytes only. Two buffers per chunk of versions or times: mind
// IOV_MAX (1024) beyond 60,000 versions.
struct PackumentBody {
  PackumentForm form = PackumentForm::kFull;
  PackumentCoding coding = PackumentCoding::kGzip;
  std::vector<SharedBytes> buffers;
  uint64_t length = 0;           // Content-Length: the sum of the buffers.
  uint64_t identity_length = 0;  // The same of the identity coding.
  std::string etag;              // Quoted, strong.
  std::string rev;
  uint64_t modified_ms = 0;
  bool is_restricted = false;
};

// A strong tag from the revision and the variant alone, so that a 304 needs no body:
// "12-9fab-fg-1a2b3c4d" in quotes, with f or a for the form, g or i for the coding, and a hash of
// the base URL.
//
// Two gzip bodies with one tag may differ in their deflate blocks (before and after a seal, on two
// nodes), never in what they decode to. Ranges are the one use where that would matter, and
// packuments are not served by range.
std::string PackumentETag(std::string_view rev, std::string_view base_url, PackumentForm form, PackumentCoding coding);

// One gzip member. `opening` and `ending` are the runs of blocks before and after `middle`,
// `content` is the extent of all three. Fills buffers and both lengths.
void AssembleGzipMember(std::string_view opening, std::vector<SharedBytes> middle, std::string_view ending,
                        const DeflateExtent& content, PackumentBody* body);

// The identity body of a gzip body, in one buffer; `etag` is the tag it shall have. kCorruption:
// CRC-32 or length differ. About 1 ms per MB: not on a core thread.
[[nodiscard]] Result<std::shared_ptr<const PackumentBody>> InflatePackument(const PackumentBody& gzip,
                                                                            std::string etag);

}  // namespace tarn::registry
