#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace tarn {

// The other side of identity tokens: an issuer's private key.
class TokenSigner {
 public:
  // A fresh key for "RS256" to "RS512", "PS256" to "PS512" (RSA), "ES256", "ES384" or "EdDSA".
  TokenSigner(std::string algorithm, std::string key_id, int rsa_bits = 2048);
  ~TokenSigner();
  TokenSigner(const TokenSigner&) = delete;
  TokenSigner& operator=(const TokenSigner&) = delete;

  const std::string& key_id() const { return key_id_; }
  // The public half as a JSON Web Key; `more` are further members, with a comma before them.
  std::string Jwk(std::string_view more = "") const;
  // {"keys":[…]} of this key alone.
  std::string Jwks() const { return "{\"keys\":[" + Jwk() + "]}"; }
  // A token with these claims (JSON). The header says what this signer is, unless another one is given.
  std::string Token(std::string_view claims_json, std::string header_json = "") const;
  // In the form of RFC 7518.
  std::string Sign(std::string_view text) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  const std::string algorithm_;
  const std::string key_id_;
  std::unique_ptr<evp_pkey_st, Free> key_;
};

}  // namespace tarn
