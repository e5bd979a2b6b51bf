// Tokens that are limited to packages, scopes, organisations and acts, as clients make them and as they are enforced.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/api/json_body.h"
#include "http/api/testing/api_fixture.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

using enum Method;
using ::testing::HasSubstr;
using ::testing::Not;

class ApiTokenLimits : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUserWithPassword("root", registry::Registry::Admin::kYes);
    AddUserWithPassword("alice");
    AddUser("bob");
    alice_ = TokenOf("alice");
    PublishBuilder builder;
    ASSERT_EQ(PublishAs(alice_, builder).status(), 201);
    builder.access = "restricted";
    for (const char* name : {"@alice/one", "@alice/two"}) {
      builder.name = name;
      ASSERT_EQ(PublishAs(alice_, builder).status(), 201);
    }
  }

  Response Make(const std::string& user, const std::string& members) {
    const std::string& token = user == "alice" ? alice_ : *root_;
    return Ask(kPost, "/-/npm/v1/tokens", {Bearer(token)},
               "{\"name\":\"t\",\"password\":\"secret-" + user + "\"," + members + "}");
  }
  std::string Limited(const std::string& members, const std::string& user = "alice") {
    if (user == "root" && !root_) root_ = TokenOf("root");
    const Response made = Make(user, members);
    EXPECT_EQ(made.status(), 201) << made.text();
    return *JsonBody::ParseObject(made.text())->String("token").value();
  }
  static std::string Packages(const std::string& list, const std::string& permission) {
    return "\"packages\":[" + list + "],\"packages_and_scopes_permission\":\"" + permission + "\"";
  }
  uint16_t Publish(const std::string& token, const std::string& name, const std::string& version) {
    PublishBuilder builder;
    builder.name = name;
    builder.version = version;
    builder.access = name.starts_with('@') ? "restricted" : "";
    return PublishAs(token, builder).status();
  }
  uint16_t Read(const std::string& token, const std::string& path) { return Get(path, {Bearer(token)}).status(); }

  std::string alice_;
  std::optional<std::string> root_;
};

TEST_F(ApiTokenLimits, APackageTokenReachesItsPackagesAlone) {
  const std::string token = Limited(Packages("\"@alice/one\"", "read-write"));
  EXPECT_EQ(Read(token, "/@alice%2fone"), 200);
  EXPECT_EQ(Read(token, "/left"), 200) << "as anybody";
  EXPECT_EQ(Publish(token, "@alice/one", "1.1.0"), 201);
  EXPECT_EQ(Ask(kPut, "/-/package/@alice%2fone/dist-tags/beta", {Bearer(token)}, "\"1.1.0\"").status(), 201);
  for (const char* path : {"/@alice%2ftwo", "/@alice%2ftwo/1.0.0", "/@alice%2ftwo/-/two-1.0.0.tgz",
                           "/-/package/@alice%2ftwo/dist-tags", "/-/package/@alice%2ftwo/visibility"}) {
    EXPECT_EQ(Read(token, path), 404) << path;
  }
  EXPECT_EQ(Publish(token, "@alice/two", "1.1.0"), 403);
  EXPECT_EQ(Publish(token, "@alice/three", "1.1.0"), 403) << "and what does not exist answers the same";
  EXPECT_EQ(Publish(token, "left", "1.1.0"), 403);
  EXPECT_EQ(Ask(kPut, "/-/package/@alice%2ftwo/dist-tags/beta", {Bearer(token)}, "\"1.0.0\"").status(), 404);
  EXPECT_EQ(Ask(kPut, "/-/package/left/dist-tags/beta", {Bearer(token)}, "\"1.0.0\"").status(), 403);
  EXPECT_EQ(TagsOf("left"), "latest=1.0.0 ");
  EXPECT_EQ(TagsOf("@alice/two"), "latest=1.0.0 ");
}

TEST_F(ApiTokenLimits, ListsHoldWhatTheTokenMayRead) {
  const Headers limited = {Bearer(Limited(Packages("\"@alice/one\"", "read-only")))};
  for (const char* path : {"/-/v1/search?text=alice", "/-/user/alice/package"}) {
    EXPECT_THAT(std::string(BodyOf(Get(path, {Bearer(alice_)}))), HasSubstr("@alice/two")) << path;
    const std::string seen = BodyOf(Get(path, limited));
    EXPECT_THAT(seen, HasSubstr("@alice/one")) << path;
    EXPECT_THAT(seen, Not(HasSubstr("@alice/two"))) << path;
  }
}

TEST_F(ApiTokenLimits, PublishOnlyPublishesAndNothingElse) {
  const std::string token = Limited("\"scopes\":[\"@alice\"],\"packages_and_scopes_permission\":\"publish-only\"");
  EXPECT_EQ(Publish(token, "@alice/one", "1.1.0"), 201);
  EXPECT_EQ(Publish(token, "@alice/new", "1.0.0"), 201);
  EXPECT_EQ(Publish(token, "left", "1.1.0"), 403);
  EXPECT_EQ(Read(token, "/@alice%2fone"), 404);
  EXPECT_EQ(Read(token, "/@alice%2fone/-/one-1.0.0.tgz"), 404);
  EXPECT_EQ(Ask(kPut, "/-/package/@alice%2fone/dist-tags/beta", {Bearer(token)}, "\"1.0.0\"").status(), 404);
  EXPECT_EQ(Ask(kDelete, "/@alice%2fone/-rev/" + RevOf("@alice/one"), {Bearer(token)}).status(), 404);
  const std::string star = R"({"_id":"@alice/one","_rev":")" + RevOf("@alice/one") + R"(","users":{"alice":true}})";
  EXPECT_EQ(Ask(kPut, "/@alice%2fone", {Bearer(token)}, star).status(), 404);
  const std::string deprecate = R"({"_id":"@alice/one","name":"@alice/one","versions":{"1.0.0":{"name":"@alice/one",)"
                                R"("version":"1.0.0","deprecated":"no"}}})";
  EXPECT_EQ(Ask(kPut, "/@alice%2fone", {Bearer(token)}, deprecate).status(), 400) << "as a new name without a tarball";
  EXPECT_THAT(Packument(As("alice"), "@alice/one").value(), Not(HasSubstr("\"deprecated\"")));
  EXPECT_EQ(TagsOf("@alice/one"), "latest=1.1.0 ");
}

TEST_F(ApiTokenLimits, ReadOnlyAndStageOnlyPublishNothing) {
  for (const char* permission : {"read-only", "read-write-stage-only"}) {
    const std::string token =
        Limited(std::string("\"scopes\":[\"@alice\"],\"packages_and_scopes_permission\":\"") + permission + "\"");
    EXPECT_EQ(Read(token, "/@alice%2fone"), 200) << permission;
    EXPECT_EQ(Publish(token, "@alice/one", "1.1.0"), 403) << permission;
    EXPECT_EQ(Publish(token, "@alice/new", "1.0.0"), 403) << permission;
    EXPECT_EQ(Ask(kDelete, "/-/package/@alice%2fone/dist-tags/latest", {Bearer(token)}).status(), 403) << permission;
  }
}

TEST_F(ApiTokenLimits, NoLimitedTokenTouchesTheAccount) {
  for (const std::string& members :
       {std::string("\"packages_all\":true,\"packages_and_scopes_permission\":\"read-write\",\"bypass_2fa\":true"),
        std::string("\"orgs\":[\"acme\"],\"orgs_permission\":\"read-write\"")}) {
    const std::string token = Limited(members);
    const Headers limited = {Bearer(token)};
    EXPECT_EQ(Get("/-/whoami", limited).status(), 200);
    EXPECT_EQ(Get("/-/npm/v1/tokens", limited).status(), 403) << "tokens name packages";
    EXPECT_EQ(Ask(kPost, "/-/npm/v1/tokens", limited, R"({"password":"secret-alice"})").status(), 403);
    EXPECT_EQ(Ask(kPost, "/-/npm/v1/user", limited, R"({"email":"x@example.com"})").status(), 403);
    const std::string password = R"({"password":{"old":"secret-alice","new":"another-secret"}})";
    EXPECT_EQ(Ask(kPost, "/-/npm/v1/user", limited, password).status(), 403);
    const std::string enrol = R"({"tfa":{"password":"secret-alice","mode":"auth-only"}})";
    EXPECT_EQ(Ask(kPost, "/-/npm/v1/user", limited, enrol).status(), 403);
    EXPECT_EQ(Ask(kDelete, "/-/npm/v1/tokens/token/" + alice_, limited).status(), 403);
    EXPECT_EQ(Get("/-/whoami", {Bearer(alice_)}).status(), 200);
    EXPECT_EQ(Ask(kDelete, "/-/npm/v1/tokens/token/" + token, limited).status(), 204) << "itself: a logout";
    EXPECT_EQ(Get("/-/whoami", limited).status(), 401);
  }
}

TEST_F(ApiTokenLimits, AnAdministratorsIsNoAdministratorsOutsideItsPackages) {
  const std::string token = Limited(Packages("\"@alice/one\"", "read-write"), "root");
  EXPECT_EQ(Read(token, "/@alice%2fone"), 200);
  EXPECT_EQ(Publish(token, "@alice/one", "1.1.0"), 201);
  EXPECT_EQ(Read(token, "/@alice%2ftwo"), 404);
  EXPECT_EQ(Publish(token, "@alice/two", "1.1.0"), 403);
  EXPECT_EQ(Publish(token, "left", "1.1.0"), 403);
  const auto info = registry_->Authenticate(
      {.kind = registry::Credentials::Kind::kBearer, .token = token, .user = "", .password = ""}, {});
  ASSERT_TRUE(info.ok());
  EXPECT_FALSE(info->principal.is_admin);
  EXPECT_EQ(registry_->ListUsers(info->principal).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->RemoveUser(info->principal, "bob").code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->RotateSigningKey(info->principal).code(), Code::kPermissionDenied);
}

TEST_F(ApiTokenLimits, FoundingAnOrganisationTakesATokenForIt) {
  EXPECT_EQ(
      Publish(Limited("\"scopes\":[\"@acme\"],\"packages_and_scopes_permission\":\"read-write\""), "@acme/a", "1.0.0"),
      403);
  EXPECT_EQ(Publish(Limited("\"scopes\":[\"@acme\"],\"packages_and_scopes_permission\":\"read-write\","
                            "\"orgs\":[\"acme\"],\"orgs_permission\":\"read-write\""),
                    "@acme/a", "1.0.0"),
            201);
}

TEST_F(ApiTokenLimits, RevokedAtOnceThoughJustBelieved) {
  const std::string token = Limited(Packages("\"@alice/one\"", "read-write"));
  EXPECT_EQ(Read(token, "/@alice%2fone"), 200);
  EXPECT_EQ(Read(token, "/-/whoami"), 200);
  EXPECT_EQ(Ask(kDelete, "/-/npm/v1/tokens/token/" + token, {Bearer(alice_)}).status(), 204);
  EXPECT_EQ(Read(token, "/@alice%2fone"), 401);
  EXPECT_EQ(Publish(token, "@alice/one", "1.1.0"), 401);
}

TEST_F(ApiTokenLimits, AnswerAndListSayWhatItIsLimitedTo) {
  const Response made =
      Make("alice",
           "\"packages\":[\"@alice/one\",\"left*\"],\"scopes\":[\"team\"],\"orgs\":[\"@acme\"],"
           "\"packages_and_scopes_permission\":\"read-write\",\"orgs_permission\":\"read-only\",\"bypass_2fa\":true,"
           "\"token_description\":\"for tests\",\"cidr\":[\"127.0.0.0/8\"],\"expires\":7");
  ASSERT_EQ(made.status(), 201) << made.text();
  const std::string list = BodyOf(Get("/-/npm/v1/tokens", {Bearer(alice_)}));
  for (const std::string& text : {std::string(made.text()), list}) {
    EXPECT_THAT(text, HasSubstr(R"("scopes":[{"type":"package","name":"@alice/one"},{"type":"package","name":"left*"},)"
                                R"({"type":"scope","name":"@team"},{"type":"org","name":"acme"}])"));
    EXPECT_THAT(text,
                HasSubstr(R"("permissions":[{"name":"package","action":"write"},{"name":"org","action":"read"}])"));
    EXPECT_THAT(text, HasSubstr(R"("readonly":false,"automation":true,"bypass_2fa":true)"));
    EXPECT_THAT(text, HasSubstr(R"("description":"for tests")"));
    EXPECT_THAT(text, HasSubstr(R"("cidr_whitelist":["127.0.0.0/8"],"cidr":["127.0.0.0/8"])"));
  }
  EXPECT_THAT(list, HasSubstr(R"("scopes":[{"type":"package","name":"*"}],"permissions":[{"name":"package",)"
                              R"("action":"write"}])"))
      << "the one without limits";
  const Response reader = Make("alice", Packages("\"*\"", "read-only"));
  EXPECT_THAT(std::string(reader.text()), HasSubstr("\"readonly\":true"));
}

TEST_F(ApiTokenLimits, RefusesWhatDoesNotFitTogether) {
  for (const char* members :
       {R"("packages":["left"])", R"("scopes":["@alice"])", R"("orgs":["acme"])", R"("bypass_2fa":true)",
        R"("packages_and_scopes_permission":"read-only")", R"("packages_and_scopes_permission":"no-access")",
        R"("packages":["a"],"packages_and_scopes_permission":"admin")", R"("packages":"a")", R"("packages":[1])",
        R"("orgs":["acme"],"orgs_permission":"publish-only")", R"("packages_all":"yes")",
        R"("packages":["no:such"],"packages_and_scopes_permission":"read-only")",
        R"("packages_all":true,"packages_and_scopes_permission":"read-only","expires":"9999-01-01T00:00:00.000Z")"}) {
    const Response refused = Make("alice", members);
    EXPECT_EQ(refused.status(), 400) << members << " " << refused.text();
  }
  EXPECT_EQ(Ask(kPost, "/-/npm/v1/tokens", {Bearer(alice_)},
                R"({"password":"secret-alice","packages":["a"],"packages_and_scopes_permission":"read-only"})")
                .status(),
            400)
      << "without a name";
}

}  // namespace
}  // namespace tarn::http
