#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"

struct evp_pkey_st;

namespace tarn {

// The signatures of RFC 7518 and RFC 8037 that are made with a private key. Those with a shared secret, and "none", are no
// signatures here: there is no way to name them.
enum class SignatureAlgorithm : uint8_t { kRs256, kRs384, kRs512, kPs256, kPs384, kPs512, kEs256, kEs384, kEdDsa };
// By its name in a JSON Web Token ("RS256"); nullopt for every other.
std::optional<SignatureAlgorithm> ParseSignatureAlgorithm(std::string_view name);

// A public key of somebody else, as JSON Web Keys hold one. Its kind decides which algorithms it can be asked for.
// Threads: any. Verifying costs 20 to 200 µs.
class VerifyingKey {
 public:
  enum class Kind : uint8_t { kRsa, kP256, kP384, kEd25519 };

  // All numbers big-endian. kInvalidArgument: a modulus not of kRsaBitsMin to kRsaBitsMax bits, or an exponent that is even
  // or over 32 bits.
  static Result<VerifyingKey> Rsa(std::string_view modulus, std::string_view exponent);
  // kP256 or kP384. kInvalidArgument: coordinates of another length, or of no point on the curve.
  static Result<VerifyingKey> EllipticCurve(Kind curve, std::string_view x, std::string_view y);
  // kInvalidArgument: not 32 bytes.
  static Result<VerifyingKey> Ed25519(std::string_view x);

  ~VerifyingKey();
  VerifyingKey(VerifyingKey&&) noexcept;
  VerifyingKey& operator=(VerifyingKey&&) noexcept;

  bool Fits(SignatureAlgorithm algorithm) const;
  // True when `signature`, in the form of RFC 7518 (ECDSA: both numbers, one after the other), is one of `text`. False for
  // an algorithm that does not fit, and for anything that cannot be read.
  bool Verify(SignatureAlgorithm algorithm, std::string_view text, std::string_view signature) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  VerifyingKey(Kind kind, std::unique_ptr<evp_pkey_st, Free> key) : kind_(kind), key_(std::move(key)) {}

  Kind kind_;
  std::unique_ptr<evp_pkey_st, Free> key_;
};

}  // namespace tarn
