// The exchange of identity tokens and `npm trust` over HTTP, with an issuer on a loopback port.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/api/json_body.h"
#include "http/api/testing/api_fixture.h"
#include "http/net/testing/run_task.h"
#include "storage/base/logging.h"
#include "storage/testing/loopback_server.h"
#include "storage/testing/token_signer.h"

namespace tarn::http {
namespace {

using enum Method;
using ::testing::HasSubstr;

constexpr const char* kExchange = "/-/npm/v1/oidc/token/exchange/package/";
constexpr const char* kTrust =
    R"([{"type":"github","claims":{"repository":"octo/app","workflow_ref":{"file":"publish.yml"}},)"
    R"("permissions":["createPackage"]}])";

class ApiTrustedPublishing : public ApiFixture {
 protected:
  void SetUp() override {
    registry::TrustIssuer issuer;
    issuer.name = "github";
    issuer.kind = registry::TrustIssuer::Kind::kGithub;
    issuer.url = issuer_.Url("/actions");
    issuer.single_use = true;
    options_.trust.issuers = {issuer};
    options_.trust.audience_of_host = true;
    ApiFixture::SetUp();
    AddUserWithPassword("alice");
    AddUserWithPassword("bob");
    alice_ = TokenOf("alice");
    PublishBuilder builder;
    ASSERT_EQ(PublishAs(alice_, builder).status(), 201);
  }

  std::string Serve(const std::string& head) {
    if (head.starts_with("GET /actions/.well-known/openid-configuration ")) {
      return ::tarn::testing::LoopbackServer::Ok("{\"issuer\":" + JsonString(issuer_.Url("/actions")) +
                                                 ",\"jwks_uri\":" + JsonString(issuer_.Url("/keys")) + "}");
    }
    if (head.starts_with("GET /keys ")) return ::tarn::testing::LoopbackServer::Ok(signer_.Jwks());
    return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  }

  std::string IdentityToken(const std::string& audience = "npm:127.0.0.1", const std::string& repository = "octo/app") {
    const uint64_t now_s = clock_.NowMs() / 1000;
    return signer_.Token("{\"iss\":" + JsonString(issuer_.Url("/actions")) + ",\"aud\":\"" + audience +
                         "\",\"jti\":\"id-" + std::to_string(++ids_) + "\",\"sub\":\"repo:" + repository +
                         "\",\"repository\":\"" + repository + "\",\"workflow_ref\":\"" + repository +
                         "/.github/workflows/publish.yml@refs/tags/v1\",\"exp\":" + std::to_string(now_s + 300) + "}");
  }
  Response Exchange(const std::string& package, const std::string& identity_token) {
    return Ask(kPost, kExchange + package, {Bearer(identity_token)});
  }
  std::string BypassingTokenOf(const std::string& user) {
    registry::TokenSpec spec;
    spec.name = "machine";
    spec.limits.emplace();
    spec.limits->packages = {"left"};
    spec.limits->packages_permission = registry::TokenPermission::kWrite;
    spec.limits->bypasses_second_factor = true;
    return TokenOf(user, spec);
  }
  std::string Exchanged(const std::string& package = "left") {
    const Response response = Exchange(package, IdentityToken());
    EXPECT_EQ(response.status(), 201) << response.text();
    const auto body = JsonBody::ParseObject(response.text());
    return body.ok() ? body->String("token").value().value_or("") : "";
  }
  Response Trust(const std::string& package, const std::string& token, const std::string& body = kTrust) {
    return Ask(kPost, "/-/package/" + package + "/trust", {Bearer(token)}, body);
  }

  const TokenSigner signer_{"ES256", "key"};
  ::tarn::testing::LoopbackServer issuer_{[this](const std::string& head, const std::string&) { return Serve(head); }};
  std::string alice_;
  int ids_ = 0;
};

TEST_F(ApiTrustedPublishing, FromTheConfigurationToAPublishedVersion) {
  const Response created = Trust("left", alice_);
  ASSERT_EQ(created.status(), 200) << created.text();
  EXPECT_THAT(std::string(created.text()), HasSubstr(R"("claims":{"repository":"octo/app","workflow_ref":{"file":)"));
  EXPECT_EQ(Trust("left", alice_).status(), 409);
  EXPECT_EQ(Ask(kGet, "/-/package/left/trust", {Bearer(alice_)}).text(), created.text());

  const Response exchanged = Exchange("left", IdentityToken());
  ASSERT_EQ(exchanged.status(), 201) << exchanged.text();
  EXPECT_EQ(exchanged.FindHeader("cache-control"), "no-store");
  const auto body = JsonBody::ParseObject(exchanged.text());
  EXPECT_EQ(body->String("token_type").value(), "oidc");
  EXPECT_EQ(*ParseIsoTime(*body->String("expires").value()) - *ParseIsoTime(*body->String("created").value()),
            3'600'000u);
  const std::string token = *body->String("token").value();
  PublishBuilder builder;
  builder.version = "2.0.0";
  const Response published = PublishAs(token, builder);
  ASSERT_EQ(published.status(), 201) << published.text();
  EXPECT_THAT(BodyOf(Get("/left/2.0.0")), HasSubstr(R"("trustedPublisher":{"id":"github","oidcConfigId":"oidc:)"));

  const std::string id(created.text().substr(created.text().find("\"id\":\"") + 6, 36));
  EXPECT_EQ(Ask(kDelete, "/-/package/left/trust/" + id, {Bearer(alice_)}).status(), 204);
  EXPECT_EQ(Ask(kGet, "/-/package/left/trust", {Bearer(alice_)}).text(), "[]");
  EXPECT_EQ(Ask(kDelete, "/-/package/left/trust/" + id, {Bearer(alice_)}).status(), 404);
  EXPECT_EQ(Ask(kDelete, "/-/package/left/trust/x", {Bearer(alice_)}).status(), 400);
  EXPECT_EQ(PublishAs(token, builder).status(), 401) << "taken away with what it was given for";
}

// Contract 15, row 24: `npm access set mfa=publish`.
TEST_F(ApiTrustedPublishing, APackageMayForbidAllOtherTokens) {
  ASSERT_EQ(Trust("left", alice_).status(), 200);
  const std::string machine = BypassingTokenOf("alice");
  const auto set_mfa = [&](const std::string& spared) {
    return Ask(kPost, "/-/package/left/access", {Bearer(alice_)},
               R"({"publish_requires_tfa":true,"automation_token_overrides_tfa":)" + spared + "}")
        .status();
  };
  ASSERT_EQ(set_mfa("false"), 200);
  PublishBuilder builder;
  builder.version = "2.0.0";
  EXPECT_EQ(PublishAs(alice_, builder).status(), 403);
  EXPECT_EQ(PublishAs(machine, builder).status(), 403);
  EXPECT_EQ(PublishAs(Exchanged(), builder).status(), 201);
}

// Likewise with mfa=automation.
TEST_F(ApiTrustedPublishing, OrAllButThoseOfMachines) {
  const std::string machine = BypassingTokenOf("alice");
  ASSERT_EQ(Ask(kPost, "/-/package/left/access", {Bearer(alice_)},
                R"({"publish_requires_tfa":true,"automation_token_overrides_tfa":true})")
                .status(),
            200);
  PublishBuilder builder;
  builder.version = "2.0.0";
  EXPECT_EQ(PublishAs(alice_, builder).status(), 403);
  EXPECT_EQ(PublishAs(machine, builder).status(), 201);
}

TEST_F(ApiTrustedPublishing, EverySpellingOfAScopedNameAndBothAudiences) {
  PublishBuilder builder;
  builder.name = "@alice/n";
  ASSERT_EQ(PublishAs(alice_, builder).status(), 201);
  ASSERT_EQ(Trust("@alice%2fn", alice_).status(), 200);
  for (const char* name : {"@alice/n", "@alice%2fn", "%40alice%2Fn"}) {
    EXPECT_EQ(Exchange(name, IdentityToken("npm:127.0.0.1:4873")).status(), 201) << name << ": yarn has the port";
    EXPECT_EQ(Exchange(name, IdentityToken()).status(), 201) << name;
  }
}

TEST_F(ApiTrustedPublishing, TheRootIsServedBesideAPrefix) {
  ASSERT_EQ(Trust("left", alice_).status(), 200);
  api_options_.base_urls.public_urls = {"http://127.0.0.1:4873/npm/"};
  StartApi();
  EXPECT_EQ(Exchange("left", IdentityToken()).status(), 201) << "npm drops the prefix";
  EXPECT_EQ(Ask(kPost, std::string("/npm") + kExchange + "left", {Bearer(IdentityToken())}).status(), 201)
      << "pnpm and yarn keep it";
}

TEST_F(ApiTrustedPublishing, RefusalsAreSentencesOfOneForm) {
  ASSERT_EQ(Trust("left", alice_).status(), 200);
  struct Case {
    Response response;
    int status;
    const char* words;
  };
  for (const Case& c : {
           Case{Ask(kPost, std::string(kExchange) + "left"), 401, "must be shown as"},
           Case{Ask(kPost, std::string(kExchange) + "left", {{"Authorization", "Basic YTpi"}}), 401,
                "must be shown as"},
           Case{Exchange("left", alice_), 400, "three parts"},
           Case{Exchange("left", IdentityToken("npm:other.example")), 400, "for somebody else"},
           Case{Exchange("left", TokenSigner("ES256", "other").Token("{}")), 400, "names no issuer"},
           Case{Exchange("left", IdentityToken("npm:127.0.0.1", "evil/app")), 404, "there is no package"},
           Case{Exchange("unborn", IdentityToken()), 404, "there is no package"},
           Case{Exchange("_not-a-name", IdentityToken()), 404, "there is no package"},
       }) {
    EXPECT_EQ(c.response.status(), c.status) << c.response.text();
    EXPECT_TRUE(c.response.text().starts_with("{\"error\":\"OIDC token exchange error - ")) << c.response.text();
    EXPECT_THAT(std::string(c.response.text()), HasSubstr(c.words));
  }
  EXPECT_EQ(Get(std::string(kExchange) + "left").status(), 405);
}

TEST_F(ApiTrustedPublishing, ConfigurationsAreForOwners) {
  const std::string bob = TokenOf("bob");
  EXPECT_EQ(Trust("left", bob).status(), 403);
  EXPECT_EQ(Ask(kGet, "/-/package/left/trust", {Bearer(bob)}).status(), 403);
  EXPECT_EQ(Ask(kGet, "/-/package/left/trust").status(), 401);
  PublishBuilder builder;
  builder.name = "@alice/secret";
  builder.access = "restricted";
  ASSERT_EQ(PublishAs(alice_, builder).status(), 201);
  for (const Method method : {kGet, kPost}) {
    const std::string body = method == kPost ? kTrust : "";
    const Response hidden = Ask(method, "/-/package/@alice%2fsecret/trust", {Bearer(bob)}, body);
    const Response missing = Ask(method, "/-/package/@alice%2fother/trust", {Bearer(bob)}, body);
    EXPECT_EQ(hidden.status(), 404);
    EXPECT_EQ(hidden.text(), missing.text());
  }
  const Response malformed = Trust("left", alice_, "[{}]");
  EXPECT_EQ(malformed.status(), 400);
  EXPECT_THAT(std::string(malformed.text()), HasSubstr("it trusts github"));
}

TEST_F(ApiTrustedPublishing, ItsTokenOpensNoOtherDoor) {
  ASSERT_EQ(Trust("left", alice_).status(), 200);
  PublishBuilder other;
  other.name = "right";
  ASSERT_EQ(PublishAs(alice_, other).status(), 201);
  const Headers headers = {Bearer(Exchanged())};
  EXPECT_EQ(Get("/left", headers).status(), 200);
  EXPECT_EQ(Get("/-/package/left/visibility", headers).status(), 200);
  EXPECT_EQ(Ask(kPut, "/-/package/left/dist-tags/next", headers, "\"1.0.0\"").status(), 201);
  EXPECT_EQ(Get("/right", headers).status(), 200) << "as anybody";
  EXPECT_EQ(Get("/-/whoami", headers).status(), 401);
  EXPECT_EQ(Get("/-/npm/v1/tokens", headers).status(), 401);
  EXPECT_EQ(Get("/-/package/left/trust", headers).status(), 401);
  for (const char* target : {"/-/package/right/dist-tags/next", "/-/package/unborn/dist-tags/next"}) {
    EXPECT_EQ(Ask(kPut, target, headers, "\"1.0.0\"").status(), 403) << target;
  }
  EXPECT_EQ(Ask(kPost, "/-/package/left/access", headers, R"({"access":"public"})").status(), 403);
  EXPECT_EQ(Ask(kPut, "/-/package/left/owners", headers, R"({"user":"bob"})").status(), 403);
  EXPECT_EQ(Ask(kPost, "/-/npm/v1/user", headers, "{}").status(), 403);
  EXPECT_EQ(Trust("left", Exchanged()).status(), 403);
  other.version = "2.0.0";
  const Response elsewhere = Ask(kPut, "/right", headers, other.Body());
  other.name = "unborn";
  const Response nowhere = Ask(kPut, "/unborn", headers, other.Body());
  EXPECT_EQ(elsewhere.status(), 403);
  EXPECT_EQ(elsewhere.text(), nowhere.text());
}

TEST_F(ApiTrustedPublishing, OnAPrivateRegistryItsTokenReadsItsPackageAlone) {
  ASSERT_EQ(Trust("left", alice_).status(), 200);
  PublishBuilder other;
  other.name = "right";
  ASSERT_EQ(PublishAs(alice_, other).status(), 201);
  options_.read_access = registry::RegistryOptions::ReadAccess::kAuthenticated;
  api_options_.reads_are_private = true;
  StartApi();
  ASSERT_EQ(Get("/right", {Bearer(alice_)}).status(), 200) << "hot from now on";
  const Headers headers = {Bearer(Exchanged())};
  EXPECT_EQ(Get("/left", headers).status(), 200);
  EXPECT_EQ(Get("/right", headers).status(), 401);
  EXPECT_EQ(Get("/unborn", headers).status(), 401);
}

}  // namespace
}  // namespace tarn::http
