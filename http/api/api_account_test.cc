// Logins, profiles, tokens and owners as the clients ask for them.

#include <gtest/gtest.h>

#include "http/api/json_body.h"
#include "http/api/testing/api_fixture.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

using enum Method;

class ApiAccounts : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUserWithPassword("alice");
    token_ = TokenOf("alice");
  }

  Response Login(const std::string& user, const std::string& password, Headers headers = {}) {
    return Ask(kPut, "/-/user/org.couchdb.user:" + user, std::move(headers),
               "{\"_id\":\"org.couchdb.user:" + user + "\",\"name\":" + JsonString(user) +
                   ",\"password\":" + JsonString(password) + ",\"type\":\"user\",\"roles\":[]}");
  }
  static std::string Member(const Response& response, std::string_view key) {
    const auto body = JsonBody::ParseObject(response.text());
    if (!body.ok()) return std::string(response.text());
    const auto value = body->String(key);
    return value.ok() ? value->value_or("(absent)") : "(not a string)";
  }
  Response Mine(Method method, const std::string& target, const std::string& body = "") {
    return Ask(method, target, {Bearer(token_)}, body);
  }

  std::string token_;
};

TEST_F(ApiAccounts, LoginGivesATokenThatWorks) {
  // npm sends the stale token it had, pnpm the new credentials: the body alone decides.
  for (const Headers& headers : {Headers{}, Headers{{"Authorization", "Bearer stale"}}}) {
    const Response response = Login("alice", "secret-alice", headers);
    EXPECT_EQ(response.status(), 201) << response.text();
    EXPECT_TRUE(response.text().starts_with(R"({"ok":true,"id":"org.couchdb.user:alice","rev":")"));
    EXPECT_EQ(response.FindHeader("cache-control"), "no-store");
    EXPECT_EQ(Member(Get("/-/whoami", {Bearer(Member(response, "token"))}), "username"), "alice");
  }
}

TEST_F(ApiAccounts, LoginRefusesWithAReason) {
  EXPECT_EQ(Login("alice", "wrong").status(), 401);
  EXPECT_EQ(Login("stranger", "some-password").status(), 403) << "registration is closed";
  EXPECT_EQ(Ask(kPut, "/-/user/alice", {}, "{}").status(), 404);
  EXPECT_EQ(Ask(kPut, "/-/user/org.couchdb.user:alice", {}, R"({"name":"bob","password":"x"})").status(), 400);
  EXPECT_EQ(Ask(kPut, "/-/user/org.couchdb.user:alice", {}, R"({"name":"alice"})").status(), 400);
  EXPECT_EQ(Ask(kPut, "/-/user/org.couchdb.user:alice", {}, "not json").status(), 400);
}

TEST_F(ApiAccounts, TooManyWrongPasswordsAre429) {
  uint16_t status = 401;
  for (int i = 0; i < 20 && status == 401; ++i) status = Login("alice", "wrong").status();
  EXPECT_EQ(status, 429);
  const Response right = Login("alice", "secret-alice");
  EXPECT_EQ(right.status(), 429);
  EXPECT_EQ(right.FindHeader("retry-after"), "5");
}

TEST_F(ApiAccounts, AUsersPublicFieldsArePublicButForTheAddress) {
  EXPECT_EQ(Member(Get("/-/user/org.couchdb.user:alice"), "email"), "");
  EXPECT_EQ(Member(Mine(kGet, "/-/user/org.couchdb.user:alice?write=true"), "email"), "alice@example.com");
  EXPECT_EQ(Get("/-/user/org.couchdb.user:nobody").status(), 404);
}

TEST_F(ApiAccounts, ProfileChangesTheAddressAndThePassword) {
  EXPECT_EQ(Member(Mine(kGet, "/-/npm/v1/user"), "email"), "alice@example.com");
  // npm sends back all that it got, empty fields as null.
  const Response changed = Mine(kPost, "/-/npm/v1/user", R"({"email":"new@example.com","fullname":null,"github":""})");
  EXPECT_EQ(changed.status(), 200) << changed.text();
  EXPECT_EQ(Member(changed, "email"), "new@example.com");
  EXPECT_EQ(Mine(kPost, "/-/npm/v1/user", R"({"password":{"old":"wrong","new":"another-secret"}})").status(), 401);
  EXPECT_EQ(Mine(kPost, "/-/npm/v1/user", R"({"password":{"old":"secret-alice"}})").status(), 400);
  EXPECT_EQ(Mine(kPost, "/-/npm/v1/user", R"({"password":{"old":"secret-alice","new":"another-secret"}})").status(),
            200);
  EXPECT_EQ(Login("alice", "another-secret").status(), 201);
}

TEST_F(ApiAccounts, ABadAddressLeavesThePasswordAlone) {
  const char* body = R"({"email":"nonsense","password":{"old":"secret-alice","new":"another-secret"}})";
  EXPECT_EQ(Mine(kPost, "/-/npm/v1/user", body).status(), 400);
  EXPECT_EQ(Login("alice", "secret-alice").status(), 201);
}

TEST_F(ApiAccounts, AnAdministratorsTokenIsNotEnoughToChangeTheirPassword) {
  AddUserWithPassword("root", registry::Registry::Admin::kYes);
  const Headers root = {Bearer(TokenOf("root"))};
  EXPECT_EQ(Ask(kPost, "/-/npm/v1/user", root, R"({"password":{"old":"wrong","new":"another-secret"}})").status(), 401);
  EXPECT_EQ(Login("root", "secret-root").status(), 201);
}

TEST_F(ApiAccounts, TokensAreMadeListedAndRevoked) {
  const Response made =
      Mine(kPost, "/-/npm/v1/tokens",
           R"({"password":"secret-alice","readonly":true,"cidr_whitelist":["127.0.0.0/8"],"name":"ci","expires":7})");
  ASSERT_EQ(made.status(), 201) << made.text();
  const std::string token = Member(made, "token");
  EXPECT_EQ(Member(made, "expiry"), FormatIsoTime(clock_.NowMs() + 7 * 24 * 3600 * 1000));
  EXPECT_NE(made.text().find(R"("readonly":true)"), std::string_view::npos);
  EXPECT_NE(made.text().find(R"("cidr_whitelist":["127.0.0.0/8"])"), std::string_view::npos);
  EXPECT_EQ(Get("/-/whoami", {Bearer(token)}).status(), 200);

  const Response list = Mine(kGet, "/-/npm/v1/tokens");
  EXPECT_NE(list.text().find(R"("name":"ci")"), std::string_view::npos);
  EXPECT_NE(list.text().find(R"("urls":{}})"), std::string_view::npos);
  EXPECT_EQ(list.text().find(token), std::string_view::npos) << "shown once only";
  const Response page = Mine(kGet, "/-/npm/v1/tokens?perPage=1");
  EXPECT_NE(page.text().find(R"("next":"http://127.0.0.1:4873/-/npm/v1/tokens?page=1&perPage=1")"),
            std::string_view::npos);

  EXPECT_EQ(Mine(kDelete, "/-/npm/v1/tokens/token/" + Member(made, "key")).status(), 204);
  EXPECT_EQ(Get("/-/whoami", {Bearer(token)}).status(), 401);
  EXPECT_EQ(Mine(kDelete, "/-/npm/v1/tokens/token/" + Member(made, "key")).status(), 404);
}

TEST_F(ApiAccounts, TokensAreNeverWiderThanAsked) {
  const auto status = [&](const std::string& members) {
    return Mine(kPost, "/-/npm/v1/tokens", "{\"password\":\"secret-alice\"," + members + "}").status();
  };
  EXPECT_EQ(status(R"("cidr_whitelist":["300.0.0.0/8"])"), 400);
  EXPECT_EQ(status(R"("packages":[],"packages_all":false,"scopes":[],"orgs":null,"bypass_2fa":false)"), 201);
  EXPECT_EQ(Mine(kPost, "/-/npm/v1/tokens", R"({"password":"wrong"})").status(), 401);
  EXPECT_EQ(Mine(kPost, "/-/npm/v1/tokens", "{}").status(), 401);
}

TEST_F(ApiAccounts, ExpiryIsDaysOrATime) {
  const auto ask = [&](const std::string& expires) {
    return Mine(kPost, "/-/npm/v1/tokens", "{\"password\":\"secret-alice\",\"expires\":" + expires + "}");
  };
  EXPECT_EQ(Member(ask("\"2030-01-31T00:00:00.000Z\""), "expires"), "2030-01-31T00:00:00.000Z");
  EXPECT_EQ(ask("null").status(), 201);
  for (const char* bad :
       {"0", "36501", "-1", "1.5", "\"\"", "\"soon\"", "\"2001-01-01T00:00:00.000Z\"", "[]", "true"}) {
    EXPECT_EQ(ask(bad).status(), 400) << bad;
  }
}

TEST_F(ApiAccounts, OwnersOneAtATime) {
  AddUserWithPassword("bob");
  ASSERT_EQ(PublishAs(token_, PublishBuilder()).status(), 201);
  EXPECT_EQ(Get("/-/package/left/owners").text(), R"([{"username":"alice","email":"alice@example.com"}])");
  EXPECT_EQ(Mine(kPut, "/-/package/left/owners", R"({"user":"bob"})").status(), 200);
  EXPECT_EQ(Mine(kPut, "/-/package/left/owners", R"({"user":"bob"})").status(), 200) << "twice is once";
  EXPECT_EQ(Get("/-/package/left/owners").text(),
            R"([{"username":"alice","email":"alice@example.com"},{"username":"bob","email":"bob@example.com"}])");
  EXPECT_EQ(Get("/-/package/left/collaborators").text(), R"({"alice":"write","bob":"write"})");
  EXPECT_EQ(Ask(kDelete, "/-/package/left/owners/alice", {Bearer(TokenOf("bob"))}).status(), 200);
  EXPECT_EQ(Mine(kPut, "/-/package/left/owners", R"({"user":"alice"})").status(), 403) << "not hers any more";
  const Headers bob = {Bearer(TokenOf("bob"))};
  EXPECT_EQ(Ask(kDelete, "/-/package/left/owners/bob", bob).status(), 400) << "somebody stays";
  EXPECT_EQ(Ask(kDelete, "/-/package/left/owners/alice", bob).status(), 404) << "she is none";
  EXPECT_EQ(Ask(kPut, "/-/package/left/owners", bob, R"({"user":"nobody"})").status(), 400);
  EXPECT_EQ(Ask(kPut, "/-/package/left/owners", bob, "{}").status(), 400);
  EXPECT_EQ(Ask(kPut, "/-/package/no-such/owners", bob, R"({"user":"bob"})").status(), 404);
}

TEST_F(ApiAccounts, AccessCanBeAskedAndSet) {
  PublishBuilder builder;
  builder.name = "@alice/thing";
  ASSERT_EQ(PublishAs(token_, builder).status(), 201);
  const std::string path = "/-/package/@alice%2fthing/";
  EXPECT_EQ(Get(path + "visibility").text(), R"({"public":true})");
  EXPECT_EQ(Mine(kPost, path + "access", R"({"publish_requires_tfa":false})").status(), 200) << "as it is";
  EXPECT_EQ(Mine(kPost, path + "access", "{}").status(), 400);
  EXPECT_EQ(Mine(kPost, path + "access", R"({"access":"restricted"})").status(), 200);
  EXPECT_EQ(Mine(kPost, path + "access", R"({"publish_requires_tfa":false})").status(), 200);
  EXPECT_EQ(Mine(kGet, path + "access").text(), R"({"access":"restricted"})");
  EXPECT_EQ(Get(path + "access").status(), 404);
}

TEST_F(ApiAccounts, DistTagsAsTheClientsSetThem) {
  ASSERT_EQ(PublishAs(token_, PublishBuilder()).status(), 201);
  const Response added = Mine(kPut, "/-/package/left/dist-tags/beta", "\"1.0.0\"");
  EXPECT_EQ(added.status(), 201);
  EXPECT_TRUE(added.text().starts_with(R"({"ok":"dist-tags updated")"));
  EXPECT_EQ(Get("/-/package/left/dist-tags").text(), R"({"beta":"1.0.0","latest":"1.0.0"})");
  EXPECT_EQ(Get("/-/package/left/dist-tags/beta").text(), "\"1.0.0\"");
  EXPECT_EQ(Get("/-/package/left/dist-tags/nowhere").status(), 404);
  EXPECT_EQ(Mine(kPost, "/-/package/left/dist-tags/gamma", "\"1.0.0\"").status(), 201) << "old clients";
  EXPECT_EQ(Mine(kPut, "/-/package/left/dist-tags/beta", "1.0.0").status(), 400);
  EXPECT_EQ(Mine(kPut, "/-/package/left/dist-tags/1.x", "\"1.0.0\"").status(), 400) << "a range is no tag";
  EXPECT_EQ(Mine(kPut, "/-/package/left/dist-tags/beta", "\"9.9.9\"").status(), 400);
  EXPECT_EQ(Mine(kDelete, "/-/package/left/dist-tags/beta").status(), 201);
  EXPECT_EQ(Mine(kDelete, "/-/package/left/dist-tags/latest").status(), 403);
}

}  // namespace
}  // namespace tarn::http
