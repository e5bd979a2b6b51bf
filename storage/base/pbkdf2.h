#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tarn {

// RFC 8018, section 5.2. For passwords that came from elsewhere alone: ours are argon2id.
enum class Pbkdf2Hash : uint8_t { kSha1, kSha224, kSha256, kSha384, kSha512 };

// `bytes` of key, at most 256; about a microsecond for each iteration and 32 bytes.
std::string Pbkdf2(Pbkdf2Hash hash, std::string_view password, std::string_view salt, uint32_t iterations,
                   size_t bytes);

}  // namespace tarn
