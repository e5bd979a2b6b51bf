#include "storage/base/uuid.h"

#include "storage/base/bytes.h"

namespace tarn {
namespace {

constexpr size_t kDashes[] = {8, 13, 18, 23};  // Where they stand in the text.
constexpr size_t kUuidBytes = 16;
constexpr size_t kUuidCharacters = 36;

bool IsDashAt(size_t index) { return index == 8 || index == 13 || index == 18 || index == 23; }

bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

std::string MakeUuid(Random* random) {
  std::string bytes = random->Bytes(kUuidBytes);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);  // Version 4 …
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);  // … of the variant that all UUIDs of today are.
  std::string text = HexEncode(bytes);
  for (const size_t dash : kDashes) text.insert(dash, 1, '-');
  return text;
}

bool IsUuid(std::string_view text) {
  if (text.size() != kUuidCharacters) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsDashAt(i) ? text[i] != '-' : !IsHexDigit(text[i])) return false;
  }
  return true;
}

}  // namespace tarn
