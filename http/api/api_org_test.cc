// Organisations, teams, grants and access as the clients ask for them (contract 10).

#include <gtest/gtest.h>

#include "http/api/testing/api_fixture.h"

namespace tarn::http {
namespace {

using enum Method;

class ApiOrg : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    for (const char* user : {"alice", "bob", "carol"}) AddUser(user);
    alice_ = TokenOf("alice");
    bob_ = TokenOf("bob");
    carol_ = TokenOf("carol");
    PublishBuilder builder;
    builder.name = "@corp/secret";
    builder.access = "restricted";
    ASSERT_EQ(PublishAs(alice_, builder).status(), 201);
  }
  // "201 {…}"
  std::string As(const std::string& token, Method method, const std::string& target, const std::string& body = "",
                 Headers headers = {}) {
    if (!token.empty()) headers.push_back(Bearer(token));
    const Response response = Ask(method, target, std::move(headers), body);
    return std::to_string(response.status()) + (response.text().empty() ? "" : " " + std::string(response.text()));
  }
  uint16_t Status(const std::string& token, Method method, const std::string& target, const std::string& body = "") {
    return Ask(method, target, token.empty() ? Headers{} : Headers{Bearer(token)}, body).status();
  }
  uint16_t Reads(const std::string& token) { return Status(token, kGet, "/@corp%2fsecret"); }
  void Join(const char* user) {
    ASSERT_EQ(Status(alice_, kPut, "/-/org/corp/user", std::string(R"({"user":")") + user + "\"}"), 201);
  }

  std::string alice_, bob_, carol_;
};

TEST_F(ApiOrg, Members) {
  EXPECT_EQ(As(alice_, kPut, "/-/org/corp/user", R"({"user":"bob","role":"admin"})"),
            R"(201 {"org":{"name":"corp","size":2},"user":"bob","role":"admin"})");
  EXPECT_EQ(As(alice_, kPut, "/-/org/%40corp/user", R"({"user":"@bob"})"),
            R"(201 {"org":{"name":"corp","size":2},"user":"bob","role":"admin"})")
      << "with @, and the role stays";
  EXPECT_EQ(As(bob_, kGet, "/-/org/corp/user"), R"(200 {"alice":"owner","bob":"admin"})");
  EXPECT_EQ(Status(alice_, kPut, "/-/org/corp/user", R"({"user":"bob","role":"king"})"), 400);
  EXPECT_EQ(Status(alice_, kPut, "/-/org/corp/user", "{}"), 400);
  EXPECT_EQ(Status(alice_, kPut, "/-/org/corp/user", "[]"), 400);
  EXPECT_EQ(Status(alice_, kPut, "/-/org/corp/user", R"({"user":"nobody"})"), 404);
  EXPECT_EQ(As(alice_, kDelete, "/-/org/corp/user", R"({"user":"bob"})"), "200 {}");
  EXPECT_EQ(Status(alice_, kDelete, "/-/org/corp/user", R"({"user":"alice"})"), 403) << "the last owner";
  EXPECT_EQ(As(bob_, kGet, "/-/org/corp/user"), As(bob_, kGet, "/-/org/none/user"));
}

TEST_F(ApiOrg, Teams) {
  Join("bob");
  EXPECT_EQ(As(alice_, kPut, "/-/org/corp/team", R"({"name":"ops","description":"runs it"})"), R"(201 {"name":"ops"})");
  EXPECT_EQ(Status(alice_, kPut, "/-/org/corp/team", R"({"name":"ops"})"), 403);
  EXPECT_EQ(As(bob_, kGet, "/-/org/corp/team?format=cli"), R"(200 ["corp:developers","corp:ops"])");
  EXPECT_EQ(As(bob_, kGet, "/-/org/corp/team"), R"(200 [{"name":"developers"},{"name":"ops"}])");
  EXPECT_EQ(As(alice_, kPut, "/-/team/corp/ops/user", R"({"user":"bob"})"), "201 {}");
  EXPECT_EQ(Status(alice_, kPut, "/-/team/corp/ops/user", R"({"user":"carol"})"), 400) << "not in the organisation";
  EXPECT_EQ(As(bob_, kGet, "/-/team/corp/ops/user?format=cli"), R"(200 ["bob"])");
  EXPECT_EQ(As(bob_, kGet, "/-/team/@corp/ops/user"), R"(200 [{"name":"bob"}])");
  EXPECT_EQ(As(bob_, kGet, "/-/org/corp/ops/user?format=cli"), R"(200 ["bob"])") << "of the published API";
  EXPECT_EQ(As(alice_, kDelete, "/-/team/corp/ops/user", R"({"user":"bob"})"), "200 {}");
  EXPECT_EQ(As(alice_, kDelete, "/-/org/corp/ops"), "200 {}");
  EXPECT_EQ(Status(alice_, kDelete, "/-/team/corp/ops"), 404);
  EXPECT_EQ(Status(alice_, kDelete, "/-/team/corp/developers"), 403);
  EXPECT_EQ(Status(bob_, kPut, "/-/org/corp/team", R"({"name":"mine"})"), 403);
}

TEST_F(ApiOrg, GrantsCountInTheNextRequest) {
  Join("bob");
  const std::string team = "/-/team/corp/developers/package";
  EXPECT_EQ(As(bob_, kGet, team), R"(200 {"@corp/secret":"write"})");
  EXPECT_EQ(Reads(bob_), 200);
  EXPECT_EQ(As(alice_, kDelete, team, R"({"package":"@corp/secret"})"), "200 {}");
  EXPECT_EQ(Reads(bob_), 404);
  EXPECT_EQ(Status(bob_, kGet, "/@corp/secret/-/secret-1.0.0.tgz"), 404);
  EXPECT_EQ(As(alice_, kPut, team, R"({"package":"@corp/secret","permissions":"read-only"})"), "201 {}");
  EXPECT_EQ(Reads(bob_), 200);
  EXPECT_EQ(Status(bob_, kPut, "/-/package/@corp%2fsecret/dist-tags/beta", "\"1.0.0\""), 403);
  EXPECT_EQ(As(alice_, kPut, team, R"({"package":"@corp/secret","permissions":"read-write"})"), "201 {}");
  EXPECT_EQ(Status(bob_, kPut, "/-/package/@corp%2fsecret/dist-tags/beta", "\"1.0.0\""), 201);
  EXPECT_EQ(Status(alice_, kPut, team, R"({"package":"@corp/secret","permissions":"all"})"), 400);
  EXPECT_EQ(Status(alice_, kPut, team, R"({"permissions":"read-only"})"), 400);
  EXPECT_EQ(Status(alice_, kPut, team, R"({"package":"../..","permissions":"read-only"})"), 404);
  EXPECT_EQ(Status(alice_, kPut, "/-/team/corp/none/package", R"({"package":"@corp/secret","permissions":"read"})"),
            404);
  EXPECT_EQ(Status(alice_, kDelete, "/-/org/corp/user", R"({"user":"bob"})"), 200);
  EXPECT_EQ(Reads(bob_), 404);
}

TEST_F(ApiOrg, ListsOfPackagesAndCollaborators) {
  Join("bob");
  EXPECT_EQ(As(bob_, kGet, "/-/-/package?format=cli"), R"(200 {"@corp/secret":"write"})");
  EXPECT_EQ(As(bob_, kGet, "/-/user/bob/package"), R"(200 {"@corp/secret":"write"})");
  EXPECT_EQ(As(bob_, kGet, "/-/org/corp/package"), R"(200 {"@corp/secret":"write"})");
  EXPECT_EQ(As(carol_, kGet, "/-/-/package"), "200 {}");
  EXPECT_EQ(Status("", kGet, "/-/-/package"), 401);
  const std::string path = "/-/package/@corp%2fsecret/collaborators";
  EXPECT_EQ(As(bob_, kGet, path), R"(200 {"alice":"write","bob":"write"})");
  EXPECT_EQ(As(bob_, kGet, path + "?format=cli&user=bob", "", {{"User-Agent", "npm/6.14.18 node/v20.0.0"}}),
            R"(200 {"bob":"write"})");
  EXPECT_EQ(As(bob_, kGet, path + "?format=cli", "", {{"User-Agent", "pnpm/12.0.0 npm/? node/v24.0.0"}}),
            R"(200 [{"username":"alice","email":"alice@example.com","permissions":"write"},)"
            R"({"username":"bob","email":"bob@example.com","permissions":"write"}])");
  EXPECT_EQ(Status(carol_, kGet, path), 404);
}

TEST_F(ApiOrg, StrangersAreToldNothing) {
  for (const std::string& who : {std::string(), carol_}) {
    for (const char* rest : {"/-/org/%/user", "/-/org/%/team?format=cli", "/-/team/%/developers/user",
                             "/-/team/%/developers/package", "/-/org/%/package"}) {
      const auto about = [&](const std::string& org) {
        std::string target = rest;
        target.replace(target.find('%'), 1, org);
        std::string answer = As(who, kGet, target);
        if (const size_t at = answer.find(org); at != std::string::npos) answer.replace(at, org.size(), "%");
        return answer.substr(0, answer.find("%"));
      };
      EXPECT_EQ(about("corp"), about("none")) << rest;
      EXPECT_EQ(about("corp").substr(0, 3), "404") << rest;
    }
  }
}

TEST_F(ApiOrg, YarnClassicWithoutTheDash) {
  Join("bob");
  const Headers yarn = {{"User-Agent", "yarn/1.22.22 npm/? node/v20.0.0 linux x64"}};
  EXPECT_EQ(As(alice_, kPut, "/team/corp", R"({"team":"ops"})", yarn), R"(201 {"name":"ops"})");
  EXPECT_EQ(As(alice_, kPut, "/team/corp/ops/user", R"({"user":"bob"})", yarn), "201 {}");
  EXPECT_EQ(As(bob_, kGet, "/org/corp/team?format=cli", "", yarn), R"(200 ["corp:developers","corp:ops"])");
  EXPECT_EQ(As(bob_, kGet, "/team/corp/ops/user?format=cli", "", yarn), R"(200 ["bob"])");
  EXPECT_EQ(As(alice_, kDelete, "/team/corp/ops/user", R"({"user":"bob"})", yarn), "200 {}");
  EXPECT_EQ(As(alice_, kDelete, "/team/corp/ops", "", yarn), "200 {}");
  // Packages of these names are there for everybody, and others have no such paths.
  PublishBuilder builder;
  builder.name = "team";
  ASSERT_EQ(PublishAs(alice_, builder).status(), 201);
  for (const Headers& headers : {yarn, Headers{}}) {
    EXPECT_EQ(Ask(kGet, "/team/1.0.0", headers).status(), 200);
    EXPECT_EQ(Ask(kGet, "/team/-/team-1.0.0.tgz", headers).status(), 200);
  }
  EXPECT_EQ(Status(alice_, kPut, "/team/corp", R"({"team":"ops"})"), 405);
  EXPECT_EQ(Status(bob_, kGet, "/org/corp/team?format=cli"), 404);
}

TEST_F(ApiOrg, PublishingThatAsksForASecondFactor) {
  PublishBuilder builder;
  ASSERT_EQ(PublishAs(alice_, builder).status(), 201);
  const std::string path = "/-/package/left/access";
  EXPECT_EQ(Status(bob_, kPost, path, R"({"publish_requires_tfa":true})"), 403);
  EXPECT_EQ(Status(alice_, kPost, path, R"({"publish_requires_tfa":"yes"})"), 400);
  EXPECT_EQ(Status(alice_, kPost, path, "{}"), 400);
  EXPECT_EQ(Status(alice_, kPost, path, R"({"publish_requires_tfa":true,"automation_token_overrides_tfa":false})"),
            200);
  builder.version = "2.0.0";
  EXPECT_EQ(PublishAs(alice_, builder).status(), 403) << "her account has none";
  EXPECT_EQ(Status(alice_, kPost, path, R"({"publish_requires_tfa":false})"), 403) << "nor can she end it without one";
  EXPECT_EQ(As("", kGet, path), R"(200 {"access":"public"})");
}

}  // namespace
}  // namespace tarn::http
