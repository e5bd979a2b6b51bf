#include "storage/base/verifying_key.h"

#include <gtest/gtest.h>

#include "storage/base/base64url.h"
#include "storage/testing/token_signer.h"

namespace tarn {
namespace {

using Kind = VerifyingKey::Kind;

// The member of a key as TokenSigner writes it.
std::string Member(const std::string& jwk, const std::string& name) {
  const std::string begin = "\"" + name + "\":\"";
  const size_t at = jwk.find(begin);
  EXPECT_NE(at, std::string::npos) << name;
  const size_t first = at + begin.size();
  return Base64UrlDecode(jwk.substr(first, jwk.find('"', first) - first)).value();
}

VerifyingKey KeyOf(const TokenSigner& signer, const std::string& algorithm) {
  const std::string jwk = signer.Jwk();
  if (algorithm == "EdDSA") return VerifyingKey::Ed25519(Member(jwk, "x")).value();
  if (algorithm.starts_with("ES")) {
    const Kind curve = algorithm == "ES256" ? Kind::kP256 : Kind::kP384;
    return VerifyingKey::EllipticCurve(curve, Member(jwk, "x"), Member(jwk, "y")).value();
  }
  return VerifyingKey::Rsa(Member(jwk, "n"), Member(jwk, "e")).value();
}

constexpr const char* kAlgorithms[] = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"};

TEST(VerifyingKey, TakesWhatItsPrivateHalfSignedAndNothingElse) {
  for (const std::string name : kAlgorithms) {
    const TokenSigner signer(name, "k");
    const VerifyingKey key = KeyOf(signer, name);
    const auto algorithm = ParseSignatureAlgorithm(name);
    ASSERT_TRUE(algorithm) << name;
    const std::string signature = signer.Sign("text");
    EXPECT_TRUE(key.Verify(*algorithm, "text", signature)) << name;
    EXPECT_FALSE(key.Verify(*algorithm, "texts", signature)) << name;
    EXPECT_FALSE(key.Verify(*algorithm, "text", "")) << name;
    EXPECT_FALSE(key.Verify(*algorithm, "text", signature.substr(1))) << name;
    EXPECT_FALSE(key.Verify(*algorithm, "text", signature + "x")) << name;
    std::string flipped = signature;
    flipped[signature.size() / 2] = static_cast<char>(flipped[signature.size() / 2] ^ 1);
    EXPECT_FALSE(key.Verify(*algorithm, "text", flipped)) << name;
    for (const std::string other : kAlgorithms) {
      if (other == name) continue;
      EXPECT_FALSE(key.Verify(*ParseSignatureAlgorithm(other), "text", signature)) << name << " as " << other;
    }
  }
}

TEST(VerifyingKey, SharedSecretsAndNoneHaveNoName) {
  for (const char* name : {"none", "None", "HS256", "HS384", "HS512", "", "rs256", "RS256 ", "ES512", "ES256K"}) {
    EXPECT_FALSE(ParseSignatureAlgorithm(name)) << name;
  }
}

TEST(VerifyingKey, WeakAndImpossibleKeysAreRefused) {
  const TokenSigner weak("RS256", "k", 1024);
  EXPECT_EQ(VerifyingKey::Rsa(Member(weak.Jwk(), "n"), Member(weak.Jwk(), "e")).code(), Code::kInvalidArgument);
  const std::string modulus = "\xff" + std::string(254, '\x55') + "\x01";
  EXPECT_TRUE(VerifyingKey::Rsa(modulus, std::string("\x01\x00\x01", 3)).ok());
  for (const std::string& exponent :
       {std::string(), std::string("\x01"), std::string("\x02"), std::string(5, '\x01')}) {
    EXPECT_EQ(VerifyingKey::Rsa(modulus, exponent).code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(VerifyingKey::Rsa(std::string(1026, '\xff'), std::string("\x03")).code(), Code::kInvalidArgument);
  EXPECT_EQ(VerifyingKey::Rsa("", "").code(), Code::kInvalidArgument);
  EXPECT_EQ(VerifyingKey::EllipticCurve(Kind::kP256, std::string(32, '\1'), std::string(32, '\1')).code(),
            Code::kInvalidArgument)
      << "no point of the curve";
  EXPECT_EQ(VerifyingKey::EllipticCurve(Kind::kP384, std::string(32, '\1'), std::string(32, '\1')).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(VerifyingKey::Ed25519(std::string(31, '\1')).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tarn
