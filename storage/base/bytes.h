#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace tarn {

static_assert(std::endian::native == std::endian::little, "on-disk integers are stored as the host has them");

// Fixed-width little-endian integers: files and frames.
template <typename T>
inline void AppendLittleEndian(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}
template <typename T>
inline T LoadLittleEndian(const char* data) {
  T value;
  std::memcpy(&value, data, sizeof(value));
  return value;
}
template <typename T>
inline void StoreLittleEndian(char* data, T value) {
  std::memcpy(data, &value, sizeof(value));
}

// Fixed-width big-endian integers: keys, so that byte order is numeric order.
inline void AppendBigEndian64(std::string* out, uint64_t value) {
  value = __builtin_bswap64(value);
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}
inline uint64_t LoadBigEndian64(const char* data) { return __builtin_bswap64(LoadLittleEndian<uint64_t>(data)); }
inline void AppendBigEndian32(std::string* out, uint32_t value) {
  value = __builtin_bswap32(value);
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}
inline uint32_t LoadBigEndian32(const char* data) { return __builtin_bswap32(LoadLittleEndian<uint32_t>(data)); }

// Lower-case hex.
std::string HexEncode(std::string_view bytes);
// Either case; kInvalidArgument for an odd length or any other character.
Result<std::string> HexDecode(std::string_view text);

// Standard alphabet with padding (RFC 4648, section 4).
std::string Base64Encode(std::string_view bytes);
// URL-safe alphabet without padding (RFC 4648, section 5).
std::string Base64UrlEncode(std::string_view bytes);
// Standard alphabet, padding required, no white space; kInvalidArgument names the offset of the first bad character.
Result<std::string> Base64Decode(std::string_view text);

// Standard base64 that arrives in pieces of any size. Padding is required at the end, nothing may follow it.
// Threads: one at a time.
class Base64StreamDecoder {
 public:
  // Appends the bytes that `text` completes to `out`. kInvalidArgument names the offset within the whole stream.
  Status Decode(std::string_view text, std::string* out);
  // After the last piece: kInvalidArgument if a group is incomplete.
  Status Finish() const;

 private:
  Status DecodeSlow(std::string_view text, std::string* out);

  uint64_t offset_ = 0;  // Characters consumed so far.
  uint32_t group_ = 0;   // Bits of the group being collected.
  int group_count_ = 0;  // Characters in it, padding included.
  int padding_ = 0;      // '=' seen; 1 or 2 end the stream.
};

}  // namespace tarn
