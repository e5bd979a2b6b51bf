#include "storage/registry/trusted_publishing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/identity_limits.h"
#include "storage/base/logging.h"
#include "storage/registry/staged_versions.h"
#include "storage/registry/totp.h"
#include "storage/registry/trusted_grant.h"
#include "storage/testing/registry_fixture.h"
#include "storage/testing/token_signer.h"

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kIssuer = "https://actions.example";
constexpr const char* kBaseUrl = "https://registry.example";
constexpr const char* kBody =
    R"([{"type":"github","claims":{"repository":"octo/app","workflow_ref":{"file":"publish.yml"}},)"
    R"("permissions":["createPackage"]}])";

TrustIssuer MakeIssuer(const char* name, TrustIssuer::Kind kind, const char* url) {
  TrustIssuer issuer;
  issuer.name = name;
  issuer.kind = kind;
  issuer.url = url;
  return issuer;
}

class TrustedPublishingTest : public RegistryFixture {
 protected:
  void SetUp() override {
    TrustIssuer issuer = MakeIssuer("github", TrustIssuer::Kind::kGithub, kIssuer);
    TrustIssuer gitlab = MakeIssuer("gitlab", TrustIssuer::Kind::kGitlab, "https://gitlab.example");
    issuer.single_use = true;
    options_.trust.issuers = {issuer, gitlab};
    options_.trust.audiences = {"npm:registry.example"};
    options_.trust.fetch = [this](const std::string& url) -> Result<std::string> {
      if (is_down_) return Unavailable("down");
      if (!url.ends_with("openid-configuration")) return signer_.Jwks();
      const std::string base = url.substr(0, url.find("/.well"));
      return "{\"issuer\":\"" + base + "\",\"jwks_uri\":\"" + base + "/keys\"}";
    };
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
    bob_ = AddUser("bob");
    PublishBuilder builder;
    ASSERT_TRUE(Publish(alice_, builder).ok());
  }

  TrustedPublishing& trust() { return registry_->trusted_publishing(); }
  static std::string Member(const std::string& name, const std::string& value) {
    return "\"" + name + "\":" + JsonString(value) + ",";
  }
  // Of a run of the workflow that kBody trusts; `more` are members with a comma after each.
  std::string Claims(const std::string& more = "", const std::string& repository = "octo/app") {
    const uint64_t now_s = clock_.NowMs() / 1000;
    return "{" + more + Member("iss", kIssuer) + Member("jti", "id-" + std::to_string(++ids_)) +
           Member("sub", "repo:" + repository) + Member("repository", repository) +
           Member("workflow_ref", repository + "/.github/workflows/publish.yml@refs/heads/main") +
           "\"aud\":\"npm:registry.example\",\"iat\":" + std::to_string(now_s) +
           ",\"exp\":" + std::to_string(now_s + 300) + "}";
  }
  Result<TrustedPublishing::NewToken> Exchange(const std::string& claims, const std::string& package = "left") {
    return trust().ExchangeToken(package, signer_.Token(claims), kBaseUrl);
  }
  Principal Exchanged(const std::string& package = "left") {
    const auto token = Exchange(Claims(), package);
    EXPECT_TRUE(token.ok()) << token.status().ToString();
    token_ = token.ok() ? token->token : "";
    return Shown(token_).principal;
  }
  Authentication Shown(const std::string& token) {
    Credentials credentials;
    credentials.kind = Credentials::Kind::kBearer;
    credentials.token = token;
    return registry_->Authenticate(credentials, {}).value();
  }
  std::string Trust(const std::string& body = kBody, const std::string& package = "left") {
    const auto configs = trust().Create(alice_, Name(package), body);
    EXPECT_TRUE(configs.ok()) << configs.status().ToString();
    return configs.ok() ? configs->front().id : "";
  }

  const TokenSigner signer_{"ES256", "key"};
  bool is_down_ = false;
  int ids_ = 0;
  std::string token_;
  Principal alice_, bob_;
};

TEST_F(TrustedPublishingTest, ATokenPublishesThePackageAndSaysWhoItWas) {
  const std::string id = Trust();
  const Principal publisher = Exchanged();
  ASSERT_TRUE(publisher.trusted);
  PublishBuilder builder;
  builder.version = "2.0.0";
  const auto published = Publish(publisher, builder);
  ASSERT_TRUE(published.ok()) << published.status().ToString();
  EXPECT_THAT(Packument(alice_, "left").value(),
              HasSubstr(R"("_npmUser":{"name":"GitHub Actions","email":"","trustedPublisher":{"id":"github",)"
                        R"("oidcConfigId":"oidc:)" +
                        id + "\"}}"));
  EXPECT_TRUE(Publish(publisher, builder).ok()) << "a publish that is sent twice";
  EXPECT_TRUE(registry_->SetDistTag(publisher, Name("left"), "next", "2.0.0").ok());
  EXPECT_TRUE(registry_->SetDistTag(publisher, Name("left"), "latest", "1.0.0").ok());
  EXPECT_TRUE(registry_->RemoveDistTag(publisher, Name("left"), "next").ok());
  ExpectVerified();
}

TEST_F(TrustedPublishingTest, AndDoesNothingElse) {
  PublishBuilder other;
  other.name = "right";
  ASSERT_TRUE(Publish(alice_, other).ok());
  Trust();
  const Principal publisher = Exchanged();
  other.version = "2.0.0";
  EXPECT_EQ(Publish(publisher, other).code(), Code::kNotFound);
  other.name = "unborn";
  EXPECT_EQ(Publish(publisher, other).code(), Code::kNotFound) << "as a name that does not exist";
  other.name = "@free/scope";
  EXPECT_EQ(Publish(publisher, other).code(), Code::kNotFound);
  EXPECT_EQ(registry_->SetDistTag(publisher, Name("right"), "next", "1.0.0").code(), Code::kNotFound);
  EXPECT_EQ(registry_->SetAccess(publisher, Name("left"), "public").code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->UnpublishPackage(publisher, Name("left"), RevOf("left")).code(), Code::kPermissionDenied);
  const std::string rev = RevOf("left");
  for (const char* body : {R"({"_id":"left","name":"left","maintainers":[{"name":"bob"}]})",
                           R"({"_id":"left","name":"left","versions":{}})"}) {
    EXPECT_FALSE(Put(publisher, "left", body, rev).ok()) << body;
  }
  EXPECT_FALSE(Put(publisher, "left", R"({"_id":"left","name":"left","users":{"GitHub Actions":true}})").ok());
  EXPECT_FALSE(
      Put(publisher, "left",
          R"({"_id":"left","name":"left","versions":{"1.0.0":{"name":"left","version":"1.0.0","deprecated":"x"}}})")
          .ok());
  EXPECT_EQ(RevOf("left"), rev);
  EXPECT_FALSE(trust().List(publisher, Name("left")).ok());
  EXPECT_FALSE(trust().Create(publisher, Name("left"), kBody).ok());
  EXPECT_FALSE(registry_->ListTokens(publisher, "alice").ok());
  EXPECT_FALSE(registry_->CreateToken(publisher, "alice", std::nullopt, {}).ok());
  EXPECT_TRUE(registry_->ListTokens(alice_, "alice")->empty()) << "it is nobody's token";
}

TEST_F(TrustedPublishingTest, EndsWithItsTimeAndWithItsConfiguration) {
  const std::string id = Trust();
  Exchanged();
  clock_.AdvanceMs(limits::kTrustedTokenMs - 1);
  EXPECT_EQ(Shown(token_).outcome, Authentication::Outcome::kOk);
  clock_.AdvanceMs(1);
  EXPECT_EQ(Shown(token_).outcome, Authentication::Outcome::kExpired);
  Exchanged();
  EXPECT_EQ(Shown(token_).outcome, Authentication::Outcome::kOk);
  ASSERT_TRUE(trust().Revoke(alice_, Name("left"), id).ok());
  EXPECT_EQ(Shown(token_).outcome, Authentication::Outcome::kBadCredentials);
  EXPECT_EQ(Exchange(Claims()).code(), Code::kNotFound);
  EXPECT_TRUE(trust().List(alice_, Name("left"))->empty());
}

TEST_F(TrustedPublishingTest, EndsWhenItsHolderLogsOut) {
  Trust();
  const Principal publisher = Exchanged();
  const std::string first = token_;
  const Principal other = Exchanged();
  EXPECT_FALSE(registry_->RevokeToken(other, first).ok()) << "one's own alone";
  EXPECT_TRUE(registry_->RevokeToken(publisher, first).ok());
  EXPECT_EQ(Shown(first).outcome, Authentication::Outcome::kBadCredentials);
  EXPECT_EQ(Shown(token_).outcome, Authentication::Outcome::kOk);
  EXPECT_EQ(registry_->RevokeToken(publisher, first).code(), Code::kNotFound);
}

TEST_F(TrustedPublishingTest, ARestartForgetsNoToken) {
  Trust();
  Exchanged();
  Open();
  EXPECT_EQ(Shown(token_).outcome, Authentication::Outcome::kOk);
}

TEST_F(TrustedPublishingTest, AreBoundedInNumberAndTheOldOnesLeaveNothingBehind) {
  Trust();
  for (size_t i = 0; i < limits::kTrustedTokensPerPackageMax; ++i) ASSERT_TRUE(Exchange(Claims()).ok()) << i;
  EXPECT_EQ(Exchange(Claims()).code(), Code::kResourceExhausted);
  const auto count = [&] {
    size_t found = 0;
    const auto view = store_.NewReadView().value();
    EXPECT_TRUE(view->ScanPrefix(engine::Family::kSetting, "trust/",
                                 [&](std::string_view, std::string_view) { return ++found < 10'000; })
                    .ok());
    return found;
  };
  EXPECT_EQ(count(), 1 + 2 * limits::kTrustedTokensPerPackageMax);
  clock_.AdvanceMs(limits::kTrustedTokenMs);
  for (size_t i = 0; i < 10; ++i) ASSERT_TRUE(Exchange(Claims()).ok());
  EXPECT_EQ(count(), 1u + 10 + 10) << "the record, the tokens that live, their identity tokens";
}

TEST_F(TrustedPublishingTest, WhoIsNotTrustedHearsTheSameWhateverThePackageIs) {
  Trust();
  PublishBuilder secret;
  secret.name = "@alice/secret";
  secret.access = "restricted";
  ASSERT_TRUE(Publish(alice_, secret).ok());
  Trust(kBody, "@alice/secret");
  PublishBuilder plain;
  plain.name = "plain";
  ASSERT_TRUE(Publish(alice_, plain).ok());
  std::vector<std::string> answers;
  for (const std::string package : {"left", "@alice/secret", "plain", "unborn", "not a name", ".."}) {
    const auto refused = Exchange(Claims("", "evil/app"), package);
    EXPECT_EQ(refused.code(), Code::kNotFound) << package;
    std::string message(refused.status().message());
    const size_t at = message.find(JsonString(package));
    ASSERT_NE(at, std::string::npos) << message;
    answers.push_back(message.replace(at, JsonString(package).size(), "NAME"));
  }
  EXPECT_THAT(answers, ::testing::Each(answers.front()));
  EXPECT_THAT(answers.front(), HasSubstr("repository=evil/app"));
  EXPECT_THAT(answers.front(), Not(HasSubstr("octo"))) << "whom the package trusts is for its owners";
}

TEST_F(TrustedPublishingTest, IdentityTokensThatAreNotGoodAreRefusedBeforeAnythingIsLookedUp) {
  Trust();
  const uint64_t now_s = clock_.NowMs() / 1000;
  const auto with = [&](const std::string& iss, const std::string& aud, uint64_t exp, const std::string& jti) {
    return "{" + Member("iss", iss) + Member("aud", aud) + jti + Member("repository", "octo/app") +
           Member("workflow_ref", "octo/app/.github/workflows/publish.yml@refs/heads/main") +
           "\"exp\":" + std::to_string(exp) + "}";
  };
  const std::string jti = Member("jti", "x");
  struct Case {
    std::string claims;
    Code code;
    const char* words;
  };
  for (const Case& c : std::initializer_list<Case>{
           {with("https://other.example", "npm:registry.example", now_s + 300, jti), Code::kUnauthenticated,
            "does not trust the issuer"},
           {with("https://actions.example/", "npm:registry.example", now_s + 300, jti), Code::kUnauthenticated,
            "does not trust the issuer"},
           {with(kIssuer, "npm:other.example", now_s + 300, jti), Code::kInvalidArgument, "for somebody else"},
           {with(kIssuer, "npm:registry.example", now_s - 300, jti), Code::kInvalidArgument, "is over since"},
           {with(kIssuer, "npm:registry.example", now_s + 300, ""), Code::kInvalidArgument, "no id (jti)"},
       }) {
    const auto refused = Exchange(c.claims);
    EXPECT_EQ(refused.code(), c.code) << c.words;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(c.words));
  }
  const TokenSigner impostor("ES256", "key");
  EXPECT_EQ(trust().ExchangeToken("left", impostor.Token(Claims()), kBaseUrl).code(), Code::kUnauthenticated);
  EXPECT_EQ(trust().ExchangeToken("left", "tarn_x", kBaseUrl).code(), Code::kInvalidArgument);
  EXPECT_TRUE(Exchange(Claims()).ok());
}

TEST_F(TrustedPublishingTest, TheHostCountsAsAudienceOnlyWhereNobodyCanMakeItUp) {
  Trust();
  const auto claims = [&] {
    std::string text = Claims();
    return text.replace(text.find("npm:registry.example"), 20, "npm:127.0.0.1:4873");
  };
  EXPECT_EQ(trust().ExchangeToken("left", signer_.Token(claims()), "http://127.0.0.1:4873").code(),
            Code::kInvalidArgument);
  options_.trust.audience_of_host = true;
  Open();
  EXPECT_TRUE(trust().ExchangeToken("left", signer_.Token(claims()), "http://127.0.0.1:4873").ok());
  EXPECT_EQ(trust().ExchangeToken("left", signer_.Token(claims()), "http://127.0.0.1:1").code(),
            Code::kInvalidArgument);
}

TEST_F(TrustedPublishingTest, AnIdentityTokenOfGithubIsExchangedOnce) {
  PublishBuilder other;
  other.name = "right";
  ASSERT_TRUE(Publish(alice_, other).ok());
  Trust();
  Trust(kBody, "right");
  const std::string claims = Claims();
  EXPECT_TRUE(Exchange(claims).ok());
  EXPECT_EQ(Exchange(claims).code(), Code::kUnauthenticated);
  EXPECT_EQ(Exchange(claims, "right").code(), Code::kUnauthenticated);
  Open();
  EXPECT_EQ(Exchange(claims).code(), Code::kUnauthenticated) << "a restart does not make it fresh";
}

TEST_F(TrustedPublishingTest, OneOfGitlabServesAllPackagesOfAJob) {
  constexpr const char* kGitlabBody =
      R"({"type":"gitlab","claims":{"project_path":"g/app"},"permissions":["createPackage"]})";
  PublishBuilder other;
  other.name = "right";
  ASSERT_TRUE(Publish(alice_, other).ok());
  Trust(kGitlabBody);
  Trust(kGitlabBody, "right");
  const std::string claims =
      R"({"iss":"https://gitlab.example","aud":"npm:registry.example","project_path":"g/app","exp":)" +
      std::to_string(clock_.NowMs() / 1000 + 300) + "}";
  EXPECT_TRUE(Exchange(claims).ok());
  EXPECT_TRUE(Exchange(claims, "right").ok());
  EXPECT_TRUE(Exchange(claims).ok());
}

TEST_F(TrustedPublishingTest, KeysThatCannotBeHadAreSaidSo) {
  Trust();
  is_down_ = true;
  EXPECT_EQ(Exchange(Claims()).code(), Code::kUnavailable);
}

TEST_F(TrustedPublishingTest, ConfigurationsAreForThoseWhoMayChangeThePackage) {
  const std::string id = Trust();
  EXPECT_EQ(trust().Create(alice_, Name("left"), kBody).code(), Code::kConflict);
  EXPECT_EQ(trust().List(alice_, Name("left"))->size(), 1u);
  for (const Principal& who : {bob_, Principal::Anonymous()}) {
    EXPECT_FALSE(trust().List(who, Name("left")).ok());
    EXPECT_FALSE(trust().Create(who, Name("left"), kBody).ok());
    EXPECT_FALSE(trust().Revoke(who, Name("left"), id).ok());
  }
  EXPECT_EQ(trust().List(bob_, Name("left")).code(), Code::kPermissionDenied);
  EXPECT_EQ(trust().List(Principal::Anonymous(), Name("left")).code(), Code::kUnauthenticated);
  PublishBuilder secret;
  secret.name = "@alice/secret";
  secret.access = "restricted";
  ASSERT_TRUE(Publish(alice_, secret).ok());
  const Status hidden = trust().List(bob_, Name("@alice/secret")).status();
  const Status missing = trust().List(bob_, Name("@alice/other")).status();
  EXPECT_EQ(hidden.ToString(), missing.ToString());
  EXPECT_EQ(hidden.code(), Code::kNotFound);
  Principal reader = alice_;
  reader.may_write = false;
  EXPECT_EQ(trust().Create(reader, Name("left"), kBody).code(), Code::kPermissionDenied);
  EXPECT_EQ(trust().Revoke(alice_, Name("left"), "7").code(), Code::kInvalidArgument);
  EXPECT_EQ(trust().Revoke(alice_, Name("left"), "0f8fad5b-d9cb-469f-a165-70867728950e").code(), Code::kNotFound);
  EXPECT_TRUE(trust().Revoke(alice_, Name("left"), id).ok());
}

TEST_F(TrustedPublishingTest, AnAccountWithASecondFactorIsAskedForIt) {
  UserRecord user;
  user.name = "carol";
  user.id = 5;
  user.second_factor.mode = SecondFactorMode::kAuthOnly;
  user.second_factor.secret = Base32Encode("01234567890123456789");
  ASSERT_TRUE(store_.Commit(PutMutation(engine::Family::kUser, engine::NameKey("carol"), Encode(user))).ok());
  Principal carol = As("carol");
  PublishBuilder builder;
  builder.name = "carols";
  ASSERT_TRUE(Publish(carol, builder).ok());
  carol.bypasses_second_factor = true;
  EXPECT_EQ(trust().List(carol, Name("carols")).code(), Code::kSecondFactorNeeded);
  EXPECT_EQ(trust().Create(carol, Name("carols"), kBody).code(), Code::kSecondFactorNeeded);
  EXPECT_EQ(trust().Revoke(carol, Name("carols"), "x").code(), Code::kSecondFactorNeeded);
}

TEST_F(TrustedPublishingTest, AConfigurationForStagingAlonePublishesNothing) {
  Trust(R"([{"type":"github","claims":{"repository":"octo/app"},"permissions":["createStagedPackage"]}])");
  const Principal publisher = Exchanged();
  PublishBuilder builder;
  builder.version = "2.0.0";
  EXPECT_EQ(Publish(publisher, builder).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->SetDistTag(publisher, Name("left"), "next", "1.0.0").code(), Code::kPermissionDenied);
  EXPECT_TRUE(CheckTrusted(*publisher.trusted, Name("left"), TrustedAct::kStage).ok());
  EXPECT_EQ(CheckTrusted(*publisher.trusted, Name("right"), TrustedAct::kStage).code(), Code::kNotFound);
  EXPECT_EQ(registry_->staged().BeginStage(publisher, Name("right")).code(), Code::kNotFound);

  auto upload = registry_->staged().BeginStage(publisher, Name("left"));
  ASSERT_TRUE(upload.ok()) << upload.status().ToString();
  ASSERT_TRUE((*upload)->Consume(builder.Body()).ok());
  const auto staged = (*upload)->Finish();
  ASSERT_TRUE(staged.ok()) << staged.status().ToString();
  EXPECT_EQ(registry_->staged().List(publisher, std::nullopt, 0, 10)->total, 0u) << "it stages, and sees nothing";
  EXPECT_FALSE(registry_->staged().Approve(publisher, staged->stage_id).ok());
  EXPECT_FALSE(registry_->staged().Reject(publisher, staged->stage_id).ok());
  const auto approved = registry_->staged().Approve(alice_, staged->stage_id);
  ASSERT_TRUE(approved.ok()) << approved.status().ToString();
  const std::string packument = Packument(alice_, "left").value();
  EXPECT_THAT(packument, HasSubstr(R"("trustedPublisher":{"id":"github",)"));
  EXPECT_THAT(packument, HasSubstr(R"("approver":{"name":"alice","email":"alice@example.com"})"));
}

TEST_F(TrustedPublishingTest, AConfigurationForPublishingAloneStagesNothing) {
  Trust();
  EXPECT_EQ(registry_->staged().BeginStage(Exchanged(), Name("left")).code(), Code::kPermissionDenied);
}

TEST_F(TrustedPublishingTest, WithoutIssuersThereIsNone) {
  options_.trust.issuers.clear();
  Open();
  EXPECT_EQ(Exchange(Claims()).code(), Code::kNotFound);
  EXPECT_EQ(trust().Create(alice_, Name("left"), kBody).code(), Code::kInvalidArgument);
  EXPECT_TRUE(trust().List(alice_, Name("left"))->empty());
}

}  // namespace
}  // namespace tarn::registry
