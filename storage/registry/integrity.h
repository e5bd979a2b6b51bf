#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/digest.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"

namespace tarn::registry {

// Subresource Integrity metadata as npm writes it into `dist.integrity`: one or more
// "<algorithm>-<base64>" separated by spaces, each with options after "?" that nobody looks at.
// Source: W3C SRI; npm's ssri 12 for what clients send.
// Threads: a value type.
class Integrity {
 public:
  enum class Algorithm : uint8_t { kSha1, kSha256, kSha384, kSha512 };
  struct Hash {
    Algorithm algorithm;
    std::string digest;  // Raw bytes, exactly as many as the algorithm has.
  };

  // kInvalidArgument: malformed, a digest of the wrong length, longer than
  // limits::kIntegrityBytesMax, or no hash of a known algorithm. Unknown algorithms are skipped, as
  // the specification wants.
  static Result<Integrity> Parse(std::string_view text);

  std::span<const Hash> hashes() const { return hashes_; }

  // OK when the bytes with these digests are what the publisher meant: the strongest algorithm that
  // we compute (sha512, then sha1) and that is present decides, one of its hashes must be equal.
  // kInvalidArgument names expected and computed; also when only sha256 or sha384 are given.
  Status Check(const BlobHasher::Digests& computed) const;

 private:
  std::vector<Hash> hashes_;
};

// "sha512-<base64>".
std::string FormatIntegrity(const Digest& sha512);
// The digest of the one sha512 in `text`; kInvalidArgument when there is none or several that
// differ.
Result<Digest> ParseSha512Integrity(std::string_view text);

// `dist.shasum`: lower-case hex of the SHA-1.
std::string FormatShasum(const Sha1Digest& sha1);
// Either case; kInvalidArgument unless it is 40 hex digits.
Result<Sha1Digest> ParseShasum(std::string_view text);
// OK when `shasum` names `computed`; kInvalidArgument names both.
Status CheckShasum(std::string_view shasum, const Sha1Digest& computed);

}  // namespace tarn::registry
