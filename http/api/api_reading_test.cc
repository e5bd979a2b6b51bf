// Reads: what is answered on the core thread, for how long, and to whom.

#include <gtest/gtest.h>

#include "http/api/body_file.h"
#include "http/api/testing/api_fixture.h"

namespace tarn::http {
namespace {

constexpr const char* kAbbreviated = "application/vnd.npm.install-v1+json";

class ApiReading : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUserWithPassword("alice");
    token_ = TokenOf("alice");
    Publish("left", "1.0.0");
  }

  void Publish(const std::string& name, const std::string& version, const std::string& access = "") {
    PublishBuilder builder;
    builder.name = name;
    builder.version = version;
    builder.access = access;
    builder.manifest_members = R"("scripts":{"x":"y"})";
    const Response response = PublishAs(token_, builder);
    ASSERT_EQ(response.status(), 201) << response.text();
  }
  std::string Document(const std::string& target, Headers headers = {}) {
    return BodyOf(Get(target, std::move(headers)));
  }

  std::string token_;
};

TEST_F(ApiReading, TheSecondReaderIsAnsweredAtOnceWithTheSame) {
  for (const Headers& headers : {Headers{}, Headers{{"Accept", kAbbreviated}}, Headers{{"Accept-Encoding", "gzip"}}}) {
    const Response first = Get("/left", headers);
    EXPECT_FALSE(was_fast_);
    const Response second = Get("/left", headers);
    EXPECT_TRUE(was_fast_);
    EXPECT_EQ(BodyOf(first), BodyOf(second));
    EXPECT_EQ(first.prepared_head(), second.prepared_head());
    EXPECT_EQ(second.metrics_class(), static_cast<uint8_t>(AdmissionClass::kMetadata));
  }
}

TEST_F(ApiReading, AHotLargePackumentGoesToAFileUnchanged) {
  PublishBuilder builder;
  builder.name = "large";
  builder.manifest_members = R"("x":")" + std::string(2 * kBodyFileBytesMin, 'x') + '"';
  ASSERT_EQ(PublishAs(token_, builder).status(), 201);
  const Response first = Get("/large");
  ASSERT_EQ(first.body_type(), Response::BodyType::kShared);
  for (uint32_t i = 0; i < kBodyFileHits; ++i) {
    EXPECT_EQ(BodyOf(Get("/large")), BodyOf(first));
  }
  const Response hot = Get("/large");
  EXPECT_TRUE(was_fast_);
  EXPECT_EQ(hot.body_type(), Response::BodyType::kFile);
  EXPECT_EQ(BodyOf(hot), BodyOf(first));
  EXPECT_EQ(hot.prepared_head(), first.prepared_head());
  EXPECT_EQ(hot.metrics_class(), static_cast<uint8_t>(AdmissionClass::kMetadata));
  EXPECT_EQ(Get("/large", {{"Range", "bytes=0-9"}}).status(), 200) << "packuments are not served by range";
}

TEST_F(ApiReading, VariantsDoNotMix) {
  Get("/left");
  const Response abbreviated = Get("/left", {{"Accept", kAbbreviated}});
  EXPECT_EQ(abbreviated.FindHeader("content-type"), kAbbreviated);
  EXPECT_EQ(BodyOf(abbreviated).find("scripts"), std::string::npos);
  const Response full = Get("/left");
  EXPECT_TRUE(was_fast_);
  EXPECT_EQ(full.FindHeader("content-type"), "application/json");
  EXPECT_NE(BodyOf(full).find("scripts"), std::string::npos);
  EXPECT_NE(full.FindHeader("etag"), abbreviated.FindHeader("etag"));
  EXPECT_NE(full.FindHeader("etag"), Get("/left", {{"Accept-Encoding", "gzip"}}).FindHeader("etag"));
}

TEST_F(ApiReading, APackageCalledLikeATarballKeepsItsVariants) {
  Publish("left.tgz", "1.0.0");
  Get("/left.tgz");
  const Response abbreviated = Get("/left.tgz", {{"Accept", kAbbreviated}});
  EXPECT_EQ(abbreviated.FindHeader("content-type"), kAbbreviated);
  Get("/left.tgz");
  EXPECT_TRUE(was_fast_);
}

TEST_F(ApiReading, AWriteIsSeenByTheNextReader) {
  Get("/left");
  const std::string etag(Get("/left").FindHeader("etag"));
  ASSERT_TRUE(was_fast_);
  Publish("left", "1.0.1");
  const Response fresh = Get("/left", {{"If-None-Match", etag}});
  EXPECT_FALSE(was_fast_);
  EXPECT_EQ(fresh.status(), 200);
  EXPECT_NE(fresh.FindHeader("etag"), etag);
  EXPECT_NE(BodyOf(fresh).find("1.0.1"), std::string::npos);
}

TEST_F(ApiReading, AWriteToAnotherPackageDisturbsNobody) {
  Get("/left");
  Publish("right", "1.0.0");
  Get("/left");
  EXPECT_TRUE(was_fast_);
}

TEST_F(ApiReading, EveryKindOfWriteInvalidates) {
  const auto expect_new_etag = [&](const char* what, const std::function<Response()>& write) {
    Get("/left");
    const std::string etag(Get("/left").FindHeader("etag"));
    ASSERT_TRUE(was_fast_) << what;
    const Response response = write();
    ASSERT_LT(response.status(), 300) << what << response.text();
    EXPECT_NE(Get("/left").FindHeader("etag"), etag) << what;
  };
  const Headers alice = {Bearer(token_)};
  using enum Method;
  expect_new_etag("dist-tag add", [&] { return Ask(kPut, "/-/package/left/dist-tags/beta", alice, "\"1.0.0\""); });
  expect_new_etag("dist-tag rm", [&] { return Ask(kDelete, "/-/package/left/dist-tags/beta", alice); });
  expect_new_etag("deprecate", [&] {
    return Ask(kPut, "/left", alice, R"({"_id":"left","name":"left","versions":{"1.0.0":{"deprecated":"old"}}})");
  });
  AddUserWithPassword("bob");
  expect_new_etag("owner", [&] { return Ask(kPut, "/-/package/left/owners", alice, R"({"user":"bob"})"); });
  expect_new_etag("unpublish", [&] { return Ask(kDelete, "/left/-rev/" + RevOf("left"), alice); });
}

TEST_F(ApiReading, TarballsAreKeptForAllVariantsAndGoWithTheirVersion) {
  const std::string target = "/left/-/left-1.0.0.tgz";
  const Response first = Get(target, {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(first.status(), 200);
  EXPECT_EQ(first.FindHeader("content-encoding"), "");
  EXPECT_EQ(Get(target, {{"Accept", "*/*"}}).FindHeader("content-type"), "application/octet-stream");
  EXPECT_TRUE(was_fast_);
  EXPECT_EQ(Get(target, {{"If-None-Match", std::string(first.FindHeader("etag"))}}).status(), 304);
  EXPECT_EQ(Get(target, {{"Range", "bytes=0-9"}}).status(), 206);
  EXPECT_TRUE(was_fast_);
  ASSERT_EQ(Ask(Method::kDelete, "/left/-rev/" + RevOf("left"), {Bearer(token_)}).status(), 200);
  EXPECT_EQ(Get(target).status(), 404);
}

TEST_F(ApiReading, HeadIsGetWithoutABody) {
  for (const char* target : {"/left", "/left/latest", "/left/-/left-1.0.0.tgz"}) {
    const Response get = Get(target);
    const Response head = Ask(Method::kHead, target);
    EXPECT_EQ(head.status(), 200) << target;
    EXPECT_EQ(head.prepared_head(), get.prepared_head()) << "the connection leaves the body away";
  }
  EXPECT_EQ(Ask(Method::kHead, "/no-such-package").status(), 404);
}

TEST_F(ApiReading, RestrictedPackagesAreNeverKept) {
  AddUserWithPassword("bob");
  Publish("@alice/secret", "1.0.0", "restricted");
  for (const char* target : {"/@alice%2fsecret", "/@alice/secret/-/secret-1.0.0.tgz"}) {
    for (int i = 0; i < 2; ++i) {
      const Response mine = Get(target, {Bearer(token_)});
      EXPECT_EQ(mine.status(), 200);
      EXPECT_FALSE(was_fast_);
      EXPECT_EQ(mine.FindHeader("cache-control").substr(0, 8), "private,");
    }
    const std::string nothing = Document("/@alice%2fno-such-package");
    EXPECT_EQ(Document(target), nothing);
    EXPECT_EQ(Document(target, {Bearer(TokenOf("bob"))}), nothing);
  }
}

TEST_F(ApiReading, WhatBecomesRestrictedIsForgotten) {
  Publish("@alice/open", "1.0.0", "public");
  Get("/@alice%2fopen");
  Get("/@alice/open/-/open-1.0.0.tgz");
  EXPECT_EQ(Get("/@alice%2fopen").status(), 200);
  ASSERT_TRUE(was_fast_);
  const Response closed =
      Ask(Method::kPost, "/-/package/@alice%2fopen/access", {Bearer(token_)}, R"({"access":"private"})");
  ASSERT_EQ(closed.status(), 200) << closed.text();
  EXPECT_EQ(Get("/@alice%2fopen").status(), 404);
  EXPECT_EQ(Get("/@alice/open/-/open-1.0.0.tgz").status(), 404);
}

TEST_F(ApiReading, WritersGetTheFullDocumentAndNoCacheKeepsIt) {
  for (int i = 0; i < 2; ++i) {
    const Response response = Get("/left?write=true", {{"Accept", kAbbreviated}});
    EXPECT_FALSE(was_fast_);
    EXPECT_EQ(response.FindHeader("content-type"), "application/json");
    EXPECT_EQ(response.FindHeader("cache-control"), "private, no-cache");
    EXPECT_NE(BodyOf(response).find("\"_rev\""), std::string::npos);
  }
}

TEST_F(ApiReading, LinksBeginWithTheUrlThatWasAskedFor) {
  api_options_.base_urls.public_urls = {"https://npm.example.org/npm/", "http://127.0.0.1:4873"};
  StartApi();
  EXPECT_NE(Document("/left").find(R"("tarball":"http://127.0.0.1:4873/left/-/left-1.0.0.tgz")"), std::string::npos);
  api_options_.base_urls.public_urls.pop_back();
  StartApi();
  for (const char* target : {"/npm/left", "/left"}) {
    EXPECT_NE(Document(target).find(R"("tarball":"https://npm.example.org/npm/left/-/left-1.0.0.tgz")"),
              std::string::npos);
  }
  EXPECT_EQ(Get("/npm/left/-/left-1.0.0.tgz").status(), 200);
}

TEST_F(ApiReading, OneManifestByVersionTagOrRange) {
  Publish("left", "1.1.0");
  for (const char* spec : {"1.1.0", "latest", "%5E1.0.0", "1.x"}) {
    const Response response = Get(std::string("/left/") + spec);
    EXPECT_EQ(response.status(), 200) << spec;
    EXPECT_EQ(response.FindHeader("content-type"), "application/json");
    EXPECT_NE(BodyOf(response).find(R"("version":"1.1.0")"), std::string::npos) << spec;
  }
  const Response missing = Get("/left/9.9.9");
  EXPECT_EQ(missing.status(), 404);
  EXPECT_NE(missing.text().find("9.9.9"), std::string_view::npos);
}

TEST_F(ApiReading, SearchHasWhatClientsRead) {
  const Response response = Get("/-/v1/search?text=left&size=5");
  EXPECT_EQ(response.status(), 200);
  for (const char* part :
       {R"("objects":[{"package":{"name":"left")", R"("version":"1.0.0")", R"("maintainers":[{"username":"alice")",
        R"("npm":"http://127.0.0.1:4873/left")", R"("downloads":{"monthly":0,"weekly":0})", R"("total":1)"}) {
    EXPECT_NE(response.text().find(part), std::string_view::npos) << part << " in " << response.text();
  }
  const Response missing = Get("/-/v1/search?size=5");
  EXPECT_EQ(missing.status(), 400);
  EXPECT_NE(missing.text().find("ERR_TEXT_MISSING"), std::string_view::npos);
  EXPECT_EQ(Get("/-/v1/search?text=" + std::string(1024, 'a')).status(), 200);
  EXPECT_EQ(Get("/-/v1/search?text=" + std::string(1025, 'a')).status(), 400);
  EXPECT_EQ(Get("/-/v1/search?text=left&size=0&from=nonsense").status(), 200);
}

}  // namespace
}  // namespace tarn::http
