// Stars and the lists of old clients (contract 8.6 and 14).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/api/json_body.h"
#include "http/api/testing/api_fixture.h"
#include "http/net/body_stream.h"

namespace tarn::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ApiStars : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUser("ann");
    AddUser("bob");
    ann_ = TokenOf("ann");
    bob_ = TokenOf("bob");
    PublishNew("left");
    PublishNew("right");
    PublishNew("@ann/private", "restricted");
  }
  void PublishNew(const std::string& name, const std::string& access = "") {
    PublishBuilder builder;
    builder.name = name;
    builder.access = access;
    EXPECT_EQ(PublishAs(ann_, builder).status(), 201);
  }
  // All of an answer that comes in pieces.
  std::string Read(const std::string& target, const std::string& token = "") {
    const Response response = token.empty() ? Get(target) : Get(target, {Bearer(token)});
    EXPECT_EQ(response.status(), 200) << target;
    if (response.stream() == nullptr) return BodyOf(response);
    std::string text;
    while (true) {
      const StreamStep step = testing::RunTask(response.stream()->Next(BodyStream::Mode::kGoOn));
      if (step.kind != StreamStep::Kind::kBytes) {
        EXPECT_EQ(step.kind, StreamStep::Kind::kEnd);
        return text;
      }
      for (const SharedBytes& piece : step.pieces) text += piece.bytes;
    }
  }
  std::string ann_, bob_;
};

TEST_F(ApiStars, PnpmStarsAndUnstars) {
  EXPECT_EQ(Ask(Method::kPut, "/-/user/v1/star", {Bearer(bob_)}, R"({"name":"left","package":"left"})").status(), 200);
  EXPECT_EQ(Ask(Method::kPut, "/-/user/package/right/star", {Bearer(bob_)}).status(), 200);
  EXPECT_EQ(Read("/-/user/v1/star", bob_), "{\"left\":true,\n\"right\":true}");
  EXPECT_EQ(Read("/-/user/bob/stars"), "{\"left\":true,\n\"right\":true}");
  EXPECT_EQ(Read("/-/util/user/bob/stars"), "{\"left\":true,\n\"right\":true}");
  EXPECT_EQ(Read("/-/_view/starredByUser?key=%22bob%22"),
            "{\"rows\":[{\"id\":\"left\",\"key\":\"bob\",\"value\":\"left\"},\n"
            "{\"id\":\"right\",\"key\":\"bob\",\"value\":\"right\"}]}");
  EXPECT_EQ(Read("/-/_view/starredByPackage?key=%22left%22"), R"({"rows":[{"id":"left","key":"left","value":"bob"}]})");
  EXPECT_EQ(Ask(Method::kDelete, "/-/user/v1/star", {Bearer(bob_)}, R"({"package":"left"})").status(), 200);
  EXPECT_EQ(Ask(Method::kDelete, "/-/user/package/right/star", {Bearer(bob_)}).status(), 200);
  EXPECT_EQ(Read("/-/user/bob/stars"), "{}");
  EXPECT_EQ(Read("/-/_view/starredByUser?key=bob"), "{\"rows\":[]}");
  ExpectVerified();
}

TEST_F(ApiStars, WhatTheyMayNotSeeTheyCannotStarOrFind) {
  const std::string body = R"({"package":"@ann/private"})";
  EXPECT_EQ(Ask(Method::kPut, "/-/user/v1/star", {Bearer(ann_)}, body).status(), 200);
  const Response refused = Ask(Method::kPut, "/-/user/v1/star", {Bearer(bob_)}, body);
  const Response missing = Ask(Method::kPut, "/-/user/v1/star", {Bearer(bob_)}, R"({"package":"@ann/nothing"})");
  EXPECT_EQ(refused.status(), 404);
  EXPECT_EQ(BodyOf(refused), BodyOf(missing));
  EXPECT_EQ(Ask(Method::kPut, "/-/user/package/@ann%2fprivate/star", {Bearer(bob_)}).status(), 404);
  EXPECT_EQ(Read("/-/user/ann/stars", bob_), "{}");
  EXPECT_EQ(Read("/-/user/ann/stars", ann_), "{\"@ann/private\":true}");
  EXPECT_EQ(Read("/-/_view/starredByPackage?key=%22@ann/private%22", bob_), "{\"rows\":[]}");
  EXPECT_THAT(Read("/-/_view/byUser?key=%22ann%22"), Not(HasSubstr("private")));
  EXPECT_THAT(Read("/-/by-user/ann"), Not(HasSubstr("private")));
  EXPECT_THAT(Read("/-/all"), Not(HasSubstr("private")));
  EXPECT_THAT(Read("/-/all", ann_), HasSubstr("\"@ann/private\":{"));
}

TEST_F(ApiStars, NobodyStarsWithoutLogin) {
  EXPECT_EQ(Ask(Method::kPut, "/-/user/v1/star", {}, R"({"package":"left"})").status(), 401);
  EXPECT_EQ(Get("/-/user/v1/star").status(), 401);
  EXPECT_EQ(Ask(Method::kPut, "/-/user/v1/star", {Bearer(bob_)}, "{}").status(), 400);
  EXPECT_EQ(Ask(Method::kPut, "/-/user/v1/star", {Bearer(bob_)}, R"({"package":"../x"})").status(), 404);
}

TEST_F(ApiStars, ListsEverythingInShort) {
  const std::string all = Read("/-/all");
  EXPECT_THAT(all, HasSubstr(R"({"_updated":)"));
  EXPECT_THAT(all, HasSubstr(R"("left":{"name":"left")"));
  EXPECT_THAT(all, HasSubstr(R"("versions":{"1.0.0":"latest"}})"));
  EXPECT_TRUE(JsonBody::ParseObject(all).ok()) << all;
  EXPECT_TRUE(JsonBody::ParseObject(Read("/-/all/static/all.json")).ok());
  clock_.AdvanceMs(1000);
  const std::string now = std::to_string(clock_.NowMs());
  EXPECT_TRUE(JsonBody::ParseObject(Read("/-/all/since?stale=update_after&startkey=" + now)).ok());
  PublishNew("third");
  const std::string since = Read("/-/all/since?startkey=" + now);
  EXPECT_THAT(since, HasSubstr("\"third\":{"));
  EXPECT_THAT(since, Not(HasSubstr("\"left\":{")));
  EXPECT_EQ(Get("/-/all/since?startkey=x").status(), 400);
}

TEST_F(ApiStars, ListsByUser) {
  EXPECT_EQ(Read("/-/by-user/ann|bob"), R"({"ann":["left","right"],"bob":[]})");
  EXPECT_EQ(Read("/-/starred-by-user/ann"), R"({"ann":[]})");
  EXPECT_EQ(Get("/-/by-user/a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t|u").status(), 400);
  EXPECT_EQ(Get("/-/_view/browseAll").status(), 404);
  EXPECT_EQ(Get("/-/_view/starredByUser").status(), 400);
}

}  // namespace
}  // namespace tarn::http
