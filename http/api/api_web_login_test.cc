// Web login and web confirmation: the client's side and the browser's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/api/json_body.h"
#include "http/api/login_page.h"
#include "http/api/testing/api_fixture.h"
#include "storage/base/limits.h"
#include "storage/registry/totp.h"

namespace tarn::http {
namespace {

using enum Method;
using ::testing::HasSubstr;
using ::testing::Not;

class ApiWebLogin : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUserWithPassword("alice");
  }
  // Of the URL in `member`, what comes after the host.
  static std::string PathIn(const Response& response, std::string_view member) {
    const auto body = JsonBody::ParseObject(response.text());
    const auto url = body.ok() ? body->String(member) : Result<std::optional<std::string>>(body.status());
    if (!url.ok() || !*url) return "(no " + std::string(member) + ")";
    constexpr std::string_view kBase = "http://127.0.0.1:4873";
    EXPECT_TRUE((*url)->starts_with(kBase)) << **url;
    return (*url)->substr(kBase.size());
  }
  void Begin(const std::string& body = "{}") {
    const Response begun = Ask(kPost, "/-/v1/login", {}, body);
    ASSERT_EQ(begun.status(), 200) << begun.text();
    EXPECT_EQ(begun.FindHeader("cache-control"), "no-store");
    page_ = PathIn(begun, "loginUrl");
    done_ = PathIn(begun, "doneUrl");
  }
  static std::string FormKeyOf(const Response& page) {
    const std::string text(page.text());
    const std::string marker = "name=\"form_key\" value=\"";
    const size_t begin = text.find(marker);
    if (begin == std::string::npos) return "(none)";
    return text.substr(begin + marker.size(), text.find('"', begin + marker.size()) - begin - marker.size());
  }
  Response Post(const std::string& fields, Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    return Ask(kPost, page_, std::move(headers), "form_key=" + FormKeyOf(Get(page_)) + "&" + fields);
  }

  std::string page_;
  std::string done_;
};

TEST_F(ApiWebLogin, GivesATokenOnce) {
  Begin();
  const Response waiting = Get(done_);
  EXPECT_EQ(waiting.status(), 202);
  EXPECT_EQ(waiting.text(), "{}");
  EXPECT_EQ(waiting.FindHeader("retry-after"), "2");
  EXPECT_EQ(waiting.FindHeader("cache-control"), "no-store");
  const Response done = Post("name=alice&password=secret-alice&code=");
  EXPECT_EQ(done.status(), 200) << done.text();
  EXPECT_THAT(std::string(done.text()), HasSubstr("You can close this page"));
  EXPECT_THAT(std::string(Get(page_).text()), Not(HasSubstr("<form")));
  const Response answer = Get(done_);
  ASSERT_EQ(answer.status(), 200);
  const std::string token = *JsonBody::ParseObject(answer.text())->String("token").value();
  EXPECT_EQ(Get("/-/whoami", {Bearer(token)}).text(), R"({"username":"alice"})");
  EXPECT_EQ(Get(done_).status(), 404);
  EXPECT_EQ(Get(page_).status(), 404);
}

TEST_F(ApiWebLogin, ThePageIsSafeAndSelfContained) {
  Begin(R"({"hostname":"<script>alert(1)</script>\"'&"})");
  const Response page = Get(page_);
  EXPECT_EQ(page.status(), 200);
  EXPECT_EQ(page.FindHeader("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.FindHeader("cache-control"), "no-store");
  EXPECT_EQ(page.FindHeader("x-frame-options"), "DENY");
  EXPECT_TRUE(page.FindHeader("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
  const std::string text(page.text());
  EXPECT_THAT(text, Not(HasSubstr("<script")));
  EXPECT_THAT(text, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
  EXPECT_THAT(text, Not(HasSubstr("http://")));
  EXPECT_THAT(text, Not(HasSubstr("register"))) << "registration is closed";
  const Response wrong = Post("name=%3Cb%3E%22&password=x");
  EXPECT_EQ(wrong.status(), 400) << "no user name";
  EXPECT_THAT(std::string(wrong.text()), HasSubstr("value=\"&lt;b&gt;&quot;\""));
}

TEST_F(ApiWebLogin, WrongAttemptsStayOnThePage) {
  Begin();
  const Response wrong = Post("name=alice&password=wrong");
  EXPECT_EQ(wrong.status(), 403) << "on 401 a browser would ask for a password of its own";
  EXPECT_THAT(std::string(wrong.text()), HasSubstr("Wrong user name or password."));
  EXPECT_THAT(std::string(wrong.text()), HasSubstr("value=\"alice\""));
  EXPECT_EQ(Post("name=nobody&password=secret-nobody").status(), 403);
  EXPECT_EQ(Post("name=nobody&password=secret-nobody&register=yes").status(), 403) << "registration is closed";
  EXPECT_EQ(Post("name=alice&password=%").status(), 400);
  EXPECT_EQ(Get(done_).status(), 202);
  EXPECT_EQ(Post("name=alice&password=secret-alice").status(), 200);
}

TEST_F(ApiWebLogin, GuessingIsSlowedDownHereToo) {
  Begin();
  uint16_t status = 403;
  for (int i = 0; i < 20 && status == 403; ++i) status = Post("name=alice&password=wrong").status();
  EXPECT_EQ(status, 429);
  EXPECT_EQ(Post("name=alice&password=secret-alice").status(), 429);
}

TEST_F(ApiWebLogin, OnlyThePagesOwnFormCounts) {
  Begin();
  const std::string fields = "name=alice&password=secret-alice";
  EXPECT_EQ(Ask(kPost, page_, {}, fields).status(), 403);
  EXPECT_EQ(Ask(kPost, page_, {}, "form_key=x&" + fields).status(), 403);
  EXPECT_EQ(Post(fields, {{"Sec-Fetch-Site", "cross-site"}}).status(), 403);
  EXPECT_EQ(Get(done_).status(), 202);
  EXPECT_EQ(Post(fields, {{"Sec-Fetch-Site", "same-origin"}}).status(), 200);
}

TEST_F(ApiWebLogin, EndsAfterTenMinutes) {
  Begin();
  clock_.AdvanceMs(limits::kWebSessionMs);
  EXPECT_EQ(Get(page_).status(), 404);
  EXPECT_EQ(Get(done_).status(), 404);
  EXPECT_EQ(Get(done_).FindHeader("content-type"), "application/json");
}

TEST_F(ApiWebLogin, RegistersWhereThatIsAllowedAndAskedFor) {
  options_.registration = registry::RegistryOptions::Registration::kOpen;
  StartApi();
  Begin(R"({"create":true})");
  EXPECT_THAT(std::string(Get(page_).text()), HasSubstr("value=\"yes\" checked"));
  EXPECT_EQ(Post("name=carol&password=secret-carol").status(), 403) << "a misspelt name makes no account";
  EXPECT_EQ(Post("name=carol&password=secret-carol&email=carol%40example.com&register=yes").status(), 200);
  EXPECT_EQ(Get(done_).status(), 200);
  EXPECT_EQ(registry_->GetUser(registry::Principal::System(), "carol")->email, "carol@example.com");
}

TEST_F(ApiWebLogin, BodiesOfAllClientsAreTaken) {
  for (const char* body : {"", "{}", R"({"create":true})", R"({"hostname":"laptop"})"}) Begin(body);
  EXPECT_EQ(Ask(kPost, "/-/v1/login", {}, "junk").status(), 400);
}

TEST_F(ApiWebLogin, CanBeSwitchedOff) {
  Begin();
  api_options_.web_login = false;
  StartApi();
  EXPECT_EQ(Ask(kPost, "/-/v1/login", {}, "{}").status(), 404);
  EXPECT_EQ(Get(page_).status(), 404);
  EXPECT_EQ(Get(done_).status(), 404);
}

TEST_F(ApiWebLogin, AddressesStayOutOfTheLog) {
  Begin();
  for (const std::string& target : {page_, done_}) {
    const TestHead head(kGet, target, {{"Host", "x"}}, 0);
    std::string logged;
    api_->AppendLoggableTarget(*head, &logged);
    EXPECT_TRUE(logged.ends_with("/***")) << logged;
  }
}

class ApiWebConfirmation : public ApiWebLogin {
 protected:
  void SetUp() override {
    ApiWebLogin::SetUp();
    token_ = TokenOf("alice");
    const auto url =
        registry_->BeginSecondFactor(As("alice"), "secret-alice", registry::SecondFactorMode::kAuthAndWrites, "r");
    const size_t begin = (*url)->find("secret=") + 7;
    secret_ = registry::Base32Decode((*url)->substr(begin, (*url)->find('&', begin) - begin)).value();
    ASSERT_TRUE(registry_->ConfirmSecondFactor(As("alice"), {Code()}).ok());
    clock_.AdvanceMs(3 * limits::kOneTimePasswordReuseMs);
  }
  std::string Code() { return registry::TotpCode(secret_, registry::TotpStepAt(clock_.NowMs())); }

  std::string token_;
  std::string secret_;
};

TEST_F(ApiWebConfirmation, IsOfferedToClientsThatCanUseABrowser) {
  const Response plain = PublishAs(token_, PublishBuilder());
  EXPECT_EQ(plain.status(), 401);
  EXPECT_THAT(std::string(plain.text()), Not(HasSubstr("authUrl")));
  const Response asked = Ask(kPut, "/left", {Bearer(token_), {"npm-auth-type", "web"}}, PublishBuilder().Body());
  ASSERT_EQ(asked.status(), 401);
  EXPECT_EQ(asked.FindHeader("www-authenticate"), "OTP");
  page_ = PathIn(asked, "authUrl");
  done_ = PathIn(asked, "doneUrl");
  EXPECT_THAT(std::string(Get(page_).text()), HasSubstr("(PUT left)"));
  EXPECT_EQ(Get(done_).status(), 202);
  EXPECT_EQ(Post("code=000000").status(), 403);
  EXPECT_EQ(Post("code=" + Code()).status(), 200);
  const Response answer = Get(done_);
  ASSERT_EQ(answer.status(), 200);
  const std::string code = *JsonBody::ParseObject(answer.text())->String("token").value();
  EXPECT_EQ(Ask(kPut, "/left", {Bearer(token_), {"npm-otp", code}}, PublishBuilder().Body()).status(), 201);
  EXPECT_EQ(Get("/-/whoami", {Bearer(code)}).status(), 401) << "it is no token";
}

TEST_F(ApiWebConfirmation, LoginAsksForTheCodeOnThePage) {
  Begin();
  const Response missing = Post("name=alice&password=secret-alice");
  EXPECT_EQ(missing.status(), 403);
  EXPECT_THAT(std::string(missing.text()), HasSubstr("enter password and one-time code"));
  EXPECT_THAT(std::string(Post("name=alice&password=secret-alice&code=000000").text()), HasSubstr("code is not right"));
  EXPECT_EQ(Post("name=alice&password=secret-alice&code=" + Code()).status(), 200);
  EXPECT_EQ(Get(done_).status(), 200);
}

}  // namespace
}  // namespace tarn::http
