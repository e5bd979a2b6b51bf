// Webhooks over the wire, as npm's own client asks (contract 12.5).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/api/testing/api_fixture.h"

namespace tarn::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ApiHooks : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUser("ann");
    AddUser("bob");
    ann_ = TokenOf("ann");
    bob_ = TokenOf("bob");
  }
  Response Create(const std::string& token, const std::string& body) {
    return Ask(Method::kPost, "/-/npm/v1/hooks/hook", {Bearer(token)}, body);
  }
  static std::string IdOf(const Response& response) {
    const std::string body = BodyOf(response);
    return body.substr(body.find("\"id\":\"") + 6, 20);
  }

  const std::string body_ =
      R"({"type":"scope","name":"@ann","endpoint":"https://a.example/in","secret":"open-sesame"})";
  std::string ann_, bob_;
};

TEST_F(ApiHooks, AddLsUpdateRm) {
  const Response created = Create(ann_, body_);
  EXPECT_EQ(created.status(), 201);
  for (const char* member : {R"("username":"ann")", R"("name":"@ann")", R"("type":"scope")",
                             R"("endpoint":"https://a.example/in")", R"("deleted":false)", R"("delivered":false)",
                             R"("last_delivery":null)", R"("response_code":null)", R"("status":"active")"}) {
    EXPECT_THAT(BodyOf(created), HasSubstr(member));
  }
  EXPECT_THAT(BodyOf(created), Not(HasSubstr("open-sesame")));
  const std::string path = "/-/npm/v1/hooks/hook/" + IdOf(created);
  const Response list = Get("/-/npm/v1/hooks?limit=10&offset=0", {Bearer(ann_)});
  EXPECT_EQ(list.status(), 200);
  EXPECT_THAT(BodyOf(list), HasSubstr(R"({"objects":[{"id":")" + IdOf(created)));
  EXPECT_THAT(BodyOf(Get("/-/npm/v1/hooks?package=left", {Bearer(ann_)})), HasSubstr(R"({"objects":[],)"));
  const Response updated =
      Ask(Method::kPut, path, {Bearer(ann_)}, R"({"endpoint":"https://b.example/","secret":"other"})");
  EXPECT_EQ(updated.status(), 200);
  EXPECT_THAT(BodyOf(Get(path, {Bearer(ann_)})), HasSubstr("https://b.example/"));
  EXPECT_THAT(BodyOf(Get(path, {Bearer(ann_)})), Not(HasSubstr("other")));
  const Response removed = Ask(Method::kDelete, path, {Bearer(ann_)});
  EXPECT_EQ(removed.status(), 200);
  EXPECT_THAT(BodyOf(removed), HasSubstr(R"("deleted":true)"));
  EXPECT_EQ(Get(path, {Bearer(ann_)}).status(), 404);
}

TEST_F(ApiHooks, StrangersSeeNothing) {
  const std::string path = "/-/npm/v1/hooks/hook/" + IdOf(Create(ann_, body_));
  const std::string missing = "/-/npm/v1/hooks/hook/00000000000000000000";
  for (const Method method : {Method::kGet, Method::kDelete}) {
    EXPECT_EQ(Ask(method, path, {Bearer(bob_)}).status(), 404);
    EXPECT_EQ(BodyOf(Ask(method, path, {Bearer(bob_)})), BodyOf(Ask(method, missing, {Bearer(bob_)})));
    EXPECT_EQ(Ask(method, path).status(), 401);
  }
  EXPECT_EQ(Get("/-/npm/v1/hooks").status(), 401);
  EXPECT_EQ(Get("/-/operator/hooks", {Bearer(ann_)}).status(), 404);
  EXPECT_THAT(BodyOf(Get("/-/npm/v1/hooks", {Bearer(bob_)})), HasSubstr(R"("objects":[])"));
}

TEST_F(ApiHooks, SaysWhatIsWrong) {
  for (const auto& [body, words] : std::vector<std::pair<std::string, std::string>>{
           {"[]", "object"},
           {R"({"type":"x","name":"a","endpoint":"https://a.example","secret":"s"})", "package, scope or owner"},
           {R"({"type":"package","endpoint":"https://a.example","secret":"s"})", "name"},
           {R"({"type":"package","name":"a","secret":"s"})", "endpoint"},
           {R"({"type":"package","name":"a","endpoint":"https://a.example"})", "secret"},
           {R"({"type":"package","name":"a","endpoint":"http://127.0.0.1/","secret":"s"})", "allow_private_addresses"},
           {R"({"type":"package","name":7,"endpoint":"https://a.example","secret":"s"})", "name"}}) {
    const Response response = Create(ann_, body);
    EXPECT_EQ(response.status(), 400) << body;
    EXPECT_THAT(BodyOf(response), HasSubstr(words));
  }
}

}  // namespace
}  // namespace tarn::http
