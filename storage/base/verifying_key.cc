#include "storage/base/verifying_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "storage/base/check.h"
#include "storage/base/identity_limits.h"

namespace tarn {
namespace {

using Kind = VerifyingKey::Kind;

template <typename T, void (*kFree)(T*)>
struct Freed {
  void operator()(T* object) const { kFree(object); }
};
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM, OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>>;

constexpr int kExponentBitsMax = 32;
constexpr size_t kEd25519Bytes = 32;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Number ToNumber(std::string_view big_endian) {
  Number number(BN_bin2bn(Bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
  CHECK(number != nullptr);
  return number;
}

// nullptr when OpenSSL does not take them.
EVP_PKEY* KeyOf(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  CHECK(parameters != nullptr && context != nullptr);
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return key;
}

// Bytes of one coordinate.
size_t CoordinateBytes(Kind curve) { return curve == Kind::kP256 ? 32 : 48; }

const EVP_MD* DigestOf(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::kRs256:
    case SignatureAlgorithm::kPs256:
    case SignatureAlgorithm::kEs256: return EVP_sha256();
    case SignatureAlgorithm::kRs384:
    case SignatureAlgorithm::kPs384:
    case SignatureAlgorithm::kEs384: return EVP_sha384();
    case SignatureAlgorithm::kRs512:
    case SignatureAlgorithm::kPs512: return EVP_sha512();
    case SignatureAlgorithm::kEdDsa: break;
  }
  return nullptr;  // Ed25519 has its own within.
}

bool IsPss(SignatureAlgorithm algorithm) {
  return algorithm == SignatureAlgorithm::kPs256 || algorithm == SignatureAlgorithm::kPs384 ||
         algorithm == SignatureAlgorithm::kPs512;
}

// What OpenSSL wants in place of both numbers; empty when they have not the curve's length.
std::string ToDer(std::string_view signature, Kind curve) {
  const size_t half = CoordinateBytes(curve);
  if (signature.size() != 2 * half) return {};
  const EcdsaSignature numbers(ECDSA_SIG_new());
  CHECK(numbers != nullptr);
  CHECK(ECDSA_SIG_set0(numbers.get(), ToNumber(signature.substr(0, half)).release(),
                       ToNumber(signature.substr(half)).release()) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(numbers.get(), &der);
  CHECK(size > 0);
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace

std::optional<SignatureAlgorithm> ParseSignatureAlgorithm(std::string_view name) {
  struct Row {
    std::string_view name;
    SignatureAlgorithm algorithm;
  };
  using enum SignatureAlgorithm;
  constexpr Row kRows[] = {{"RS256", kRs256}, {"RS384", kRs384}, {"RS512", kRs512},
                           {"PS256", kPs256}, {"PS384", kPs384}, {"PS512", kPs512},
                           {"ES256", kEs256}, {"ES384", kEs384}, {"EdDSA", kEdDsa}};
  for (const Row& row : kRows) {
    if (row.name == name) return row.algorithm;
  }
  return std::nullopt;
}

void VerifyingKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
VerifyingKey::~VerifyingKey() = default;
VerifyingKey::VerifyingKey(VerifyingKey&&) noexcept = default;
VerifyingKey& VerifyingKey::operator=(VerifyingKey&&) noexcept = default;

Result<VerifyingKey> VerifyingKey::Rsa(std::string_view modulus, std::string_view exponent) {
  if (modulus.size() > limits::kRsaBitsMax / 8 + 1 || exponent.size() > 8) {
    return InvalidArgument("an RSA key of more than " + std::to_string(limits::kRsaBitsMax) + " bits");
  }
  const Number n = ToNumber(modulus);
  const Number e = ToNumber(exponent);
  const auto bits = static_cast<size_t>(BN_num_bits(n.get()));
  if (bits < limits::kRsaBitsMin || bits > limits::kRsaBitsMax) {
    return InvalidArgument("an RSA key of " + std::to_string(bits) + " bits; at least " +
                           std::to_string(limits::kRsaBitsMin) + " and at most " + std::to_string(limits::kRsaBitsMax) +
                           " are taken");
  }
  if (BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1 || BN_num_bits(e.get()) > kExponentBitsMax) {
    return InvalidArgument("an RSA key with an exponent that is even, 1, or too large");
  }
  const Builder builder(OSSL_PARAM_BLD_new());
  CHECK(builder != nullptr);
  CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1);
  CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  std::unique_ptr<EVP_PKEY, Free> key(KeyOf("RSA", builder.get()));
  if (key == nullptr) return InvalidArgument("not an RSA key");
  return VerifyingKey(Kind::kRsa, std::move(key));
}

Result<VerifyingKey> VerifyingKey::EllipticCurve(Kind curve, std::string_view x, std::string_view y) {
  CHECK(curve == Kind::kP256 || curve == Kind::kP384);
  const size_t size = CoordinateBytes(curve);
  if (x.size() != size || y.size() != size) return InvalidArgument("coordinates that are not as long as the curve's");
  const std::string point = "\x04" + std::string(x) + std::string(y);  // Uncompressed (SEC 1, section 2.3.3).
  const Builder builder(OSSL_PARAM_BLD_new());
  CHECK(builder != nullptr);
  const char* name = curve == Kind::kP256 ? "prime256v1" : "secp384r1";
  CHECK(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, name, 0) == 1);
  CHECK(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1);
  std::unique_ptr<EVP_PKEY, Free> key(KeyOf("EC", builder.get()));
  if (key == nullptr) return InvalidArgument("coordinates of no point on the curve");
  return VerifyingKey(curve, std::move(key));
}

Result<VerifyingKey> VerifyingKey::Ed25519(std::string_view x) {
  if (x.size() != kEd25519Bytes) return InvalidArgument("an Ed25519 key that has not 32 bytes");
  std::unique_ptr<EVP_PKEY, Free> key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(x), x.size()));
  if (key == nullptr) return InvalidArgument("not an Ed25519 key");
  return VerifyingKey(Kind::kEd25519, std::move(key));
}

bool VerifyingKey::Fits(SignatureAlgorithm algorithm) const {
  switch (algorithm) {
    case SignatureAlgorithm::kEs256: return kind_ == Kind::kP256;
    case SignatureAlgorithm::kEs384: return kind_ == Kind::kP384;
    case SignatureAlgorithm::kEdDsa: return kind_ == Kind::kEd25519;
    default: return kind_ == Kind::kRsa;
  }
}

bool VerifyingKey::Verify(SignatureAlgorithm algorithm, std::string_view text, std::string_view signature) const {
  if (!Fits(algorithm)) return false;
  std::string der;
  if (kind_ == Kind::kP256 || kind_ == Kind::kP384) {
    der = ToDer(signature, kind_);
    if (der.empty()) return false;
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  EVP_PKEY_CTX* key_context = nullptr;  // Of `context`.
  bool is_right = EVP_DigestVerifyInit(context.get(), &key_context, DigestOf(algorithm), nullptr, key_.get()) == 1 &&
                  (!IsPss(algorithm) || (EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
                                         EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1));
  is_right =
      is_right && EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(text), text.size()) == 1;
  if (!is_right) ERR_clear_error();
  return is_right;
}

}  // namespace tarn
