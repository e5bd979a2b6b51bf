// Staged publishing as npm, pnpm and yarn ask for it (contract 6).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/api/json_body.h"
#include "http/api/testing/api_fixture.h"
#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/registry/totp.h"

namespace tarn::http {
namespace {

using enum Method;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ApiStage : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUserWithPassword("alice");
    AddUser("bob");
    alice_ = TokenOf("alice");
    bob_ = TokenOf("bob");
    builder_.version = "1.1.0";
    builder_.dist_tag = "next";
  }
  Response Stage(const std::string& token, const PublishBuilder& builder, const std::string& path = "") {
    return Ask(kPost, "/-/stage/package/" + (path.empty() ? builder.name : path), {Bearer(token)}, builder.Body());
  }
  std::string StagedId(const PublishBuilder& builder) {
    const Response staged = Stage(alice_, builder);
    EXPECT_EQ(staged.status(), 201) << staged.text();
    return JsonBody::ParseObject(staged.text())->String("stageId")->value_or("");
  }
  Response Approve(const std::string& token, const std::string& id, Headers headers = {}) {
    headers.push_back(Bearer(token));
    return Ask(kPost, "/-/stage/" + id + "/approve", std::move(headers));
  }
  Response Reject(const std::string& token, const std::string& id, Headers headers = {}) {
    headers.push_back(Bearer(token));
    return Ask(kDelete, "/-/stage/" + id, std::move(headers));
  }
  void Enrol() {
    const auto url = registry_->BeginSecondFactor(As("alice"), "secret-alice", registry::SecondFactorMode::kAuthOnly,
                                                  "registry.example");
    ASSERT_TRUE(url.ok() && *url);
    const size_t begin = (*url)->find("secret=") + 7;
    secret_ = registry::Base32Decode((*url)->substr(begin, (*url)->find('&', begin) - begin)).value();
    ASSERT_TRUE(registry_->ConfirmSecondFactor(As("alice"), {Code()}).ok());
    clock_.AdvanceMs(3 * limits::kOneTimePasswordReuseMs);
  }
  std::string Code() { return registry::TotpCode(secret_, registry::TotpStepAt(clock_.NowMs())); }
  std::string ReadOnlyToken() {
    registry::TokenSpec spec;
    spec.read_only = true;
    return TokenOf("alice", spec);
  }
  static std::string Shasum(const PublishBuilder& builder) { return HexEncode(Sha1(builder.Tarball()).view()); }

  std::string alice_, bob_, secret_;
  PublishBuilder builder_;
};

TEST_F(ApiStage, FromUploadToApproval) {
  ASSERT_EQ(PublishAs(alice_, PublishBuilder()).status(), 201);
  const Response staged = Stage(alice_, builder_);
  ASSERT_EQ(staged.status(), 201) << staged.text();
  EXPECT_TRUE(staged.FindHeader("tarn-lsn").size() > 0);
  const auto body = JsonBody::ParseObject(staged.text());
  EXPECT_TRUE(body->String("message")->has_value());
  const std::string id = body->String("stageId")->value();
  EXPECT_THAT(id, ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));

  const std::string item = "{\"id\":\"" + id +
                           "\",\"packageName\":\"left\",\"version\":\"1.1.0\",\"tag\":\"next\","
                           "\"createdAt\":\"2023-11-14T22:13:20.000Z\",\"expiresAt\":\"2023-12-14T22:13:20.000Z\","
                           "\"actor\":\"alice\",\"actorType\":\"user\",\"access\":\"public\",\"shasum\":\"" +
                           Shasum(builder_) + "\"}";
  const Response view = Get("/-/stage/" + id, {Bearer(alice_)});
  EXPECT_EQ(view.status(), 200);
  EXPECT_EQ(view.text(), item);
  EXPECT_EQ(view.FindHeader("cache-control"), "no-store");
  EXPECT_EQ(Get("/-/stage", {Bearer(alice_)}).text(),
            "{\"items\":[" + item + "],\"page\":0,\"perPage\":10,\"total\":1}");
  const Response tarball = Get("/-/stage/" + id + "/tarball", {Bearer(alice_)});
  EXPECT_EQ(tarball.status(), 200);
  EXPECT_EQ(tarball.FindHeader("content-type"), "application/octet-stream");
  EXPECT_EQ(tarball.FindHeader("cache-control"), "private, no-cache");
  ASSERT_EQ(tarball.body_type(), Response::BodyType::kFile);
  EXPECT_EQ(tarball.file().length, builder_.Tarball().size());
  EXPECT_EQ(Get("/left/1.1.0").status(), 404);

  std::string upper = id;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  const Response approved = Approve(alice_, upper);
  EXPECT_EQ(approved.status(), 201) << approved.text();
  EXPECT_TRUE(JsonBody::ParseObject(approved.text())->String("message")->has_value());
  EXPECT_EQ(approved.FindHeader("content-type"), "application/json");
  EXPECT_THAT(BodyOf(Get("/left/next")), HasSubstr(R"("approver":{"name":"alice")"));
  EXPECT_EQ(Get("/-/stage/" + id, {Bearer(alice_)}).status(), 404);
  EXPECT_EQ(Approve(alice_, id).status(), 404);
  EXPECT_EQ(Get("/-/stage", {Bearer(alice_)}).text(), R"({"items":[],"page":0,"perPage":10,"total":0})");
}

TEST_F(ApiStage, RejectionIsSilentAndFinal) {
  const std::string id = StagedId(builder_);
  const Response rejected = Reject(alice_, id);
  EXPECT_EQ(rejected.status(), 204);
  EXPECT_EQ(rejected.text(), "");
  EXPECT_EQ(Reject(alice_, id).status(), 404);
  EXPECT_EQ(Get("/left").status(), 404);
  EXPECT_EQ(Stage(alice_, builder_).status(), 201) << "the number is free again";
}

TEST_F(ApiStage, RefusalsOfStaging) {
  ASSERT_EQ(PublishAs(alice_, PublishBuilder()).status(), 201);
  EXPECT_EQ(Ask(kPost, "/-/stage/package/left", {}, builder_.Body()).status(), 401);
  EXPECT_EQ(Stage("wrong", builder_).status(), 401);
  EXPECT_EQ(Stage(bob_, builder_).status(), 403);
  EXPECT_EQ(Stage(ReadOnlyToken(), builder_).status(), 403);
  EXPECT_EQ(Stage(alice_, builder_, "other").status(), 400);
  EXPECT_EQ(Ask(kPost, "/-/stage/package/left", {Bearer(alice_)}, "{}").status(), 400);
  EXPECT_EQ(Ask(kPost, "/-/stage/package/left", {Bearer(alice_)}, "junk").status(), 400);
  EXPECT_EQ(Ask(kPost, "/-/stage/package/.left", {Bearer(alice_)}, builder_.Body()).status(), 400);
  PublishBuilder published;
  const Response taken = Stage(alice_, published);
  EXPECT_EQ(taken.status(), 409);
  EXPECT_THAT(std::string(taken.text()), HasSubstr("\"message\":\""));
  StagedId(builder_);
  EXPECT_EQ(Stage(alice_, builder_).status(), 409);
  const Response over = PublishAs(alice_, builder_);
  EXPECT_EQ(over.status(), 403);
  EXPECT_THAT(std::string(over.text()), HasSubstr("cannot publish over"));
  EXPECT_EQ(Ask(kGet, "/-/stage/package/left", {Bearer(alice_)}).status(), 405);
  node_.can_write = Unavailable("draining");
  builder_.version = "1.2.0";
  EXPECT_EQ(Stage(alice_, builder_).status(), 503);
}

TEST_F(ApiStage, ABundleOfOtherBytesIs422) {
  builder_.bundle_text = builder_.Provenance(std::nullopt, std::string(128, '0'));
  const Response refused = Stage(alice_, builder_);
  EXPECT_EQ(refused.status(), 422);
  EXPECT_THAT(std::string(refused.text()), HasSubstr("Error verifying sigstore provenance bundle"));
}

TEST_F(ApiStage, OthersAreToldThatThereIsNothing) {
  const std::string id = StagedId(builder_);
  const std::string unknown = "00000000-0000-4000-8000-000000000000";
  for (const std::string& path : {"/-/stage/" + id, "/-/stage/" + id + "/tarball"}) {
    std::string other = path;
    other.replace(other.find(id), id.size(), unknown);
    const Response hidden = Get(path, {Bearer(bob_)});
    EXPECT_EQ(hidden.status(), 404);
    EXPECT_EQ(hidden.text(), Get(other, {Bearer(bob_)}).text());
    EXPECT_EQ(hidden.text(), Get("/no-such-package", {Bearer(bob_)}).text());
    EXPECT_EQ(Get(path).status(), 401);
  }
  EXPECT_EQ(Approve(bob_, id).status(), 404);
  EXPECT_EQ(Approve(bob_, id).text(), Approve(bob_, unknown).text());
  EXPECT_EQ(Reject(bob_, id).status(), 404);
  EXPECT_EQ(Reject(bob_, "approve").status(), 404);
  EXPECT_THAT(std::string(Get("/-/stage", {Bearer(bob_)}).text()), HasSubstr("\"total\":0"));
  EXPECT_EQ(Get("/-/stage").status(), 401);
  const std::string reader = ReadOnlyToken();
  EXPECT_EQ(Get("/-/stage/" + id, {Bearer(reader)}).status(), 200);
  EXPECT_EQ(Approve(reader, id).status(), 403);
  EXPECT_EQ(Reject(reader, id).status(), 403);
  EXPECT_THAT(std::string(Get("/-/v1/search?text=left").text()), HasSubstr("\"total\":0"));
  EXPECT_THAT(BodyOf(Get("/_all_docs")), Not(HasSubstr("left")));
  EXPECT_THAT(BodyOf(Get("/_changes")), Not(HasSubstr("left")));
}

TEST_F(ApiStage, ApprovalAndRejectionAskForTheSecondFactorAndStagingDoesNot) {
  ASSERT_EQ(PublishAs(alice_, PublishBuilder()).status(), 201);
  Enrol();
  const std::string id = StagedId(builder_);
  for (const Response& challenge : {Approve(alice_, id), Reject(alice_, id), Approve(alice_, id, {{"npm-otp", "1"}})}) {
    EXPECT_EQ(challenge.status(), 401);
    EXPECT_EQ(challenge.FindHeader("www-authenticate"), "OTP");
    EXPECT_THAT(std::string(challenge.text()), HasSubstr("one-time pass"));
  }
  const Response web = Approve(alice_, id, {{"npm-auth-type", "web"}});
  EXPECT_THAT(std::string(web.text()), AllOf(HasSubstr("\"authUrl\""), HasSubstr("\"doneUrl\"")));
  EXPECT_EQ(Get("/left/1.1.0").status(), 404);
  builder_.version = "1.2.0";
  const std::string other = StagedId(builder_);
  const std::string code = Code();
  EXPECT_EQ(Approve(alice_, id, {{"npm-otp", code}}).status(), 201);
  EXPECT_EQ(Reject(alice_, other, {{"npm-otp", code}}).status(), 204) << "one code for one round";
  EXPECT_EQ(Get("/left/1.1.0").status(), 200);
}

TEST_F(ApiStage, ListsInPagesAndByPackage) {
  for (int i = 0; i < 12; ++i) {
    builder_.version = "1.0." + std::to_string(i);
    StagedId(builder_);
    clock_.AdvanceMs(1);
  }
  builder_.name = "@alice/n";
  EXPECT_EQ(Stage(alice_, builder_, "@alice%2fn").status(), 201);
  const auto list = [&](const std::string& query) {
    return std::string(Get("/-/stage" + query, {Bearer(alice_)}).text());
  };
  EXPECT_THAT(list(""), AllOf(HasSubstr(R"("page":0,"perPage":10,"total":13)"), HasSubstr("@alice/n"),
                              HasSubstr("\"1.0.3\""), Not(HasSubstr("\"1.0.2\""))));
  EXPECT_THAT(list("?page=1"), AllOf(HasSubstr("\"1.0.2\""), Not(HasSubstr("\"1.0.3\""))));
  EXPECT_THAT(list("?page=0&perPage=100&package=@alice/n"), HasSubstr(R"("perPage":100,"total":1})"));
  EXPECT_THAT(list("?package=%40alice%2Fn"), HasSubstr(R"("total":1})"));
  EXPECT_THAT(list("?perPage=1000"), HasSubstr(R"("perPage":100,"total":13)"));
  EXPECT_THAT(list("?perPage=0&page=x"), HasSubstr(R"("page":0,"perPage":1,"total":13)"));
  EXPECT_THAT(list("?page=99999999999999"), HasSubstr("\"items\":[]"));
  EXPECT_EQ(list("?package=unknown"), R"({"items":[],"page":0,"perPage":10,"total":0})");
  EXPECT_EQ(list("?package=..%2Fx"), R"({"items":[],"page":0,"perPage":10,"total":0})");
}

TEST_F(ApiStage, TheApprovedVersionShowsInAHotPackument) {
  ASSERT_EQ(PublishAs(alice_, PublishBuilder()).status(), 201);
  const std::string id = StagedId(builder_);
  Get("/left");
  EXPECT_THAT(BodyOf(Get("/left")), Not(HasSubstr("1.1.0")));
  EXPECT_TRUE(was_fast_);
  ASSERT_EQ(Approve(alice_, id).status(), 201);
  EXPECT_THAT(BodyOf(Get("/left")), HasSubstr("left-1.1.0.tgz"));
}

}  // namespace
}  // namespace tarn::http
