#include "storage/base/base64url.h"

#include <cstdint>

namespace tarn {
namespace {

// -1: not of the alphabet.
int ValueOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  return c == '_' ? 63 : -1;
}

}  // namespace

Result<std::string> Base64UrlDecode(std::string_view text) {
  if (text.size() % 4 == 1) return InvalidArgument("base64url of an impossible length");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int bit_count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const int value = ValueOf(text[i]);
    if (value < 0) return InvalidArgument("not base64url at offset " + std::to_string(i));
    bits = bits << 6 | static_cast<uint32_t>(value);
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    bytes.push_back(static_cast<char>(bits >> bit_count & 0xff));
    bits &= (uint32_t{1} << bit_count) - 1;
  }
  if (bits != 0) return InvalidArgument("base64url with bits set beyond its last byte");
  return bytes;
}

}  // namespace tarn
