// Bodies on their way in: publishes of every size, compressed, refused, abandoned.

#include <gtest/gtest.h>

#include "http/api/error_response.h"
#include "http/api/testing/api_fixture.h"
#include "storage/testing/gzip.h"

namespace tarn::http {
namespace {

class ApiUpload : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    AddUserWithPassword("alice");
    AddUserWithPassword("bob");
    token_ = TokenOf("alice");
    large_.contents = random_.Bytes(2 * limits::kMiB);  // Does not compress: the body is 2.8 MB.
  }

  Response Put(FakeBody* body, Headers headers = {}) {
    headers.push_back(Bearer(token_));
    return AskWith(Method::kPut, "/left", std::move(headers), body, body->size());
  }
  void ExpectNothingStored() {
    EXPECT_EQ(Get("/left").status(), 404);
    EXPECT_EQ(store_.last_lsn(), before_) << "no commit";
  }

  std::string token_;
  PublishBuilder small_;
  PublishBuilder large_;
  Lsn before_;
};

TEST_F(ApiUpload, PublishesInPiecesOfAnySize) {
  int number = 0;
  for (const size_t piece : {size_t{1}, size_t{1000}, size_t{1} << 20}) {
    PublishBuilder builder;
    builder.version = "1.0." + std::to_string(number++);
    FakeBody body(InPieces(builder.Body(), piece));
    const Response response = Put(&body);
    EXPECT_EQ(response.status(), 201) << response.text();
    EXPECT_NE(response.text().find(R"("ok":true,"success":true,"id":"left","rev":")"), std::string_view::npos);
    EXPECT_EQ(response.FindHeader("tarn-lsn"), std::to_string(store_.last_lsn().value()));
  }
}

TEST_F(ApiUpload, StreamsALargeOneAndServesTheSameBytes) {
  FakeBody body(InPieces(large_.Body(), 100'000));
  ASSERT_EQ(Put(&body).status(), 201);
  const auto stored = TarballBytes(registry::Principal::System(), "left", "left-1.0.0.tgz");
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(*stored, large_.Tarball());
  ExpectVerified();
}

TEST_F(ApiUpload, TakesACompressedBody) {
  const std::string plain = large_.Body();
  FakeBody body(InPieces(Gzip(plain), 300'000));
  const Response response = Put(&body, {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(response.status(), 201) << response.text();
  const auto stored = TarballBytes(registry::Principal::System(), "left", "left-1.0.0.tgz");
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(*stored, large_.Tarball());
}

TEST_F(ApiUpload, RefusesABrokenCompressedBody) {
  before_ = store_.last_lsn();
  const std::string packed = Gzip(small_.Body());
  FakeBody truncated({packed.substr(0, packed.size() - 4)});
  EXPECT_EQ(Put(&truncated, {{"Content-Encoding", "gzip"}}).status(), 400);
  FakeBody plain({small_.Body()});
  EXPECT_EQ(Put(&plain, {{"Content-Encoding", "gzip"}}).status(), 400);
  FakeBody other({packed});
  EXPECT_EQ(Put(&other, {{"Content-Encoding", "br"}}).status(), 400);
  EXPECT_EQ(other.reads(), 0);
  ExpectNothingStored();
}

TEST_F(ApiUpload, BoundsWhatACompressedBodyBecomes) {
  before_ = store_.last_lsn();
  api_options_.upload_bytes_max = limits::kMiB;
  StartApi();
  FakeBody bomb({Gzip("{\"x\":\"" + std::string(2 * limits::kMiB, 'a') + "\"}")});
  EXPECT_EQ(Put(&bomb, {{"Content-Encoding", "gzip"}}).status(), 413);
  ExpectNothingStored();
}

TEST_F(ApiUpload, RefusesTooLargeABodyBeforeReadingIt) {
  api_options_.upload_bytes_max = 1000;
  StartApi();
  FakeBody body({std::string(1001, 'x')});
  EXPECT_EQ(Put(&body).status(), 413);
  EXPECT_EQ(body.reads(), 0);
  // Chunked: how much it is shows only while it comes.
  FakeBody chunked(InPieces(std::string(1001, 'x'), 100));
  EXPECT_EQ(AskWith(Method::kPut, "/left", {Bearer(token_)}, &chunked, 0).status(), 413);
}

TEST_F(ApiUpload, TheLimitFollowsThatOfTarballs) {
  // 1.37 times the tarball, for base64, plus the metadata: contract, section 1, rule 10.
  api_options_.tarball_bytes_max = 100'000;
  api_options_.metadata_bytes_max = 50'000;
  StartApi();
  FakeBody at_the_limit({std::string(187'000, ' ')});
  EXPECT_EQ(Put(&at_the_limit).status(), 400) << "not JSON, but read";
  FakeBody above({std::string(187'001, ' ')});
  EXPECT_EQ(Put(&above).status(), 413);
}

TEST_F(ApiUpload, StrangersAreRefusedBeforeTheirBodyIsRead) {
  before_ = store_.last_lsn();
  for (const Headers& headers : {Headers{}, Headers{Bearer("nonsense")}}) {
    FakeBody body(InPieces(small_.Body(), 1000));
    EXPECT_EQ(AskWith(Method::kPut, "/left", headers, &body, body.size()).status(), 401);
    EXPECT_EQ(body.reads(), 0);
  }
  ExpectNothingStored();
}

TEST_F(ApiUpload, OthersMayNotPublishAndAreToldEarly) {
  ASSERT_EQ(PublishAs(token_, small_).status(), 201);
  large_.version = "2.0.0";
  FakeBody body(InPieces(large_.Body(), 100'000));
  const Response response = AskWith(Method::kPut, "/left", {Bearer(TokenOf("bob"))}, &body, body.size());
  EXPECT_EQ(response.status(), 403) << response.text();
  EXPECT_LT(body.reads(), 20) << "not all 28 pieces were taken";
  EXPECT_EQ(Get("/left/2.0.0").status(), 404);
}

TEST_F(ApiUpload, AClientThatLeavesLeavesNothing) {
  const std::string text = large_.Body();
  before_ = store_.last_lsn();
  for (const Code code : {Code::kCancelled, Code::kDeadlineExceeded, Code::kInvalidArgument}) {
    FakeBody body(InPieces(std::string_view(text).substr(0, 2'000'000), 100'000), Status(code, "the connection broke"));
    const Response response = AskWith(Method::kPut, "/left", {Bearer(token_)}, &body, text.size());
    EXPECT_EQ(response.status(), HttpStatusOf(code));
    ExpectNothingStored();
  }
  EXPECT_EQ(api_->admission().stats(AdmissionClass::kWrite).inside, 0u);
  FakeBody whole(InPieces(text, 100'000));
  EXPECT_EQ(Put(&whole).status(), 201) << "the next attempt succeeds";
}

TEST_F(ApiUpload, NobodyWritesWhereNothingCanBeWritten) {
  node_.can_write = OutOfSpace("the disk is full");
  FakeBody body({small_.Body()});
  EXPECT_EQ(Put(&body).status(), 507);
  EXPECT_EQ(body.reads(), 0);
  node_.can_write = OkStatus();
  store_.RefuseCommits(OutOfSpace("the disk is full"));
  FakeBody again({small_.Body()});
  EXPECT_EQ(Put(&again).status(), 507);
  store_.RefuseCommits(OkStatus());
  FakeBody third({small_.Body()});
  EXPECT_EQ(Put(&third).status(), 201);
}

TEST_F(ApiUpload, SmallBodiesAreBoundedAndMayBeCompressed) {
  const std::string user = R"({"name":"carol","password":"secret-carol","email":"carol@example.com"})";
  options_.registration = registry::RegistryOptions::Registration::kOpen;
  StartApi();
  const Response login =
      Ask(Method::kPut, "/-/user/org.couchdb.user:carol", {{"Content-Encoding", "gzip"}}, Gzip(user));
  EXPECT_EQ(login.status(), 201) << login.text();
  const std::string padded = user + std::string(kSmallBodyBytesMax - user.size(), ' ');
  EXPECT_EQ(Ask(Method::kPut, "/-/user/org.couchdb.user:carol", {}, padded).status(), 201);
  EXPECT_EQ(Ask(Method::kPut, "/-/user/org.couchdb.user:carol", {}, padded + " ").status(), 413);
  EXPECT_EQ(
      Ask(Method::kPut, "/-/user/org.couchdb.user:carol", {{"Content-Encoding", "gzip"}}, Gzip(padded + " ")).status(),
      413);
}

TEST_F(ApiUpload, SlowClientsHoldNoPlace) {
  // While the body of a login is awaited, nothing is held; the place is taken when it is there.
  api_options_.admission.write = {.concurrent_max = 0, .bytes_max = 1, .waiting_max = 0, .wait_ms_max = 0};
  StartApi();
  FakeBody body({"{}"}, DeadlineExceeded("the request body comes too slowly"));
  EXPECT_EQ(AskWith(Method::kPut, "/-/user/org.couchdb.user:carol", {}, &body, 100).status(), 408);
  EXPECT_EQ(api_->admission().stats(AdmissionClass::kWrite).refused, 0u);
}

}  // namespace
}  // namespace tarn::http
