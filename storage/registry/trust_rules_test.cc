#include "storage/registry/trust_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;

TrustIssuer MakeIssuer(const char* name, TrustIssuer::Kind kind, const char* url) {
  TrustIssuer issuer;
  issuer.name = name;
  issuer.kind = kind;
  issuer.url = url;
  return issuer;
}

std::vector<TrustIssuer> Issuers() {
  TrustIssuer github = MakeIssuer("github", TrustIssuer::Kind::kGithub, "https://actions.example");
  TrustIssuer gitlab = MakeIssuer("gitlab", TrustIssuer::Kind::kGitlab, "https://gitlab.example:8443/x");
  TrustIssuer circleci = MakeIssuer("circleci", TrustIssuer::Kind::kCircleci, "https://circle.example");
  TrustIssuer forge = MakeIssuer("forge", TrustIssuer::Kind::kGeneric, "https://forge.example");
  forge.claims = {{"project", "repo_path", true}, {"branch", "ref", false}};
  return {github, gitlab, circleci, forge};
}

const TrustIssuer& Issuer(const std::string& name) {
  static const std::vector<TrustIssuer> issuers = Issuers();
  for (const TrustIssuer& issuer : issuers) {
    if (issuer.name == name) return issuer;
  }
  abort();
}

std::string Body(const std::string& type, const std::string& claims) {
  return R"([{"type":")" + type + R"(","claims":)" + claims + R"(,"permissions":["createPackage"]}])";
}
TrustConfig Config(const std::string& type, const std::string& claims) {
  const auto config = ParseTrustConfig(Body(type, claims), Issuers());
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  return config.ok() ? *config : TrustConfig{};
}

using Texts = std::map<std::string, std::vector<std::string>, std::less<>>;
IdentityClaims Claims(Texts texts) {
  IdentityClaims claims;
  claims.texts = std::move(texts);
  return claims;
}

constexpr const char* kGithub =
    R"({"repository":"octo/app","workflow_ref":{"file":"publish.yml"},"environment":"release prod"})";
const Texts kGithubClaims = {{"repository", {"octo/app"}},
                             {"workflow_ref", {"octo/app/.github/workflows/publish.yml@refs/heads/main"}},
                             {"environment", {"release prod"}}};
constexpr const char* kGitlab =
    R"({"project_path":"group/sub/app","ci_config_ref_uri":{"file":"ci/publish.yml"},"environment":"prod"})";
const Texts kGitlabClaims = {
    {"project_path", {"group/sub/app"}},
    {"ci_config_ref_uri", {"gitlab.example:8443/group/sub/app//ci/publish.yml@refs/heads/main"}},
    {"environment", {"prod"}}};
constexpr const char* kCircleci =
    R"({"oidc.circleci.com/org-id":"o-1","oidc.circleci.com/project-id":"p-1","oidc.circleci.com/pipeline-definition-id":)"
    R"("d-1","oidc.circleci.com/vcs-origin":"github.com/octo/app","oidc.circleci.com/context-ids":["c-1","c-2"]})";
const Texts kCircleciClaims = {{"oidc.circleci.com/org-id", {"o-1"}},
                               {"oidc.circleci.com/project-id", {"p-1"}},
                               {"oidc.circleci.com/pipeline-definition-id", {"d-1"}},
                               {"oidc.circleci.com/vcs-origin", {"github.com/octo/app"}},
                               {"oidc.circleci.com/context-ids", {"c-2", "c-1", "c-3"}}};
constexpr const char* kForge = R"({"project":"octo/app","branch":"refs/heads/main"})";
const Texts kForgeClaims = {{"repo_path", {"octo/app"}}, {"ref", {"refs/heads/main"}}};

TEST(TrustRules, WhatIsConfiguredFits) {
  struct Case {
    const char* type;
    const char* claims;
    const Texts& texts;
  };
  for (const Case& c : {Case{"github", kGithub, kGithubClaims}, Case{"gitlab", kGitlab, kGitlabClaims},
                        Case{"circleci", kCircleci, kCircleciClaims}, Case{"forge", kForge, kForgeClaims}}) {
    const TrustConfig config = Config(c.type, c.claims);
    EXPECT_EQ(MismatchOf(config, Issuer(c.type), Claims(c.texts)), std::nullopt) << c.type;
    // Each claim counts: without it, with another value, with two.
    for (const auto& [name, values] : c.texts) {
      Texts texts = c.texts;
      texts.erase(name);
      EXPECT_THAT(MismatchOf(config, Issuer(c.type), Claims(texts)).value_or(""),
                  HasSubstr("the token has no " + name));
      texts[name] = {"x" + values.front()};
      EXPECT_THAT(MismatchOf(config, Issuer(c.type), Claims(texts)).value_or(""), HasSubstr(name + " is \"")) << name;
      texts[name] = {};
      EXPECT_NE(MismatchOf(config, Issuer(c.type), Claims(texts)), std::nullopt) << name;
    }
    EXPECT_FALSE(DescribeOrigin(Issuer(c.type), Claims(c.texts)).empty());
  }
}

TEST(TrustRules, NothingButTheWholeFits) {
  struct Case {
    const char* type;
    const char* config;
    const char* claim;
    const char* value;
  };
  for (const Case& c : {
           Case{"github", kGithub, "repository", "octo/app2"},
           Case{"github", kGithub, "repository", "Octo/app"},
           Case{"github", kGithub, "repository", "octo/app/"},
           Case{"github", kGithub, "repository", ""},
           Case{"github", kGithub, "workflow_ref", "octo/app/.github/workflows/publish.yml"},
           Case{"github", kGithub, "workflow_ref", "octo/app/.github/workflows/publish.yml@"},
           Case{"github", kGithub, "workflow_ref", "octo/app/.github/workflows/other.yml@refs/heads/main"},
           Case{"github", kGithub, "workflow_ref", "octo/app/.github/workflows/x/publish.yml@refs/heads/main"},
           Case{"github", kGithub, "workflow_ref", "evil/app/.github/workflows/publish.yml@refs/heads/main"},
           Case{"github", kGithub, "workflow_ref", "evil/x/octo/app/.github/workflows/publish.yml@refs/heads/main"},
           Case{"github", kGithub, "environment", "release"},
           Case{"gitlab", kGitlab, "project_path", "group/sub"},
           Case{"gitlab", kGitlab, "ci_config_ref_uri", "gitlab.example/group/sub/app//ci/publish.yml@refs/heads/main"},
           Case{"gitlab", kGitlab, "ci_config_ref_uri",
                "gitlab.example:8443/group/sub/app//publish.yml@refs/heads/main"},
           Case{"circleci", kCircleci, "oidc.circleci.com/context-ids", "c-1"},
           Case{"forge", kForge, "repo_path", "octo/app "},
       }) {
    const TrustConfig config = Config(c.type, c.config);
    Texts texts = std::string(c.type) == "github"     ? kGithubClaims
                  : std::string(c.type) == "gitlab"   ? kGitlabClaims
                  : std::string(c.type) == "circleci" ? kCircleciClaims
                                                      : kForgeClaims;
    texts[c.claim] = {c.value};
    EXPECT_NE(MismatchOf(config, Issuer(c.type), Claims(texts)), std::nullopt) << c.claim << " = " << c.value;
  }
}

TEST(TrustRules, WhatIsNotConfiguredMayBeAnything) {
  const TrustConfig config = Config("github", R"({"repository":"octo/app","environment":null})");
  EXPECT_EQ(MismatchOf(config, Issuer("github"), Claims(kGithubClaims)), std::nullopt);
  EXPECT_EQ(MismatchOf(config, Issuer("github"), Claims({{"repository", {"octo/app"}}})), std::nullopt);
  const TrustConfig whole = Config(
      "github", R"({"repository":"octo/app","workflow_ref":"octo/app/.github/workflows/publish.yml@refs/heads/main"})");
  EXPECT_EQ(MismatchOf(whole, Issuer("github"), Claims(kGithubClaims)), std::nullopt);
  Texts branch = kGithubClaims;
  branch["workflow_ref"] = {"octo/app/.github/workflows/publish.yml@refs/heads/other"};
  EXPECT_NE(MismatchOf(whole, Issuer("github"), Claims(branch)), std::nullopt);
}

TEST(TrustRules, AnIssuerSpeaksForItselfAlone) {
  TrustConfig config = Config("github", kGithub);
  EXPECT_THAT(MismatchOf(config, Issuer("gitlab"), Claims(kGithubClaims)).value_or(""),
              HasSubstr("for the issuer github"));
  config.claims.clear();
  EXPECT_NE(MismatchOf(config, Issuer("github"), Claims(kGithubClaims)), std::nullopt)
      << "a configuration that names nothing trusts nobody";
  // The operator has made another kind of it since.
  TrustIssuer changed = Issuer("forge");
  changed.name = "github";
  EXPECT_NE(MismatchOf(Config("github", kGithub), changed, Claims(kGithubClaims)), std::nullopt);
}

TEST(TrustRules, BodiesAreCheckedAndSayWhatIsWrong) {
  struct Case {
    std::string body;
    const char* words;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"", "a list with one trust configuration"},
           {"[]", "a list with one trust configuration"},
           {"[7]", "a list with one trust configuration"},
           {"[{},{}]", "a list with one trust configuration"},
           {"[{}]", "trusts no issuer of the type \"\"; it trusts github, gitlab, circleci, forge"},
           {Body("bitbucket", "{}"), "no issuer of the type \"bitbucket\""},
           {R"([{"type":"github","permissions":["createPackage"]}])", "has no claims"},
           {Body("github", "[]"), "has no claims"},
           {Body("github", "{}"), "the claim repository is missing"},
           {Body("github", R"({"repository":"app"})"), "repository is not written as its issuer writes it"},
           {Body("github", R"({"repository":"/app"})"), "repository is not written"},
           {Body("github", R"({"repository":"https://a/b"})"), "repository is not written"},
           {Body("github", R"({"repository":""})"), "repository must have 1 to 512 bytes"},
           {Body("github", R"({"repository":"o /r"})"), "spaces or control characters"},
           {Body("github", R"({"repository":"o/r","ref":"x"})"), "there is no claim \"ref\""},
           {Body("github", R"({"repository":["o/r"]})"), "repository must be a string"},
           {Body("github", R"({"repository":{"file":"a.yml"}})"), "repository must be a string"},
           {Body("github", R"({"repository":"o/r","workflow_ref":{"file":"a/b.yml"}})"), "without a folder"},
           {Body("github", R"({"repository":"o/r","workflow_ref":{"file":"b.js"}})"), ".yml or .yaml"},
           {Body("github", R"({"repository":"o/r","workflow_ref":{"file":"a.yml@x.yml"}})"), ".yml or .yaml"},
           {Body("github", R"({"repository":"o/r","workflow_ref":{"file":"a.yml","x":1}})"),
            "must be {\"file\": NAME}"},
           {Body("github", R"({"repository":"o/r","workflow_ref":{"file":7}})"), "must be {\"file\": NAME}"},
           {Body("gitlab", R"({"project_path":"g/p","ci_config_ref_uri":{"file":"../a.yml"}})"), "in the project"},
           {Body("circleci", R"({"oidc.circleci.com/org-id":"o"})"), "project-id is missing"},
           {Body("forge", R"({"branch":"main"})"), "the claim project is missing"},
           {R"([{"type":"github","claims":{"repository":"o/r"}}])", "permissions must be a list"},
           {R"([{"type":"github","claims":{"repository":"o/r"},"permissions":[]}])", "permissions must be a list"},
           {R"([{"type":"github","claims":{"repository":"o/r"},"permissions":["admin"]}])", "no permission \"admin\""},
           {Body("github", R"({"repository":"o/r","repository":"x/y"})"), "has no claims"},
       }) {
    const auto config = ParseTrustConfig(c.body, Issuers());
    EXPECT_EQ(config.code(), Code::kInvalidArgument) << c.body;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(c.words)) << c.body;
  }
  EXPECT_THAT(std::string(ParseTrustConfig(Body("github", "{}"), {}).status().message()),
              HasSubstr("its operator has configured none"));
}

TEST(TrustRules, AreShownAsTheyWereSent) {
  TrustConfig config = Config("github", kGithub);
  config.id = "id";
  config.may_stage = true;
  EXPECT_EQ(FormatTrustConfigs({config}), std::string(R"([{"id":"id","type":"github","claims":)") + kGithub +
                                              R"(,"permissions":["createPackage","createStagedPackage"]}])");
  EXPECT_EQ(FormatTrustConfigs({}), "[]");
  const TrustConfig circleci = Config("circleci", kCircleci);
  EXPECT_THAT(FormatTrustConfigs({circleci}), HasSubstr(kCircleci));
}

TEST(TrustRecords, ComeBackAsTheyWere) {
  TrustConfig config = Config("circleci", kCircleci);
  config.id = "0f8fad5b-d9cb-469f-a165-70867728950e";
  config.created_by = "alice";
  config.created_ms = 7;
  TrustRecord record;
  record.configs = {config, Config("github", kGithub)};
  record.tokens = {{Sha256Digest(), config.id, 99}};
  EXPECT_EQ(DecodeTrustRecord(Encode(record)).value(), record);
  EXPECT_EQ(record.Find(config.id)->created_ms, 7u);
  EXPECT_EQ(record.Find("other"), nullptr);
  EXPECT_EQ(DecodeTrustRecord(Encode(TrustRecord{})).value(), TrustRecord{});
  const TrustedTokenRecord token{"@s/n", "github", "GitHub Actions", config.id, true, false, 1, 2, "repo:o/r"};
  EXPECT_EQ(DecodeTrustedTokenRecord(Encode(token)).value(), token);
  EXPECT_EQ(DecodeTrustedTokenRecord(Encode(record)).code(), Code::kCorruption);
  EXPECT_EQ(DecodeTrustRecord("x").code(), Code::kCorruption);
  TrustRecord broken = record;
  broken.configs[1].claims[0].values.clear();
  EXPECT_EQ(DecodeTrustRecord(Encode(broken)).code(), Code::kCorruption) << "it would match an empty claim";
}

TEST(TrustRecords, UsedIdentitiesStandInTheOrderInWhichTheyEnd) {
  const std::string early = UsedIdentityKey(255, "https://z.example", "z");
  const std::string late = UsedIdentityKey(256, "https://a.example", "a");
  EXPECT_LT(early, late);
  EXPECT_EQ(ExpiryOfUsedIdentity(late).value(), 256u);
  EXPECT_NE(UsedIdentityKey(1, "https://a.example", "b"), UsedIdentityKey(1, "https://a.example", "c"));
  EXPECT_NE(UsedIdentityKey(1, "https://a.example", "b"), UsedIdentityKey(1, "https://b.example", "b"));
  EXPECT_EQ(ExpiryOfUsedIdentity("trust/used/zz").code(), Code::kCorruption);
  EXPECT_EQ(ExpiryOfUsedIdentity("trust/other").code(), Code::kCorruption);
}

TEST(TrustIssuers, AreCheckedWhenConfigured) {
  TrustIssuer good = MakeIssuer("forge-1", TrustIssuer::Kind::kGeneric, "https://forge.example/x");
  good.claims = {{"project", "project", true}};
  EXPECT_TRUE(CheckTrustIssuer(good).ok()) << CheckTrustIssuer(good).ToString();
  struct Case {
    const char* words;
    std::function<void(TrustIssuer*)> break_it;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"name must be", [](TrustIssuer* issuer) { issuer->name = ""; }},
           {"name must be", [](TrustIssuer* issuer) { issuer->name = "A b"; }},
           {"url is missing", [](TrustIssuer* issuer) { issuer->url = ""; }},
           {"must be https", [](TrustIssuer* issuer) { issuer->url = "http://forge.example"; }},
           {"must be https", [](TrustIssuer* issuer) { issuer->url = "http://127.0.0.1.example"; }},
           {"no user, query or fragment", [](TrustIssuer* issuer) { issuer->url = "https://forge.example?x"; }},
           {"no user, query or fragment", [](TrustIssuer* issuer) { issuer->url = "https://a@forge.example"; }},
           {"claims", [](TrustIssuer* issuer) { issuer->claims.clear(); }},
           {"claims", [](TrustIssuer* issuer) { issuer->claims[0].claim.clear(); }},
           {"required", [](TrustIssuer* issuer) { issuer->claims[0].is_required = false; }},
           {"for the kind \"generic\" alone", [](TrustIssuer* issuer) { issuer->kind = TrustIssuer::Kind::kGithub; }},
       }) {
    TrustIssuer issuer = good;
    c.break_it(&issuer);
    const Status status = CheckTrustIssuer(issuer);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << c.words;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.words));
  }
  for (const char* url : {"http://127.0.0.1:8080/x", "http://[::1]:8080", "http://localhost"}) {
    EXPECT_TRUE(CheckIssuerUrl(url).ok()) << url;
  }
}

TEST(TrustIssuers, AudiencesHaveTheHostWithAndWithoutPort) {
  using ::testing::ElementsAre;
  EXPECT_THAT(AudiencesOf("https://npm.example"), ElementsAre("npm:npm.example"));
  EXPECT_THAT(AudiencesOf("http://127.0.0.1:4873/npm"), ElementsAre("npm:127.0.0.1:4873", "npm:127.0.0.1"));
  EXPECT_THAT(AudiencesOf("http://[::1]:4873"), ElementsAre("npm:[::1]:4873", "npm:[::1]"));
  EXPECT_THAT(AudiencesOf("http://[::1]"), ElementsAre("npm:[::1]"));
  EXPECT_THAT(AudiencesOf("nonsense"), ElementsAre());
}

TEST(TrustIssuers, LabelsAreNoAccounts) {
  for (const TrustIssuer& issuer : Issuers()) {
    EXPECT_NE(PublisherLabelOf(issuer).find_first_of(" /"), std::string::npos) << issuer.name;
  }
  EXPECT_EQ(PublisherLabelOf(Issuer("github")), "GitHub Actions");
  EXPECT_EQ(PublisherLabelOf(Issuer("forge")), "trusted publisher forge");
}

}  // namespace
}  // namespace tarn::registry
