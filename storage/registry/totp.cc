#include "storage/registry/totp.h"

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr size_t kDigits = 6;
constexpr uint32_t kModulus = 1'000'000;

int Base32Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a';
  if (c >= '2' && c <= '7') return c - '2' + 26;
  return -1;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

// Everything but letters and digits, so that no name can end the label or add a parameter.
void AppendEncoded(std::string_view text, std::string* out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_plain) {
      *out += c;
    } else {
      *out += '%';
      *out += kHex[static_cast<unsigned char>(c) >> 4];
      *out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
}

}  // namespace

std::string Base32Encode(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xffff;
    count += 8;
    while (count >= 5) {
      count -= 5;
      out += kBase32[bits >> count & 31];
    }
  }
  if (count > 0) out += kBase32[bits << (5 - count) & 31];
  return out;
}

Result<std::string> Base32Decode(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  const size_t odd = text.size() % 8;
  if (odd == 1 || odd == 3 || odd == 6) return InvalidArgument("base32 of an impossible length");
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = Base32Value(c);
    if (value < 0) return InvalidArgument("not a base32 character");
    bits = (bits << 5 | static_cast<uint32_t>(value)) & 0xffff;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

uint64_t TotpStepAt(uint64_t time_ms) { return time_ms / limits::kTotpStepMs; }

std::string TotpCode(std::string_view secret, uint64_t step) {
  std::string counter;
  AppendBigEndian64(&counter, step);
  const Sha1Digest hash = HmacSha1(secret, counter);
  // RFC 4226, section 5.3: the last four bits say where the 31 bits are taken from.
  const size_t offset = hash.bytes().back() & 15u;
  const uint32_t bits = LoadBigEndian32(hash.view().data() + offset) & 0x7fffffff;
  std::string code = std::to_string(bits % kModulus);
  return std::string(kDigits - code.size(), '0') + code;
}

std::optional<uint64_t> FindTotpStep(std::string_view secret, std::string_view code, uint64_t time_ms) {
  std::optional<uint64_t> found;
  const uint64_t now = TotpStepAt(time_ms);
  const uint64_t first = now > limits::kTotpStepsAround ? now - limits::kTotpStepsAround : 0;
  for (uint64_t step = first; step <= now + limits::kTotpStepsAround; ++step) {
    if (EqualInConstantTime(TotpCode(secret, step), code)) found = step;
  }
  return found;
}

std::string OtpauthUrl(std::string_view issuer, std::string_view user, std::string_view base32_secret) {
  std::string url = "otpauth://totp/";
  AppendEncoded(issuer, &url);
  url += ':';
  AppendEncoded(user, &url);
  url += "?secret=";
  url += base32_secret;
  url += "&issuer=";
  AppendEncoded(issuer, &url);
  return url;
}

}  // namespace tarn::registry
