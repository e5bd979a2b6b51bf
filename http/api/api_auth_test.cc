// Who is asking, and what they may do without the registry being asked about packages.

#include <gtest/gtest.h>

#include "http/api/testing/api_fixture.h"
#include "storage/base/bytes.h"

namespace tarn::http {
namespace {

class ApiAuth : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUserWithPassword("alice");
    token_ = TokenOf("alice");
  }

  uint16_t WhoamiStatus(const std::string& authorization) {
    return Get("/-/whoami", {{"Authorization", authorization}}).status();
  }

  std::string token_;
};

TEST_F(ApiAuth, KnowsTokensAndPasswords) {
  const Response response = Get("/-/whoami", {Bearer(token_)});
  EXPECT_EQ(response.text(), R"({"username":"alice"})");
  EXPECT_EQ(response.FindHeader("cache-control"), "no-store");
  EXPECT_EQ(WhoamiStatus("bearer " + token_), 200);
  EXPECT_EQ(WhoamiStatus("Basic " + Base64Encode("alice:secret-alice")), 200);
  EXPECT_EQ(WhoamiStatus("Basic " + Base64Encode("alice:" + token_)), 200);
}

TEST_F(ApiAuth, Says401AndWhy) {
  for (const std::string& authorization :
       {std::string("Bearer nonsense"), "Bearer " + token_ + "x", std::string("Digest x"), std::string("Basic !"),
        "Basic " + Base64Encode("alice:wrong"), "Basic " + Base64Encode("nobody:secret-alice")}) {
    const Response response = Get("/-/whoami", {{"Authorization", authorization}});
    EXPECT_EQ(response.status(), 401) << authorization;
    EXPECT_EQ(response.FindHeader("www-authenticate"), "Bearer, Basic realm=\"tarn\"")
        << "no OTP, which npm would ask for";
  }
  EXPECT_EQ(Get("/-/whoami").status(), 401);
  EXPECT_EQ(Get("/-/whoami", {{"Authorization", ""}}).status(), 401) << "an empty header shows nobody";
}

TEST_F(ApiAuth, ABadTokenIsToldOnPublicReadsToo) {
  EXPECT_EQ(Get("/no-such-package").status(), 404);
  EXPECT_EQ(Get("/no-such-package", {{"Authorization", "Bearer stale"}}).status(), 401);
}

TEST_F(ApiAuth, TokensExpire) {
  registry::TokenSpec spec;
  spec.expires_ms = clock_.NowMs() + 60'000;
  const std::string token = TokenOf("alice", spec);
  EXPECT_EQ(WhoamiStatus("Bearer " + token), 200);
  clock_.AdvanceMs(60'000);
  const Response response = Get("/-/whoami", {Bearer(token)});
  EXPECT_EQ(response.status(), 401);
  EXPECT_NE(response.text().find("expired"), std::string_view::npos);
}

TEST_F(ApiAuth, TokensCanBeLimitedToNetworks) {
  registry::TokenSpec spec;
  spec.cidrs = {"192.0.2.0/24"};
  const std::string token = TokenOf("alice", spec);
  const Response response = Get("/-/whoami", {Bearer(token)});
  EXPECT_EQ(response.status(), 401);
  EXPECT_EQ(response.FindHeader("www-authenticate"), "ipaddress");
  peer_.ip = *registry::PeerAddress::Parse("192.0.2.7")->ip;
  EXPECT_EQ(WhoamiStatus("Bearer " + token), 200);
  peer_.ip = *registry::PeerAddress::Parse("192.0.3.7")->ip;
  EXPECT_EQ(WhoamiStatus("Bearer " + token), 401) << "what was believed of one address does not count for another";
}

TEST_F(ApiAuth, TheAddressBehindATrustedProxyCounts) {
  registry::TokenSpec spec;
  spec.cidrs = {"192.0.2.0/24"};
  const std::string token = TokenOf("alice", spec);
  const auto ask = [&](const char* forwarded) {
    return Get("/-/whoami", {Bearer(token), {"X-Forwarded-For", forwarded}}).status();
  };
  EXPECT_EQ(ask("192.0.2.7"), 401) << "nobody trusts this peer";
  api_options_.base_urls.trusted_proxies = {*registry::Cidr::Parse("127.0.0.1")};
  StartApi();
  EXPECT_EQ(ask("192.0.2.7"), 200);
  EXPECT_EQ(ask("192.0.2.7, 198.51.100.1"), 401) << "the first is the client's own invention";
}

TEST_F(ApiAuth, RevokingWorksAtOnce) {
  ASSERT_TRUE(PublishAs(token_, PublishBuilder()).status() < 300);
  Get("/left", {Bearer(token_)});
  Get("/left", {Bearer(token_)});
  EXPECT_TRUE(was_fast_) << "remembered";
  const Response gone = Ask(Method::kDelete, "/-/user/token/" + token_, {Bearer(token_)});
  EXPECT_EQ(gone.status(), 200) << gone.text();
  EXPECT_EQ(Get("/left", {Bearer(token_)}).status(), 401);
  EXPECT_EQ(WhoamiStatus("Bearer " + token_), 401);
}

TEST_F(ApiAuth, LogoutNeedsNothingButTheToken) {
  registry::TokenSpec read_only;
  read_only.read_only = true;
  registry::TokenSpec local;
  local.cidrs = {"127.0.0.0/8"};
  for (const std::string& token : {TokenOf("alice"), TokenOf("alice", read_only), TokenOf("alice", local)}) {
    EXPECT_EQ(Ask(Method::kDelete, "/-/user/token/" + token).status(), 200);
    EXPECT_EQ(WhoamiStatus("Bearer " + token), 401);
    EXPECT_EQ(Ask(Method::kDelete, "/-/user/token/" + token, {Bearer(token)}).status(), 404) << "gone already";
  }
  EXPECT_EQ(Ask(Method::kDelete, "/-/user/token/nonsense").status(), 404);
  EXPECT_EQ(WhoamiStatus("Bearer " + token_), 200) << "the others stay";
}

TEST_F(ApiAuth, ReadOnlyTokensChangeNothing) {
  registry::TokenSpec spec;
  spec.read_only = true;
  const std::string token = TokenOf("alice", spec);
  PublishAs(token_, PublishBuilder());
  struct Case {
    Method method;
    const char* target;
    const char* body;
  };
  using enum Method;
  for (const Case& c :
       {Case{kPost, "/-/npm/v1/user", R"({"email":"new@example.com"})"},
        Case{kPost, "/-/npm/v1/user", R"({"password":{"old":"secret-alice","new":"another-one"}})"},
        Case{kPost, "/-/npm/v1/tokens", R"({"password":"secret-alice"})"},
        Case{kPut, "/-/package/left/dist-tags/beta", "\"1.0.0\""}, Case{kDelete, "/-/package/left/dist-tags/beta", ""},
        Case{kPost, "/-/package/left/access", R"({"access":"public"})"},
        Case{kPost, "/-/package/left/access", R"({"publish_requires_tfa":false})"},
        Case{kPut, "/-/package/left/owners", R"({"user":"alice"})"}, Case{kDelete, "/-/package/left/owners/alice", ""},
        Case{kPut, "/left", R"({"versions":{"1.0.0":{"deprecated":"x"}}})"}, Case{kDelete, "/left/-rev/1-a", ""},
        Case{kDelete, "/left/-/left-1.0.0.tgz/-rev/1-a", ""}}) {
    const Response response = Ask(c.method, c.target, {Bearer(token)}, c.body);
    EXPECT_EQ(response.status(), 403) << c.target << " " << response.text();
  }
  EXPECT_EQ(Get("/-/npm/v1/user", {Bearer(token)}).status(), 200);
  EXPECT_EQ(Get("/left", {Bearer(token)}).status(), 200);
  EXPECT_EQ(WhoamiStatus("Basic " + Base64Encode("alice:secret-alice")), 200) << "the password is what it was";
}

TEST_F(ApiAuth, EveryOtherWriteWantsAUser) {
  for (const Route& route : Routes()) {
    if (route.auth != AuthRule::kRequired) continue;
    std::string target(route.pattern);
    for (size_t at; (at = target.find('{')) != std::string::npos;) target.replace(at, target.find('}') - at + 1, "x");
    FakeBody body({"{}"});
    EXPECT_EQ(AskWith(route.method, target, {}, &body, 2).status(), 401) << route.pattern;
    EXPECT_EQ(body.reads(), 0) << "nothing was read of a stranger: " << route.pattern;
  }
}

TEST_F(ApiAuth, APrivateRegistryTellsStrangersNothing) {
  ASSERT_EQ(PublishAs(token_, PublishBuilder()).status(), 201);
  options_.read_access = registry::RegistryOptions::ReadAccess::kAuthenticated;
  api_options_.reads_are_private = true;
  StartApi();
  const Response mine = Get("/left", {Bearer(token_)});
  EXPECT_EQ(mine.status(), 200);
  EXPECT_EQ(mine.FindHeader("cache-control").substr(0, 8), "private,");
  Get("/left", {Bearer(token_)});
  EXPECT_TRUE(was_fast_);
  for (const char* target : {"/left", "/left/latest", "/left/-/left-1.0.0.tgz", "/no-such-package",
                             "/-/v1/search?text=left", "/-/package/left/dist-tags", "/-/package/left/visibility",
                             "/-/package/left/access", "/-/package/left/collaborators", "/-/package/left/owners",
                             "/-/user/alice/package", "/-/org/acme/package", "/-/user/org.couchdb.user:alice", "/"}) {
    const Response response = Get(target);
    EXPECT_EQ(response.status(), 401) << target;
    EXPECT_FALSE(was_fast_) << target;
  }
  EXPECT_EQ(Get("/-/ping").status(), 200);
  EXPECT_EQ(Get("/-/health").status(), 200);
}

}  // namespace
}  // namespace tarn::http
