#include "storage/testing/token_signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "storage/base/bytes.h"
#include "storage/base/check.h"

namespace tarn {
namespace {

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

EVP_PKEY* MakeKey(const std::string& algorithm, int rsa_bits) {
  if (algorithm == "ES256") return EVP_EC_gen("P-256");
  if (algorithm == "ES384") return EVP_EC_gen("P-384");
  if (algorithm == "EdDSA") return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  return EVP_RSA_gen(static_cast<unsigned>(rsa_bits));
}

// Big-endian; padded to `size` bytes where that is not 0.
std::string NumberOf(const EVP_PKEY* key, const char* parameter, int size = 0) {
  BIGNUM* number = nullptr;
  CHECK(EVP_PKEY_get_bn_param(key, parameter, &number) == 1);
  std::string bytes(static_cast<size_t>(size == 0 ? BN_num_bytes(number) : size), '\0');
  CHECK(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) >= 0);
  BN_free(number);
  return bytes;
}

std::string ToNumbers(const std::string& der, int size) {
  const unsigned char* data = Bytes(der);
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size()));
  CHECK(signature != nullptr);
  std::string bytes(static_cast<size_t>(2 * size), '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, size) == size);
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + size, size) == size);
  ECDSA_SIG_free(signature);
  return bytes;
}

const EVP_MD* DigestOf(std::string_view algorithm) {
  if (algorithm == "EdDSA") return nullptr;
  if (algorithm.ends_with("384")) return EVP_sha384();
  return algorithm.ends_with("512") ? EVP_sha512() : EVP_sha256();
}

}  // namespace

TokenSigner::TokenSigner(std::string algorithm, std::string key_id, int rsa_bits)
    : algorithm_(std::move(algorithm)), key_id_(std::move(key_id)), key_(MakeKey(algorithm_, rsa_bits)) {
  CHECK(key_ != nullptr);
}
TokenSigner::~TokenSigner() = default;
void TokenSigner::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

std::string TokenSigner::Jwk(std::string_view more) const {
  std::string jwk = "{\"kid\":\"" + key_id_ + "\",\"alg\":\"" + algorithm_ + "\",\"use\":\"sig\"";
  const auto member = [&](const char* name, const std::string& bytes) {
    jwk += std::string(",\"") + name + "\":\"" + Base64UrlEncode(bytes) + "\"";
  };
  if (algorithm_ == "EdDSA") {
    std::string bytes(32, '\0');
    size_t size = bytes.size();
    CHECK(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size) == 1);
    jwk += R"(,"kty":"OKP","crv":"Ed25519")";
    member("x", bytes);
  } else if (algorithm_.starts_with("ES")) {
    const bool is_p256 = algorithm_ == "ES256";
    jwk += std::string(R"(,"kty":"EC","crv":")") + (is_p256 ? "P-256\"" : "P-384\"");
    member("x", NumberOf(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, is_p256 ? 32 : 48));
    member("y", NumberOf(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, is_p256 ? 32 : 48));
  } else {
    jwk += R"(,"kty":"RSA")";
    member("n", NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_N));
    member("e", NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_E));
  }
  return jwk + std::string(more) + "}";
}

std::string TokenSigner::Sign(std::string_view text) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* key_context = nullptr;
  CHECK(EVP_DigestSignInit(context, &key_context, DigestOf(algorithm_), nullptr, key_.get()) == 1);
  if (algorithm_.starts_with("PS")) {
    CHECK(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  size_t size = 0;
  CHECK(EVP_DigestSign(context, nullptr, &size, Bytes(text), text.size()) == 1);
  std::string signature(size, '\0');
  CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, Bytes(text), text.size()) ==
        1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  if (!algorithm_.starts_with("ES")) return signature;
  return ToNumbers(signature, algorithm_ == "ES256" ? 32 : 48);
}

std::string TokenSigner::Token(std::string_view claims_json, std::string header_json) const {
  if (header_json.empty()) header_json = R"({"typ":"JWT","alg":")" + algorithm_ + R"(","kid":")" + key_id_ + "\"}";
  const std::string text = Base64UrlEncode(header_json) + "." + Base64UrlEncode(claims_json);
  return text + "." + Base64UrlEncode(Sign(text));
}

}  // namespace tarn
