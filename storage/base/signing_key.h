#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/base/result.h"

struct evp_pkey_st;

namespace tarn {

// A private key of ECDSA over P-256 with SHA-256: what npm clients verify registry signatures with ("ecdsa-sha2-nistp256"
// in `/-/npm/v1/keys`).
// Threads: any. Signing costs about 30 µs.
class SigningKey {
 public:
  // From OpenSSL's generator.
  static SigningKey Generate();
  // PKCS #8 in PEM, unencrypted. kInvalidArgument: anything else, or a key of another kind or curve.
  static Result<SigningKey> FromPem(std::string_view pem);

  ~SigningKey();
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;

  std::string ToPem() const;
  // SubjectPublicKeyInfo, DER.
  std::string PublicKey() const;
  // DER; different each time, because ECDSA takes a random number: sign once and keep it.
  std::string Sign(std::string_view text) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit SigningKey(std::unique_ptr<evp_pkey_st, Free> key) : key_(std::move(key)) {}

  std::unique_ptr<evp_pkey_st, Free> key_;
};

// True when `signature` (DER) is one of `text` by the private half of `public_key` (SubjectPublicKeyInfo, DER). False for
// anything that cannot be read, too.
bool VerifySignature(std::string_view public_key, std::string_view text, std::string_view signature);

}  // namespace tarn
