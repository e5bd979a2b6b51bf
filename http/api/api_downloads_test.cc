// Download counts over HTTP. That they count what was sent whole is the connection's doing: tests/blackbox/feeds_test.py.
#include <gtest/gtest.h>

#include "http/api/testing/api_fixture.h"
#include "storage/registry/download_counts.h"

namespace tarn::http {
namespace {

class ApiDownloadsTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUser("alice");
    AddUser("bob");
    alice_ = TokenOf("alice");
    bob_ = TokenOf("bob");
    ASSERT_EQ(PublishAs(alice_, {}).status(), 201);
    PublishBuilder secret;
    secret.name = "@alice/secret";
    secret.access = "restricted";
    ASSERT_EQ(PublishAs(alice_, secret).status(), 201);
    today_ = registry::FormatDay(registry_->downloads().Today());
  }
  // What the connection does when the answer was sent whole.
  void Fetch(const std::string& target, Headers headers = {}) {
    const Response response = Get(target, std::move(headers));
    ASSERT_EQ(response.status(), 200);
    ASSERT_NE(response.sent_counter(), nullptr);
    ++*response.sent_counter();
  }
  std::string Counts(const std::string& target, Headers headers = {}) {
    return BodyOf(Get(target, std::move(headers)));
  }

  std::string alice_, bob_, today_;
};

TEST_F(ApiDownloadsTest, PointRangeAndVersions) {
  Fetch("/left/-/left-1.0.0.tgz");
  Fetch("/left/-/left-1.0.0.tgz");
  EXPECT_TRUE(was_fast_) << "answers from the cache count too";
  const std::string ends = "\"start\":\"" + today_ + "\",\"end\":\"" + today_ + "\"";
  EXPECT_EQ(Counts("/downloads/point/last-day/left"), "{\"downloads\":2," + ends + ",\"package\":\"left\"}");
  EXPECT_EQ(Counts("/downloads/point/" + today_ + "/left"), "{\"downloads\":2," + ends + ",\"package\":\"left\"}");
  EXPECT_EQ(Counts("/downloads/range/last-day/left"),
            "{\"downloads\":[{\"downloads\":2,\"day\":\"" + today_ + "\"}]," + ends + ",\"package\":\"left\"}");
  EXPECT_EQ(Counts("/downloads/point/last-day"), "{\"downloads\":2," + ends + "}");
  EXPECT_EQ(Counts("/versions/left/last-week"), "{\"package\":\"left\",\"downloads\":{\"1.0.0\":2}}");
  EXPECT_EQ(Counts("/downloads/point/last-day/left,nothing"),
            "{\"left\":{\"downloads\":2," + ends + ",\"package\":\"left\"},\"nothing\":null}");
  EXPECT_NE(Counts("/-/v1/search?text=left").find("\"downloads\":{\"monthly\":2,\"weekly\":2}"), std::string::npos);
}

TEST_F(ApiDownloadsTest, PartsAndConditionalAnswersDoNotCount) {
  const std::string target = "/left/-/left-1.0.0.tgz";
  EXPECT_EQ(Get(target, {{"Range", "bytes=0-1"}}).sent_counter(), nullptr);
  EXPECT_EQ(Get(target, {{"If-None-Match", "*"}}).sent_counter(), nullptr);
}

TEST_F(ApiDownloadsTest, BadQuestionsAreAnswered) {
  EXPECT_EQ(Get("/downloads/point/yesterday/left").status(), 400);
  EXPECT_EQ(Get("/downloads/range/2026-02-30/left").status(), 400);
  EXPECT_EQ(Get("/downloads/point/last-day/nothing").status(), 404);
  EXPECT_EQ(Counts("/downloads/point/last-day/nothing").find("{\"error\":\"package nothing not found\""), 0u);
  std::string many = "a";
  for (size_t i = 0; i < limits::kDownloadPackagesPerRequestMax; ++i) many += ",a";
  EXPECT_EQ(Get("/downloads/point/last-day/" + many).status(), 400);
  EXPECT_EQ(Get("/downloads/range/2022-09-01:2023-11-14/a,b").status(), 400);
  EXPECT_EQ(Ask(Method::kPost, "/downloads/point/last-day/left").status(), 405);
}

TEST_F(ApiDownloadsTest, OfWhatOneMayNotSeeThereAreNone) {
  Fetch("/@alice%2fsecret/-/secret-1.0.0.tgz", {Bearer(alice_)});
  for (const Headers& stranger : {Headers{}, Headers{Bearer(bob_)}}) {
    for (const char* route : {"/downloads/point/last-day/", "/downloads/range/last-week/"}) {
      const Response invisible = Get(route + std::string("@alice/secret"), stranger);
      EXPECT_EQ(invisible.status(), 404);
      std::string body = BodyOf(invisible);
      const std::string missing = Counts(route + std::string("@alice/nothin"), stranger);
      for (size_t at = 0; (at = body.find("secret", at)) != std::string::npos;) body.replace(at, 6, "nothin");
      EXPECT_EQ(body, missing);
    }
    EXPECT_EQ(Get("/versions/@alice%2fsecret/last-week", stranger).status(), 404);
    EXPECT_EQ(Counts("/downloads/point/last-day", stranger).find("{\"downloads\":0,"), 0u);
  }
  EXPECT_EQ(Counts("/downloads/point/last-day/@alice%2fsecret", {Bearer(alice_)}).find("{\"downloads\":1,"), 0u);
}

}  // namespace
}  // namespace tarn::http
