// Second factors and profiles as npm's client asks for them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/api/json_body.h"
#include "http/api/testing/api_fixture.h"
#include "storage/base/limits.h"
#include "storage/base/logging.h"
#include "storage/registry/totp.h"

namespace tarn::http {
namespace {

using enum Method;
using ::testing::HasSubstr;

class ApiSecondFactor : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUserWithPassword("alice");
    token_ = TokenOf("alice");
  }
  Response Profile(const std::string& body, Headers headers = {}) {
    headers.push_back(Bearer(token_));
    return Ask(kPost, "/-/npm/v1/user", std::move(headers), body);
  }
  std::string Code() { return registry::TotpCode(secret_, registry::TotpStepAt(clock_.NowMs())); }
  std::pair<std::string, std::string> Otp() { return {"npm-otp", Code()}; }
  // npm profile enable-2fa, until the recovery codes.
  void Enrol(const std::string& mode) {
    const Response begun = Profile(R"({"tfa":{"password":"secret-alice","mode":")" + mode + R"("}})");
    ASSERT_EQ(begun.status(), 200) << begun.text();
    const std::string url = *JsonBody::ParseObject(begun.text())->String("tfa").value();
    EXPECT_TRUE(url.starts_with("otpauth://totp/127%2E0%2E0%2E1%3A4873:alice?secret=")) << url;
    const size_t begin = url.find("secret=") + 7;
    secret_ = registry::Base32Decode(url.substr(begin, url.find('&', begin) - begin)).value();
    const Response confirmed = Profile(R"({"tfa":[")" + Code() + R"("]})");
    ASSERT_EQ(confirmed.status(), 200) << confirmed.text();
    EXPECT_EQ(JsonBody::ParseObject(confirmed.text())->Strings("tfa").value()->size(), limits::kRecoveryCodesPerUser);
    clock_.AdvanceMs(3 * limits::kOneTimePasswordReuseMs);
  }
  static void ExpectChallenge(const Response& response) {
    EXPECT_EQ(response.status(), 401) << response.text();
    EXPECT_EQ(response.FindHeader("www-authenticate"), "OTP");
    EXPECT_TRUE(response.text().starts_with(
        "{\"error\":\"You must provide a one-time pass. Upgrade your client to npm@latest in order to use 2FA."))
        << response.text();
  }

  std::string token_;
  std::string secret_;
};

TEST_F(ApiSecondFactor, ProfileKeepsAllFields) {
  const Response set = Profile(
      R"({"email":"new@example.com","fullname":"Alice <A>","homepage":"https://a.example","github":"al","twitter":null,"freenode":"f"})");
  ASSERT_EQ(set.status(), 200) << set.text();
  EXPECT_THAT(
      std::string(set.text()),
      HasSubstr(R"("fullname":"Alice <A>","homepage":"https://a.example","github":"al","twitter":"","freenode":"f")"));
  EXPECT_THAT(std::string(set.text()), HasSubstr(R"("tfa":false)"));
  const Response cleared = Profile(R"({"fullname":null,"email":null})");
  EXPECT_THAT(std::string(cleared.text()), HasSubstr(R"("email":"new@example.com")"));
  EXPECT_THAT(std::string(cleared.text()), HasSubstr(R"("fullname":"","homepage":"https://a.example")"));
  EXPECT_EQ(Profile(R"({"fullname":7})").status(), 400);
}

TEST_F(ApiSecondFactor, IsSetUpAsNpmDoesIt) {
  EXPECT_EQ(Profile(R"({"tfa":{"password":"wrong","mode":"auth-only"}})").status(), 401);
  EXPECT_EQ(Profile(R"({"tfa":{"password":"secret-alice","mode":"sometimes"}})").status(), 400);
  EXPECT_EQ(Profile(R"({"tfa":{"mode":"auth-only"}})").status(), 400);
  EXPECT_EQ(Profile(R"({"tfa":7})").status(), 400);
  EXPECT_EQ(Profile(R"({"tfa":["123456"]})").status(), 403) << "nothing to confirm";
  Enrol("auth-only");
  EXPECT_THAT(std::string(Get("/-/npm/v1/user", {Bearer(token_)}).text()),
              HasSubstr(R"("tfa":{"mode":"auth-only","pending":false})"));
  ExpectChallenge(Profile(R"({"github":"al"})"));
  ExpectChallenge(Profile(R"({"tfa":{"password":"secret-alice","mode":"auth-and-writes"}})"));
  const Response changed = Profile(R"({"tfa":{"password":"secret-alice","mode":"auth-and-writes"}})", {Otp()});
  EXPECT_THAT(std::string(changed.text()), HasSubstr(R"("tfa":{"mode":"auth-and-writes")"));
  const Response off = Profile(R"({"tfa":{"password":"secret-alice","mode":"disable"}})", {Otp()});
  EXPECT_THAT(std::string(off.text()), HasSubstr(R"("tfa":false)"));
}

TEST_F(ApiSecondFactor, ChallengesLoginTokensAndWrites) {
  ASSERT_EQ(PublishAs(token_, PublishBuilder()).status(), 201);
  Enrol("auth-and-writes");
  const std::string login = R"({"name":"alice","password":"secret-alice"})";
  const std::string path = "/-/user/org.couchdb.user:alice";
  ExpectChallenge(Ask(kPut, path, {{"npm-auth-type", "web"}}, login));
  EXPECT_EQ(Ask(kPut, path, {Otp()}, login).status(), 201);
  EXPECT_EQ(
      Ask(kPut, path, {Otp()}, R"({"name":"alice","password":"wrong"})").FindHeader("www-authenticate").find("OTP"),
      std::string_view::npos);
  ExpectChallenge(Ask(kPost, "/-/npm/v1/tokens", {Bearer(token_)}, R"({"password":"secret-alice"})"));
  PublishBuilder next;
  next.version = "2.0.0";
  ExpectChallenge(PublishAs(token_, next));
  EXPECT_EQ(Ask(kPut, "/left", {Bearer(token_), Otp()}, next.Body()).status(), 201);
  ExpectChallenge(Ask(kPut, "/-/package/left/dist-tags/latest", {Bearer(token_)}, "\"1.0.0\""));
  EXPECT_EQ(Ask(kPut, "/-/package/left/dist-tags/beta", {Bearer(token_)}, "\"1.0.0\"").status(), 201);
  ExpectChallenge(Ask(kPut, "/-/package/left/owners", {Bearer(token_)}, R"({"user":"bob"})"));
  EXPECT_EQ(Get("/-/whoami", {Bearer(token_)}).status(), 200) << "reading needs no code";
  ExpectChallenge(Get("/-/whoami", {{"Authorization", "Basic YWxpY2U6c2VjcmV0LWFsaWNl"}}));
  EXPECT_EQ(Get("/-/whoami", {{"Authorization", "Basic YWxpY2U6c2VjcmV0LWFsaWNl"}, Otp()}).status(), 200);
  ExpectChallenge(Get("/-/whoami", {{"Authorization", "Basic YWxpY2U6c2VjcmV0LWFsaWNl"}}));
  EXPECT_EQ(Ask(kDelete, "/-/user/token/" + token_).status(), 200) << "logging out never asks";
}

TEST_F(ApiSecondFactor, ATokenForMachinesSparesWritesTheCode) {
  ASSERT_EQ(PublishAs(token_, PublishBuilder()).status(), 201);
  Enrol("auth-and-writes");
  const std::string limits = R"({"name":"ci","password":"secret-alice","packages":["left"],)"
                             R"("packages_and_scopes_permission":"read-write","bypass_2fa":)";
  ExpectChallenge(Ask(kPost, "/-/npm/v1/tokens", {Bearer(token_)}, limits + "true}"));
  const auto make = [&](const std::string& bypass) {
    const Response made = Ask(kPost, "/-/npm/v1/tokens", {Bearer(token_), Otp()}, limits + bypass + "}");
    return JsonBody::ParseObject(made.text())->String("token").value().value_or("");
  };
  PublishBuilder next;
  next.version = "2.0.0";
  ExpectChallenge(PublishAs(make("false"), next));
  const std::string machine = make("true");
  EXPECT_EQ(PublishAs(machine, next).status(), 201);
  EXPECT_EQ(Ask(kPost, "/-/npm/v1/user", {Bearer(machine), Otp()}, R"({"github":"al"})").status(), 403);
}

}  // namespace
}  // namespace tarn::http
