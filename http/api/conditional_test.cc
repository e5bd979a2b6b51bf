#include "http/api/conditional.h"

#include <gtest/gtest.h>

#include "http/api/testing/test_head.h"
#include "storage/base/digest.h"

namespace tarn::http {
namespace {

using registry::PackumentCoding;
using registry::PackumentForm;

constexpr uint64_t kModifiedMs = 784111777500;  // Sun, 06 Nov 1994 08:49:37.5 GMT

std::shared_ptr<const HotAnswer> Packument(PackumentForm form, PackumentCoding coding, Audience audience) {
  auto body = std::make_shared<registry::PackumentBody>();
  body->form = form;
  body->coding = coding;
  body->buffers = {std::make_shared<const std::string>("{\"name\":"), std::make_shared<const std::string>("\"n\"}")};
  body->length = 12;
  body->etag = "\"tag\"";
  registry::PackumentAnswer answer;
  answer.body = body;
  answer.modified_ms = kModifiedMs;
  return MakePackumentAnswer(answer, audience);
}

Response SendTo(const std::shared_ptr<const HotAnswer>& answer,
                const std::vector<std::pair<std::string, std::string>>& headers, Method method = Method::kGet) {
  const TestHead head(method, "/n", headers);
  Response response;
  Send(answer, *head, &response);
  return response;
}

TEST(Packument, CarriesTypeCodingAndCaching) {
  const Response full = SendTo(Packument(PackumentForm::kFull, PackumentCoding::kGzip, Audience::kPublic), {});
  EXPECT_EQ(full.status(), 200);
  EXPECT_EQ(full.FindHeader("content-type"), "application/json");
  EXPECT_EQ(full.FindHeader("content-encoding"), "gzip");
  EXPECT_EQ(full.FindHeader("content-length"), "12");
  EXPECT_EQ(full.FindHeader("vary"), "accept, accept-encoding");
  EXPECT_EQ(full.FindHeader("cache-control"), "public, max-age=1");
  EXPECT_EQ(full.body_bytes(), 12u);
  const Response abbreviated =
      SendTo(Packument(PackumentForm::kAbbreviated, PackumentCoding::kIdentity, Audience::kPrivate), {});
  EXPECT_EQ(abbreviated.FindHeader("content-type"), "application/vnd.npm.install-v1+json");
  EXPECT_EQ(abbreviated.FindHeader("content-encoding"), "");
  EXPECT_EQ(abbreviated.FindHeader("cache-control"), "private, max-age=1");
  const Response writer = SendTo(Packument(PackumentForm::kFull, PackumentCoding::kGzip, Audience::kWriter), {});
  EXPECT_EQ(writer.FindHeader("cache-control"), "private, no-cache");
}

TEST(Packument, Answers304OnlyToAValidator) {
  const auto answer = Packument(PackumentForm::kFull, PackumentCoding::kGzip, Audience::kPublic);
  const Response unchanged = SendTo(answer, {{"If-None-Match", "\"other\", W/\"tag\""}});
  EXPECT_EQ(unchanged.status(), 304);
  EXPECT_EQ(unchanged.FindHeader("etag"), "\"tag\"");
  EXPECT_EQ(unchanged.FindHeader("vary"), "accept, accept-encoding");
  EXPECT_EQ(unchanged.FindHeader("cache-control"), "public, max-age=1");
  EXPECT_EQ(unchanged.body_bytes(), 0u);
  EXPECT_EQ(SendTo(answer, {{"If-None-Match", "\"other\""}}).status(), 200);
  EXPECT_EQ(SendTo(answer, {}).status(), 200);
  EXPECT_EQ(SendTo(answer, {{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}).status(), 304);
  EXPECT_EQ(SendTo(answer, {{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}).status(), 200);
  EXPECT_EQ(SendTo(answer, {{"If-Modified-Since", "yesterday"}}).status(), 200);
  EXPECT_EQ(
      SendTo(answer, {{"If-None-Match", "\"other\""}, {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}).status(),
      200)
      << "If-None-Match decides alone";
}

std::shared_ptr<const HotAnswer> Tarball(uint64_t size) {
  registry::TarballAnswer tarball;
  auto file = PosixFileSystem().OpenReadOnly("/dev/null");
  EXPECT_TRUE(file.ok());
  tarball.blob.file = std::move(*file);
  tarball.blob.offset_bytes = 1000;
  tarball.blob.info.size_bytes = size;
  tarball.blob.info.sha512 = Sha512("x");
  return MakeTarballAnswer(tarball, Audience::kPublic);
}

TEST(Tarball, IsSentAsItIsForEver) {
  const Response whole = SendTo(Tarball(100), {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(whole.status(), 200);
  EXPECT_EQ(whole.FindHeader("content-type"), "application/octet-stream");
  EXPECT_EQ(whole.FindHeader("content-encoding"), "");
  EXPECT_EQ(whole.FindHeader("content-length"), "100");
  EXPECT_EQ(whole.FindHeader("cache-control"), "public, immutable, max-age=31536000");
  EXPECT_EQ(whole.file().offset, 1000u);
}

TEST(Tarball, SendsRanges) {
  const Response part = SendTo(Tarball(100), {{"Range", "bytes=10-19"}});
  EXPECT_EQ(part.status(), 206);
  EXPECT_EQ(part.FindHeader("content-range"), "bytes 10-19/100");
  EXPECT_EQ(part.FindHeader("cache-control"), "public, immutable, max-age=31536000");
  EXPECT_EQ(part.file().offset, 1010u);
  EXPECT_EQ(part.file().length, 10u);
  const Response outside = SendTo(Tarball(100), {{"Range", "bytes=100-"}});
  EXPECT_EQ(outside.status(), 416);
  EXPECT_EQ(outside.FindHeader("content-range"), "bytes */100");
  const std::string etag(part.FindHeader("etag"));
  EXPECT_EQ(SendTo(Tarball(100), {{"Range", "bytes=10-19"}, {"If-Range", etag}}).status(), 206);
  EXPECT_EQ(SendTo(Tarball(100), {{"Range", "bytes=10-19"}, {"If-Range", "\"old\""}}).status(), 200);
  EXPECT_EQ(SendTo(Tarball(100), {{"Range", "bytes=10-19"}}, Method::kHead).status(), 200) << "ranges are for GET";
}

TEST(HotKey, TellsVariantsAndBasesApartButNotForTarballs) {
  const auto key = [](const char* target, const char* accept, const char* encoding, const char* base) {
    const TestHead head(Method::kGet, target, {{"Accept", accept}, {"Accept-Encoding", encoding}});
    std::string text;
    AppendHotKey(LikelyHotKind(target), *head, base, &text);
    return text;
  };
  constexpr const char* kShort = "application/vnd.npm.install-v1+json";
  EXPECT_NE(key("/n", "*/*", "gzip", "http://a"), key("/n", kShort, "gzip", "http://a"));
  EXPECT_NE(key("/n", "*/*", "gzip", "http://a"), key("/n", "*/*", "", "http://a"));
  EXPECT_NE(key("/n", "*/*", "gzip", "http://a"), key("/n", "*/*", "gzip", "http://b"));
  EXPECT_EQ(key("/n/-/n-1.tgz", "*/*", "gzip", "http://a"), key("/n/-/n-1.tgz", "", "", "http://b"));
  EXPECT_NE(key("/p/n/-/n-1.tgz", "", "", "http://a/p"), key("/p/n/-/n-1.tgz", "", "", "http://a"));
  EXPECT_NE(key("/n.tgz", "*/*", "gzip", "http://a"), key("/n.tgz", kShort, "gzip", "http://a"))
      << "a package may be called like a tarball";
}

TEST(HotKey, KindsNeverMeet) {
  const TestHead head(Method::kGet, "/n/-/n-1.tgz");
  std::string packument, tarball;
  AppendHotKey(HotKind::kPackument, *head, "http://a", &packument);
  AppendHotKey(HotKind::kTarball, *head, "http://a", &tarball);
  EXPECT_NE(packument, tarball);
  EXPECT_EQ(LikelyHotKind("/n"), HotKind::kPackument);
}

}  // namespace
}  // namespace tarn::http
