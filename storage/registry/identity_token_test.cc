#include "storage/registry/identity_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/identity_limits.h"
#include "storage/registry/json_web_key.h"
#include "storage/testing/token_signer.h"

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;

constexpr const char* kClaims =
    R"({"iss":"https://issuer.example","sub":"repo:o/r","aud":"npm:registry.example","exp":1000.5,"nbf":10,"iat":20,)"
    R"("jti":"id-1","repository":"o/r","list":["a","b"],"number":7,"none":[]})";

const TokenSigner& Signer() {
  static const TokenSigner signer("ES256", "key-1");
  return signer;
}

std::string WithHeader(const std::string& header) { return Signer().Token(kClaims, header); }

TEST(IdentityToken, IsReadIntoItsParts) {
  const auto token = ParseIdentityToken(Signer().Token(kClaims));
  ASSERT_TRUE(token.ok()) << token.status().ToString();
  EXPECT_EQ(token->algorithm, SignatureAlgorithm::kEs256);
  EXPECT_EQ(token->key_id, "key-1");
  const IdentityClaims& claims = token->claims;
  EXPECT_EQ(claims.issuer, "https://issuer.example");
  EXPECT_EQ(claims.subject, "repo:o/r");
  EXPECT_EQ(claims.token_id, "id-1");
  EXPECT_THAT(claims.audiences, ::testing::ElementsAre("npm:registry.example"));
  EXPECT_EQ(claims.expires_ms, 1'000'500u);
  EXPECT_EQ(claims.not_before_ms, 10'000u);
  EXPECT_EQ(claims.issued_ms, 20'000u);
  EXPECT_EQ(*claims.Text("repository"), "o/r");
  EXPECT_EQ(claims.Text("list"), nullptr);
  EXPECT_EQ(claims.texts.at("list").size(), 2u);
  EXPECT_EQ(claims.texts.count("number"), 0u);
}

TEST(IdentityToken, WhatIsNoneIsRefusedInWords) {
  const std::string good = Signer().Token(kClaims);
  const std::string payload = good.substr(good.find('.'));
  const auto of_claims = [](const std::string& claims) { return Signer().Token(claims); };
  struct Case {
    std::string token;
    const char* words;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"", "three parts"},
           {"a.b", "three parts"},
           {good + ".x", "three parts"},
           {"!." + good.substr(good.find('.') + 1), "header is not base64url"},
           {good + "=", "signature is not base64url"},
           {Base64UrlEncode("[]") + payload, "header is not a JSON object"},
           {std::string(limits::kIdentityTokenBytesMax + 1, 'a'), "more than 16384 bytes"},
           {WithHeader(R"({"alg":"none"})"), "not signed with"},
           {WithHeader(R"({"alg":"HS256","kid":"key-1"})"), "not signed with"},
           {WithHeader(R"({"kid":"key-1"})"), "not signed with"},
           {WithHeader(R"({"alg":["ES256"]})"), "not signed with"},
           {WithHeader(R"({"alg":"ES256","alg":"none"})"), "header is not a JSON object"},
           {WithHeader(R"({"alg":"ES256","crit":["b64"],"b64":false})"), "critical extensions"},
           {WithHeader(R"({"alg":"ES256","typ":"at+jwt"})"), "typ other than JWT"},
           {WithHeader(R"({"alg":"ES256","kid":7})"), "kid is not a string"},
           {of_claims("7"), "payload is not a JSON object"},
           {of_claims(R"({"aud":"a","exp":1})"), "names no issuer"},
           {of_claims(R"({"iss":7,"aud":"a","exp":1})"), "names no issuer"},
           {of_claims(R"({"iss":"i","exp":1})"), "names no audience"},
           {of_claims(R"({"iss":"i","aud":[],"exp":1})"), "names no audience"},
           {of_claims(R"({"iss":"i","aud":["a",7],"exp":1})"), "names no audience"},
           {of_claims(R"({"iss":"i","aud":"a"})"), "has no end"},
           {of_claims(R"({"iss":"i","aud":"a","exp":"1"})"), "exp is not a time"},
           {of_claims(R"({"iss":"i","aud":"a","exp":-1})"), "exp is not a time"},
           {of_claims(R"({"iss":"i","aud":"a","exp":1e300})"), "exp is not a time"},
           {of_claims(R"({"iss":"i","aud":"a","exp":1,"nbf":true})"), "nbf is not a time"},
           {of_claims(R"({"iss":"i","aud":"a","exp":1,"iss":"j"})"), "payload is not a JSON object"},
       }) {
    const auto token = ParseIdentityToken(c.token);
    EXPECT_EQ(token.code(), Code::kInvalidArgument) << c.words;
    EXPECT_THAT(std::string(token.status().message()), HasSubstr(c.words));
  }
  EXPECT_TRUE(ParseIdentityToken(WithHeader(R"({"alg":"ES256","typ":"jwt"})")).ok());
  EXPECT_TRUE(ParseIdentityToken(WithHeader(R"({"alg":"ES256"})")).ok());
}

TEST(IdentityToken, TimesHaveALittleToSpare) {
  constexpr uint64_t kNow = 1'000'000'000;
  constexpr uint64_t kSkew = limits::kIdentitySkewMs;
  IdentityClaims claims;
  claims.expires_ms = kNow;
  EXPECT_TRUE(CheckIdentityTimes(claims, kNow + kSkew - 1).ok());
  EXPECT_EQ(CheckIdentityTimes(claims, kNow + kSkew).code(), Code::kInvalidArgument);
  claims.expires_ms = kNow + limits::kIdentityAheadMsMax;
  EXPECT_TRUE(CheckIdentityTimes(claims, kNow).ok());
  claims.expires_ms += 1;
  EXPECT_EQ(CheckIdentityTimes(claims, kNow).code(), Code::kInvalidArgument) << "good for too long";
  claims.expires_ms = kNow + 1;
  for (auto member : {&IdentityClaims::not_before_ms, &IdentityClaims::issued_ms}) {
    claims.*member = kNow + kSkew;
    EXPECT_TRUE(CheckIdentityTimes(claims, kNow).ok());
    claims.*member = kNow + kSkew + 1;
    EXPECT_EQ(CheckIdentityTimes(claims, kNow).code(), Code::kInvalidArgument);
    claims.*member = std::nullopt;
  }
}

TEST(IdentityToken, OneOfItsAudiencesMustBeOurs) {
  IdentityClaims claims;
  claims.audiences = {"sigstore", "npm:b"};
  EXPECT_TRUE(CheckIdentityAudience(claims, {"npm:a", "npm:b"}).ok());
  EXPECT_EQ(CheckIdentityAudience(claims, {"npm:a"}).code(), Code::kInvalidArgument);
  EXPECT_EQ(CheckIdentityAudience(claims, {}).code(), Code::kInvalidArgument);
}

TEST(JsonWebKeys, TheKeyDecidesTheAlgorithm) {
  const TokenSigner rsa("RS256", "rsa");
  const auto keys = JsonWebKeys::Parse("{\"keys\":[" + rsa.Jwk() + "," + Signer().Jwk() + "," +
                                       TokenSigner("EdDSA", "ed").Jwk() + "]}");
  ASSERT_TRUE(keys.ok()) << keys.status().ToString();
  EXPECT_EQ(keys->size(), 3u);
  using enum SignatureAlgorithm;
  EXPECT_TRUE(keys->Has(kRs256, "rsa"));
  EXPECT_FALSE(keys->Has(kRs512, "rsa")) << "its alg says RS256";
  EXPECT_FALSE(keys->Has(kEs256, "rsa"));
  EXPECT_FALSE(keys->Has(kRs256, "key-1"));
  EXPECT_TRUE(keys->Has(kEdDsa, "ed"));
  EXPECT_TRUE(keys->Has(kEs256, "")) << "a token without kid";
  EXPECT_FALSE(keys->Has(kEs384, ""));
  const std::string signature = Signer().Sign("text");
  EXPECT_TRUE(keys->Verify(kEs256, "key-1", "text", signature));
  EXPECT_TRUE(keys->Verify(kEs256, "", "text", signature));
  EXPECT_FALSE(keys->Verify(kEs256, "rsa", "text", signature));
  EXPECT_FALSE(keys->Verify(kEs256, "key-1", "other", signature));
}

TEST(JsonWebKeys, KeysThatAreNotForThisAreLeftOut) {
  const std::string good = Signer().Jwk();
  for (const std::string& other : std::initializer_list<std::string>{
           R"({"kty":"oct","k":"AAAA","alg":"HS256","kid":"s"})", R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})",
           R"({"kty":"EC","crv":"P-256"})", R"({"kty":"OKP","crv":"X25519","x":"AA"})", "7", "{}",
           TokenSigner("RS256", "weak", 1024).Jwk(), Signer().Jwk(R"(,"key_ops":["sign"])")}) {
    const auto keys = JsonWebKeys::Parse("{\"keys\":[" + other + "," + good + "]}");
    ASSERT_TRUE(keys.ok()) << other;
    EXPECT_EQ(keys->size(), 1u) << other;
    EXPECT_EQ(JsonWebKeys::Parse("{\"keys\":[" + other + "]}").code(), Code::kInvalidArgument) << other;
  }
  EXPECT_TRUE(JsonWebKeys::Parse("{\"keys\":[" + Signer().Jwk(R"(,"key_ops":["verify"])") + "]}").ok());
}

TEST(JsonWebKeys, OtherDocumentsAreRefused) {
  std::string many = "{\"keys\":[" + Signer().Jwk();
  for (size_t i = 0; i < limits::kJwksKeysMax; ++i) many += ",{}";
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[]"), std::string(R"({"keys":{}})"),
        std::string(R"({"keys":[]})"), many + "]}", Signer().Jwks() + "x", "{\"keys\":[]," + Signer().Jwks().substr(1),
        Signer().Jwks() + std::string(limits::kJwksBytesMax, ' ')}) {
    EXPECT_EQ(JsonWebKeys::Parse(text).code(), Code::kInvalidArgument) << text.substr(0, 80);
  }
}

}  // namespace
}  // namespace tarn::registry
