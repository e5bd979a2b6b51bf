#include "storage/registry/token_format.h"

#include "storage/base/bytes.h"
#include "storage/base/digest.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kPrefix = "tarn_";
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kSecretCharacters = 43;  // 43 log2(62) = 256.03 bits.
constexpr size_t kCheckCharacters = 6;    // 62^6 > 2^32.
constexpr size_t kTokenCharacters = kPrefix.size() + kSecretCharacters + kCheckCharacters;
constexpr size_t kPreviewCharacters = kPrefix.size() + 5;

// 32 bits of the SHA-256 of what stands before, in base 62.
std::string CheckOf(std::string_view body) {
  uint32_t value = LoadBigEndian32(Sha256(body).view().data());
  std::string check(kCheckCharacters, kAlphabet[0]);
  for (auto digit = check.rbegin(); digit != check.rend(); ++digit) {
    *digit = kAlphabet[value % kAlphabet.size()];
    value /= static_cast<uint32_t>(kAlphabet.size());
  }
  return check;
}

}  // namespace

std::string MakeToken(Random* random) {
  std::string token(kPrefix);
  while (token.size() < kPrefix.size() + kSecretCharacters) {
    for (const char byte : random->Bytes(64)) {
      const auto value = static_cast<unsigned char>(byte);
      // Every character equally likely: bytes past the last whole multiple of 62 are not used.
      if (value >= 256 / kAlphabet.size() * kAlphabet.size()) continue;
      if (token.size() == kPrefix.size() + kSecretCharacters) break;
      token.push_back(kAlphabet[value % kAlphabet.size()]);
    }
  }
  return token + CheckOf(token);
}

bool IsTokenWellFormed(std::string_view token) {
  if (token.size() != kTokenCharacters || !token.starts_with(kPrefix)) return false;
  return token.substr(kTokenCharacters - kCheckCharacters) ==
         CheckOf(token.substr(0, kTokenCharacters - kCheckCharacters));
}

Sha256Digest HashToken(std::string_view token) { return Sha256(token); }

std::string PreviewOfToken(std::string_view token) { return std::string(token.substr(0, kPreviewCharacters)); }

}  // namespace tarn::registry
