#include "storage/base/pbkdf2.h"

#include <openssl/evp.h>

#include "storage/base/check.h"

namespace tarn {
namespace {

constexpr size_t kKeyBytesMax = 256;

const EVP_MD* DigestOf(Pbkdf2Hash hash) {
  switch (hash) {
    case Pbkdf2Hash::kSha1: return EVP_sha1();
    case Pbkdf2Hash::kSha224: return EVP_sha224();
    case Pbkdf2Hash::kSha256: return EVP_sha256();
    case Pbkdf2Hash::kSha384: return EVP_sha384();
    case Pbkdf2Hash::kSha512: return EVP_sha512();
  }
  return EVP_sha256();
}

}  // namespace

std::string Pbkdf2(Pbkdf2Hash hash, std::string_view password, std::string_view salt, uint32_t iterations,
                   size_t bytes) {
  CHECK(bytes > 0 && bytes <= kKeyBytesMax && iterations > 0 && iterations <= INT32_MAX);
  std::string key(bytes, '\0');
  CHECK(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                          reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                          static_cast<int>(iterations), DigestOf(hash), static_cast<int>(bytes),
                          reinterpret_cast<unsigned char*>(key.data())) == 1);
  return key;
}

}  // namespace tarn
