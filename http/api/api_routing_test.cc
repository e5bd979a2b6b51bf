// Which requests reach a handler, and what the others are told.

#include <gtest/gtest.h>

#include "http/api/testing/api_fixture.h"

namespace tarn::http {
namespace {

class ApiRouting : public ApiFixture {
 protected:
  // Every error is JSON with a sentence, whatever went wrong.
  static void ExpectError(const Response& response, uint16_t status) {
    EXPECT_EQ(response.status(), status) << response.text();
    EXPECT_EQ(response.FindHeader("content-type"), "application/json");
    EXPECT_EQ(response.FindHeader("cache-control"), "no-store");
    EXPECT_TRUE(response.text().starts_with("{\"error\":\"")) << response.text();
  }
};

TEST_F(ApiRouting, UnknownPathsAre404) {
  for (const char* target :
       {"/-/unknown", "/-/v1/unknown", "/-", "/no-such-package", "/@scope", "/a/-/b/c", "/favicon.ico", "/.hidden"}) {
    ExpectError(Get(target), 404);
  }
}

TEST_F(ApiRouting, BrokenPathsAre400) {
  for (const char* target : {"/a%", "/a/%2e%2e/b", "/a//b", "/a%00"}) ExpectError(Get(target), 400);
}

TEST_F(ApiRouting, UnknownMethodsAre405WithTheKnownOnes) {
  ExpectError(Get("/-/stage/package/x"), 405);  // Not a package called "stage".
  const Response response = Ask(Method::kPost, "/left");
  ExpectError(response, 405);
  EXPECT_EQ(response.FindHeader("allow"), "OPTIONS, GET, HEAD, PUT");
  ExpectError(Ask(Method::kOther, "/-/ping"), 405);
  ExpectError(Ask(Method::kPatch, "/left/-rev/1-a"), 405);
}

TEST_F(ApiRouting, OptionsTellsTheMethods) {
  const Response response = Ask(Method::kOptions, "/left/-rev/1-a");
  EXPECT_EQ(response.status(), 204);
  EXPECT_EQ(response.FindHeader("allow"), "OPTIONS, PUT, DELETE");
  EXPECT_EQ(Ask(Method::kOptions, "*").status(), 204);
  ExpectError(Ask(Method::kOptions, "/-/unknown"), 404);
}

TEST_F(ApiRouting, SlashesAtBothEndsAreForgiven) {
  EXPECT_EQ(Get("//-/ping").status(), 200);
  EXPECT_EQ(Get("/-/ping/?write=true").text(), "{}");
  EXPECT_EQ(Get("/-/ping/pong").text(), "{}");
}

TEST_F(ApiRouting, OperatorsPathsDoNotExistOverTcp) {
  const std::string unknown(Get("/-/unknown").text());
  using enum Method;
  for (const Route& route : Routes()) {
    if (route.auth != AuthRule::kOperator) continue;
    std::string target(route.pattern);
    for (size_t at; (at = target.find('{')) != std::string::npos;) target.replace(at, target.find('}') - at + 1, "x");
    for (const Method method : {kGet, kHead, kPut, kPost, kDelete, kOptions, kPatch, kOther}) {
      const Response response = Ask(method, target, {}, method == kGet ? "" : "{}");
      EXPECT_EQ(response.status(), 404) << MethodName(method) << " " << target;
      EXPECT_EQ(response.text(), unknown);
    }
  }
}

TEST_F(ApiRouting, OperatorsPathsExistOnTheUnixSocket) {
  peer_ = Peer();
  peer_.is_unix_socket = true;
  EXPECT_EQ(Get("/-/operator/users").text(), R"({"users":[]})");
  const Response added = Ask(Method::kPost, "/-/operator/users", {}, R"({"name":"alice","password":"secret-alice"})");
  EXPECT_EQ(added.status(), 201) << added.text();
  EXPECT_NE(Get("/-/operator/users").text().find("\"name\":\"alice\""), std::string_view::npos);
  EXPECT_EQ(Ask(Method::kPost, "/-/operator/users", {}, R"({"name":"alice","password":"secret-alice"})").status(), 409);
  EXPECT_EQ(Get("/-/operator/users/nobody/tokens").status(), 404);
  EXPECT_EQ(Get("/-/whoami").status(), 401) << "the socket is for operators, not a user";
}

TEST_F(ApiRouting, WhatTellsOfTheProcessNeedsNoThread) {
  executor_.Stop();
  EXPECT_EQ(Get("/-/health").status(), 200);
  EXPECT_EQ(Get("/-/ready").status(), 200);
  EXPECT_EQ(Get("/-/metrics").status(), 200);
  EXPECT_EQ(Get("/-/ping").status(), 200);
  ExpectError(Get("/left"), 503);
}

TEST_F(ApiRouting, ReadyFollowsTheNode) {
  node_.can_write = OutOfSpace("the disk is full");
  EXPECT_EQ(Get("/-/ready").text(), R"({"ok":true,"writable":false,"why_not_writable":"the disk is full"})");
  node_.ready = Unavailable("draining");
  const Response response = Get("/-/ready");
  ExpectError(response, 503);
  EXPECT_EQ(response.FindHeader("retry-after"), "5");
  EXPECT_EQ(Get("/-/health").status(), 200) << "not to be restarted for that";
}

TEST_F(ApiRouting, WebLoginMayBeSwitchedOff) {
  api_options_.web_login = false;
  StartApi();
  ExpectError(Ask(Method::kPost, "/-/v1/login", {{"Authorization", "Bearer stale"}}, "{}"), 404);
}

TEST_F(ApiRouting, AFullClassIsRefusedWithRetryAfter) {
  api_options_.admission.metadata = {.concurrent_max = 0, .bytes_max = 1, .waiting_max = 0, .wait_ms_max = 0};
  StartApi();
  const Response response = Get("/left");
  ExpectError(response, 503);
  EXPECT_EQ(response.FindHeader("retry-after"), "5");
  EXPECT_EQ(Get("/-/health").status(), 200);
}

TEST_F(ApiRouting, ErrorsOfTheConnectionAreJsonToo) {
  Response response;
  response.AddHeader("x", "left over");
  api_->MakeErrorResponse(431, TooLarge("the head is too large"), &response);
  ExpectError(response, 431);
  EXPECT_EQ(response.FindHeader("x"), "");
}

TEST_F(ApiRouting, LogsNoTokens) {
  struct Case {
    const char* target;
    const char* logged;
  };
  for (const Case& c : {Case{"/-/user/token/tarn_secret", "/-/user/token/***"},
                        Case{"/npm/-/user/token/tarn_secret?x=y", "/npm/-/user/token/***"},
                        Case{"/-/npm/v1/tokens/token/tarn_secret", "/-/npm/v1/tokens/token/***"},
                        Case{"/-/operator/tokens/tarn_secret", "/-/operator/tokens/***"},
                        Case{"/-/npm/v1/tokens?page=1", "/-/npm/v1/tokens?page=1"}, Case{"/@s%2fn", "/@s%2fn"}}) {
    const TestHead head(Method::kDelete, c.target);
    std::string logged = "DELETE ";
    api_->AppendLoggableTarget(*head, &logged);
    EXPECT_EQ(logged, std::string("DELETE ") + c.logged);
  }
}

TEST_F(ApiRouting, CountsByClass) {
  EXPECT_EQ(Get("/-/health").metrics_class(), static_cast<uint8_t>(AdmissionClass::kAdmin));
  EXPECT_EQ(Get("/left/-/left-1.0.0.tgz").metrics_class(), static_cast<uint8_t>(AdmissionClass::kTarball));
  EXPECT_EQ(Ask(Method::kPut, "/left", {}, "{}").metrics_class(), static_cast<uint8_t>(AdmissionClass::kWrite));
}

}  // namespace
}  // namespace tarn::http
