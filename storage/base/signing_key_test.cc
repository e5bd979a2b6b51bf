#include "storage/base/signing_key.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn {
namespace {

TEST(SigningKey, SignsWhatVerifies) {
  const SigningKey key = SigningKey::Generate();
  const std::string signature = key.Sign("left@1.0.0:sha512-x");
  EXPECT_TRUE(VerifySignature(key.PublicKey(), "left@1.0.0:sha512-x", signature));
  EXPECT_FALSE(VerifySignature(key.PublicKey(), "left@1.0.1:sha512-x", signature));
  EXPECT_FALSE(VerifySignature(SigningKey::Generate().PublicKey(), "left@1.0.0:sha512-x", signature));
  EXPECT_NE(key.Sign("left@1.0.0:sha512-x"), signature) << "random: whoever wants the same again keeps it";
}

TEST(SigningKey, SurvivesItsFile) {
  const SigningKey key = SigningKey::Generate();
  const auto again = SigningKey::FromPem(key.ToPem());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->PublicKey(), key.PublicKey());
  EXPECT_TRUE(VerifySignature(key.PublicKey(), "text", again->Sign("text")));
}

TEST(SigningKey, RefusesOtherFiles) {
  const std::string pem = SigningKey::Generate().ToPem();
  // A key of another kind.
  const std::string ed25519 =
      "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
      "-----END PRIVATE KEY-----\n";
  for (const std::string& text : {std::string(), std::string("x"), pem.substr(0, pem.size() / 2), ed25519}) {
    EXPECT_EQ(SigningKey::FromPem(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(SigningKey, JunkDoesNotVerify) {
  const SigningKey key = SigningKey::Generate();
  const std::string signature = key.Sign("text");
  EXPECT_FALSE(VerifySignature("", "text", signature));
  EXPECT_FALSE(VerifySignature(key.PublicKey() + "x", "text", signature));
  EXPECT_FALSE(VerifySignature(key.PublicKey(), "text", ""));
  for (size_t size = 0; size < signature.size(); ++size) {
    EXPECT_FALSE(VerifySignature(key.PublicKey(), "text", signature.substr(0, size)));
  }
}

}  // namespace
}  // namespace tarn
