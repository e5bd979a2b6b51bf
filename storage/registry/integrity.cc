#include "storage/registry/integrity.h"

#include <algorithm>
#include <optional>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"

namespace tarn::registry {
namespace {

constexpr size_t kSha1Bytes = 20;
constexpr size_t kSha256Bytes = 32;
constexpr size_t kSha384Bytes = 48;
constexpr size_t kSha512Bytes = 64;

std::optional<Integrity::Algorithm> AlgorithmOf(std::string_view name) {
  if (name == "sha512") return Integrity::Algorithm::kSha512;
  if (name == "sha384") return Integrity::Algorithm::kSha384;
  if (name == "sha256") return Integrity::Algorithm::kSha256;
  if (name == "sha1") return Integrity::Algorithm::kSha1;
  return std::nullopt;
}

size_t DigestBytes(Integrity::Algorithm algorithm) {
  switch (algorithm) {
    case Integrity::Algorithm::kSha1: return kSha1Bytes;
    case Integrity::Algorithm::kSha256: return kSha256Bytes;
    case Integrity::Algorithm::kSha384: return kSha384Bytes;
    case Integrity::Algorithm::kSha512: return kSha512Bytes;
  }
  return 0;
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool IsAlgorithmChar(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

Status Malformed(std::string_view what) { return InvalidArgument("integrity: " + std::string(what)); }

// "sha512-…", without its options. Nothing for an algorithm we do not know.
Result<std::optional<Integrity::Hash>> ParseHash(std::string_view text) {
  const size_t dash = text.find('-');
  const std::string_view name = text.substr(0, dash);
  if (dash == std::string_view::npos || name.empty() || !std::all_of(name.begin(), name.end(), IsAlgorithmChar)) {
    return Malformed("expected <algorithm>-<base64>");
  }
  const std::optional<Integrity::Algorithm> algorithm = AlgorithmOf(name);
  if (!algorithm.has_value()) return std::optional<Integrity::Hash>();
  Result<std::string> digest = Base64Decode(text.substr(dash + 1));
  if (!digest.ok()) return digest.status().WithContext("integrity, " + std::string(name));
  if (digest->size() != DigestBytes(*algorithm)) {
    return Malformed(std::string(name) + " of " + std::to_string(digest->size()) + " bytes, expected " +
                     std::to_string(DigestBytes(*algorithm)));
  }
  return std::optional(Integrity::Hash{*algorithm, std::move(*digest)});
}

}  // namespace

Result<Integrity> Integrity::Parse(std::string_view text) {
  if (text.size() > limits::kIntegrityBytesMax) {
    return Malformed("longer than " + std::to_string(limits::kIntegrityBytesMax) + " bytes");
  }
  Integrity integrity;
  auto begin = text.begin();
  while (begin != text.end()) {
    if (IsSpace(*begin)) {
      ++begin;
      continue;
    }
    const auto end = std::find_if(begin, text.end(), IsSpace);
    const std::string_view token(begin, end);
    ASSIGN_OR_RETURN(std::optional<Hash> hash, ParseHash(token.substr(0, token.find('?'))));
    if (hash.has_value()) integrity.hashes_.push_back(std::move(*hash));
    begin = end;
  }
  if (integrity.hashes_.empty()) return Malformed("no hash of a known algorithm");
  return integrity;
}

Status Integrity::Check(const BlobHasher::Digests& computed) const {
  const std::pair<Algorithm, std::string_view> ours[] = {
      {Algorithm::kSha512, computed.sha512.view()},
      {Algorithm::kSha1, computed.sha1.view()},
  };
  for (const auto& [algorithm, digest] : ours) {
    const Hash* expected = nullptr;
    for (const Hash& hash : hashes_) {
      if (hash.algorithm != algorithm) continue;
      if (hash.digest == digest) return OkStatus();
      expected = &hash;
    }
    if (expected == nullptr) continue;
    const std::string name = algorithm == Algorithm::kSha512 ? "sha512-" : "sha1-";
    return InvalidArgument("integrity does not match the tarball: expected " + name + Base64Encode(expected->digest) +
                           ", computed " + name + Base64Encode(digest));
  }
  return InvalidArgument("integrity names neither a sha512 nor a sha1, so it cannot be checked");
}

std::string FormatIntegrity(const Digest& sha512) { return "sha512-" + Base64Encode(sha512.view()); }

Result<Digest> ParseSha512Integrity(std::string_view text) {
  ASSIGN_OR_RETURN(const Integrity integrity, Integrity::Parse(text));
  const std::string* found = nullptr;
  for (const Integrity::Hash& hash : integrity.hashes()) {
    if (hash.algorithm != Integrity::Algorithm::kSha512) continue;
    if (found != nullptr && *found != hash.digest) return Malformed("several different sha512");
    found = &hash.digest;
  }
  if (found == nullptr) return Malformed("no sha512");
  return Digest::FromBytes(*found);
}

std::string FormatShasum(const Sha1Digest& sha1) { return HexEncode(sha1.view()); }

Result<Sha1Digest> ParseShasum(std::string_view text) {
  if (text.size() != 2 * kSha1Bytes) {
    return InvalidArgument("shasum: " + std::to_string(text.size()) + " characters, expected 40 hex digits");
  }
  Result<std::string> bytes = HexDecode(text);
  if (!bytes.ok()) return bytes.status().WithContext("shasum");
  return Sha1Digest::FromBytes(*bytes);
}

Status CheckShasum(std::string_view shasum, const Sha1Digest& computed) {
  ASSIGN_OR_RETURN(const Sha1Digest expected, ParseShasum(shasum));
  if (expected == computed) return OkStatus();
  return InvalidArgument("shasum does not match the tarball: expected " + FormatShasum(expected) + ", computed " +
                         FormatShasum(computed));
}

}  // namespace tarn::registry
