#include "http/api/routes.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace tarn::http {
namespace {

// "METHOD pattern package key=value…" of what a request is routed to; "405 …" or "404" otherwise.
std::string Describe(Method method, std::string_view target) {
  const auto path = RequestPath::Parse(target, "");
  if (!path.ok()) return "400";
  const auto match = MatchRoute(method, *path);
  if (!match.ok()) return "400";
  if (match->allowed.empty()) return "404";
  if (match->route == nullptr) return "405";
  std::string text = std::string(MethodName(match->route->method)) + " " + std::string(match->route->pattern);
  if (!match->package.empty()) text += " " + match->package;
  for (const auto& [key, value] : match->parameters) text += " " + std::string(key) + "=" + value;
  return text;
}

TEST(Routes, FindsWhatClientsAskFor) {
  using enum Method;
  struct Case {
    Method method;
    const char* target;
    const char* expected;
  };
  for (const Case& c : {
           Case{kGet, "/left-pad", "GET /{pkg} left-pad"},
           Case{kHead, "/left-pad", "GET /{pkg} left-pad"},
           Case{kGet, "/@s%2fn", "GET /{pkg} @s/n"},
           Case{kGet, "/@s/n", "GET /{pkg} @s/n"},
           Case{kGet, "/@s/n/1.0.0", "GET /{pkg}/{spec} @s/n spec=1.0.0"},
           Case{kGet, "/n/%5E1.2", "GET /{pkg}/{spec} n spec=^1.2"},
           Case{kGet, "/n/1.0.0%2Bbuild", "GET /{pkg}/{spec} n spec=1.0.0+build"},
           Case{kGet, "/n/latest", "GET /{pkg}/{spec} n spec=latest"},
           Case{kGet, "/n/-/n-1.0.0.tgz", "GET /{pkg}/-/{file} n file=n-1.0.0.tgz"},
           Case{kGet, "/@s%2fn/-/n-1.0.0.tgz", "GET /{pkg}/-/{file} @s/n file=n-1.0.0.tgz"},
           Case{kGet, "/@s/n/-/n-1.0.0.tgz", "GET /{pkg}/-/{file} @s/n file=n-1.0.0.tgz"},
           Case{kPut, "/n", "PUT /{pkg} n"},
           Case{kPut, "/n?write=true", "PUT /{pkg} n"},
           Case{kPut, "/@s%2fn/-rev/3-a", "PUT /{pkg}/-rev/{rev} @s/n rev=3-a"},
           Case{kDelete, "/n/-rev/3-a", "DELETE /{pkg}/-rev/{rev} n rev=3-a"},
           Case{kDelete, "/@s/n/-/n-1.0.0.tgz/-rev/2-b",
                "DELETE /{pkg}/-/{file}/-rev/{rev} @s/n file=n-1.0.0.tgz rev=2-b"},
           Case{kPost, "/-/stage/package/@s%2fn", "POST /-/stage/package/{pkg} @s/n"},
           Case{kPost, "/-/stage/package/@s/n", "POST /-/stage/package/{pkg} @s/n"},
           Case{kPost, "/-/stage/package/approve", "POST /-/stage/package/{pkg} approve"},
           Case{kGet, "/-/stage?page=0&perPage=100", "GET /-/stage"},
           Case{kGet, "/-/stage/1-2", "GET /-/stage/{id} id=1-2"},
           Case{kGet, "/-/stage/1-2/tarball", "GET /-/stage/{id}/tarball id=1-2"},
           Case{kPost, "/-/stage/1-2/approve", "POST /-/stage/{id}/approve id=1-2"},
           Case{kDelete, "/-/stage/1-2", "DELETE /-/stage/{id} id=1-2"},
           Case{kGet, "/-/ping", "GET /-/ping"},
           Case{kGet, "//-/ping?write=true", "GET /-/ping"},
           Case{kPut, "/-/user/org.couchdb.user:bob", "PUT /-/user/{user} user=org.couchdb.user:bob"},
           Case{kPut, "/-/package/@s%2fn/dist-tags/beta", "PUT /-/package/{pkg}/dist-tags/{tag} @s/n tag=beta"},
           Case{kDelete, "/-/package/@s/n/dist-tags/beta", "DELETE /-/package/{pkg}/dist-tags/{tag} @s/n tag=beta"},
           Case{kGet, "/-/package/%40s%2Fn/dist-tags", "GET /-/package/{pkg}/dist-tags @s/n"},
           Case{kDelete, "/-/user/token/abc", "DELETE /-/user/token/{token} token=abc"},
           Case{kGet, "/-/npm/v1/attestations/n@1.0.0", "GET /-/npm/v1/attestations/{pkg} n@1.0.0"},
           Case{kGet, "/-/npm/v1/attestations/@s/n@1.0.0", "GET /-/npm/v1/attestations/{pkg} @s/n@1.0.0"},
           Case{kGet, "/-/npm/v1/attestations/@s%2fn@1.0.0", "GET /-/npm/v1/attestations/{pkg} @s/n@1.0.0"},
           Case{kGet, "/-/npm/v1/attestations/%40s%2fn%401.0.0", "GET /-/npm/v1/attestations/{pkg} @s/n@1.0.0"},
           Case{kGet, "/-/unknown", "404"},
           Case{kGet, "/-/stage/package/n", "405"},
           Case{kGet, "/-", "404"},
           Case{kPost, "/n", "405"},
           Case{kOther, "/n", "405"},
           Case{kGet, "/n/-rev/3-a", "405"},
           Case{kGet, "/a/../b", "400"},
           Case{kGet, "/", "GET /"},
       }) {
    EXPECT_EQ(Describe(c.method, c.target), c.expected) << MethodName(c.method) << " " << c.target;
  }
}

TEST(Routes, EveryWriteNeedsAuthenticationUnlessItIsALogin) {
  const std::set<std::string_view> open = {
      "/-/user/{user}", "/-/user/{user}/-rev/{rev}", "/-/v1/login", "/-/v1/login/{page}", "/-/user/token/{token}",
      // What is shown there is an identity token of a trusted issuer.
      "/-/npm/v1/oidc/token/exchange/package/{pkg}",
      // Reads with a body, and what followers note in memory.
      "/_changes", "/_all_docs", "/_bulk_get", "/_local/{id}",
      // Audits are questions, though they come by POST.
      "/-/npm/v1/security/advisories/bulk", "/-/npm/v1/security/audits/quick", "/-/npm/v1/security/audits"};
  for (const Route& route : Routes()) {
    if (route.method == Method::kGet || open.contains(route.pattern)) continue;
    EXPECT_TRUE(route.auth == AuthRule::kRequired || route.auth == AuthRule::kOperator) << route.pattern;
  }
}

// On the core thread nobody may block, and there nobody is asked who calls.
TEST(Routes, WhatRunsAtOnceAsksNobody) {
  for (const Route& route : Routes()) {
    if (route.runs_on) continue;
    EXPECT_EQ(route.auth, AuthRule::kIgnored) << route.pattern;
    EXPECT_EQ(route.body, BodyRule::kNone) << route.pattern;
  }
}

TEST(Routes, OnlyUploadsHaveNoPlainHandler) {
  for (const Route& route : Routes()) {
    const bool is_upload = route.body == BodyRule::kUpload || route.body == BodyRule::kStage;
    EXPECT_EQ(route.handler == nullptr, is_upload) << route.pattern;
  }
}

TEST(Routes, PageIsWhatTheTablePrints) {
  std::ifstream page(TARN_SOURCE_DIR "/http/API.md");
  std::stringstream text;
  text << page.rdbuf();
  EXPECT_EQ(text.str(), FormatApiMarkdown()) << "run: build/release/tarn config routes > http/API.md";
}

}  // namespace
}  // namespace tarn::http
