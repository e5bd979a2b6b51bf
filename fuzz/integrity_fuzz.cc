#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/registry/integrity.h"

namespace tarn::registry {
namespace {

std::string_view NameOf(Integrity::Algorithm algorithm) {
  switch (algorithm) {
    case Integrity::Algorithm::kSha1: return "sha1";
    case Integrity::Algorithm::kSha256: return "sha256";
    case Integrity::Algorithm::kSha384: return "sha384";
    case Integrity::Algorithm::kSha512: return "sha512";
  }
  return "";
}

// Written again, it reads as the same hashes.
void CheckRoundTrip(const Integrity& integrity) {
  std::string text;
  for (const Integrity::Hash& hash : integrity.hashes()) {
    text += std::string(NameOf(hash.algorithm)) + "-" + Base64Encode(hash.digest) + " ";
  }
  const auto again = Integrity::Parse(text);
  CHECK(again.ok());
  CHECK(std::equal(again->hashes().begin(), again->hashes().end(), integrity.hashes().begin(), integrity.hashes().end(),
                   [](const auto& a, const auto& b) { return a.algorithm == b.algorithm && a.digest == b.digest; }));
}

}  // namespace
}  // namespace tarn::registry

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto integrity = Integrity::Parse(text);
  if (integrity.ok()) {
    CHECK(!integrity->hashes().empty());
    CheckRoundTrip(*integrity);
    tarn::BlobHasher::Digests digests;
    for (const Integrity::Hash& hash : integrity->hashes()) {
      if (hash.algorithm != Integrity::Algorithm::kSha512) continue;
      std::copy(hash.digest.begin(), hash.digest.end(), digests.sha512.mutable_bytes().begin());
      CHECK(integrity->Check(digests).ok());
    }
  }
  const auto sha512 = ParseSha512Integrity(text);
  if (sha512.ok()) CHECK(*ParseSha512Integrity(FormatIntegrity(*sha512)) == *sha512);
  const auto shasum = ParseShasum(text);
  if (shasum.ok()) {
    CHECK(*ParseShasum(FormatShasum(*shasum)) == *shasum);
    CHECK(CheckShasum(text, *shasum).ok());
  }
  return 0;
}
