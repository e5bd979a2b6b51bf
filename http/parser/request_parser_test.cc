#include "http/parser/request_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "http/parser/parse_for_test.h"

namespace tarn::http {
namespace {

using Step = RequestParser::Step;
using testing::Feed;
using testing::Outcome;

// What npm 11 sends for an install.
constexpr std::string_view kNpmGet =
    "GET /@scope%2fname HTTP/1.1\r\n"
    "accept: application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*\r\n"
    "user-agent: npm/11.4.2 node/v22.16.0 linux x64 workspaces/false\r\n"
    "npm-auth-type: web\r\nnpm-command: install\r\n"
    "authorization: Bearer npm_0123456789012345678901234567890123456789\r\n"
    "pacote-version: 21.0.0\r\npacote-req-type: packument\r\npacote-pkg-id: registry:@scope/name\r\n"
    "accept-encoding: gzip,deflate\r\nHost: 127.0.0.1:4873\r\nConnection: keep-alive\r\n\r\n";

TEST(RequestParser, ReadsWhatNpmSends) {
  const Outcome expected{.http_status = 0, .requests = {"GET /@scope%2fname []"}, .incomplete = false};
  for (size_t piece = 1; piece <= kNpmGet.size(); piece = piece * 2 + 1) EXPECT_EQ(Feed(kNpmGet, piece), expected);
}

TEST(RequestParser, SplitsPipelinedRequests) {
  const std::string bytes =
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
      "PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
      "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /4 HTTP/1.1\r\nHost: h\r\n\r\n";
  const Outcome expected{.http_status = 0,
                         .requests = {"GET /1 []", "PUT /2 [hello]", "POST /3 [abcde]", "GET /4 []"},
                         .incomplete = false};
  for (size_t piece = 1; piece <= bytes.size(); ++piece) EXPECT_EQ(Feed(bytes, piece), expected) << piece;
}

// Cutting a stream anywhere gives an unfinished request, never a wrong one.
TEST(RequestParser, WaitsForMoreAtEveryCut) {
  const std::string bytes = "PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    const Outcome outcome = Feed(bytes.substr(0, cut), cut);
    EXPECT_TRUE(outcome.incomplete) << cut;
    EXPECT_EQ(outcome.http_status, 0) << cut;
    EXPECT_TRUE(outcome.requests.empty()) << cut;
  }
}

TEST(RequestParser, LeavesBytesAfterTheHeadAlone) {
  RequestParser parser;
  const std::string bytes = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbodyNEXT";
  ASSERT_EQ(parser.ParseHead(bytes), Step::kReady);
  EXPECT_EQ(parser.head_bytes(), bytes.size() - 8);
  const RequestParser::BodyStep data = parser.DecodeBody(std::string_view(bytes).substr(parser.head_bytes()));
  EXPECT_EQ(data.step, Step::kReady);
  EXPECT_EQ(data.data, "body");
  EXPECT_EQ(data.data.data(), bytes.data() + parser.head_bytes()) << "no copy";
  EXPECT_EQ(data.consumed, 4u);
  EXPECT_EQ(parser.DecodeBody("NEXT").step, Step::kDone);
  EXPECT_EQ(parser.DecodeBody("NEXT").step, Step::kDone);
}

TEST(RequestParser, FollowsABufferThatMoves) {
  RequestParser parser;
  std::string first = "GET /somewhere HTTP/1.1\r\nHost: h\r\nX: ";
  ASSERT_EQ(parser.ParseHead(first), Step::kNeedMore);
  const std::string second = first + "y\r\n\r\n";
  first.assign(first.size(), '#');
  ASSERT_EQ(parser.ParseHead(second), Step::kReady);
  EXPECT_EQ(parser.head().target, "/somewhere");
  EXPECT_EQ(parser.head().host, "h");
  EXPECT_EQ(parser.head().target.data(), second.data() + 4);
}

TEST(RequestParser, StaysRefused) {
  RequestParser parser;
  ASSERT_EQ(parser.ParseHead("BAD\r\n"), Step::kRefused);
  EXPECT_EQ(parser.refusal().http_status, 400);
  EXPECT_EQ(parser.refusal().reason.code(), Code::kInvalidArgument);
  EXPECT_EQ(parser.ParseHead("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), Step::kRefused);
  EXPECT_EQ(parser.DecodeBody("x").step, Step::kRefused);
}

TEST(RequestParser, NamesALimitAsSuch) {
  RequestParser parser(64);
  ASSERT_EQ(parser.ParseHead("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(64, 'x')), Step::kRefused);
  EXPECT_EQ(parser.refusal().http_status, 431);
  EXPECT_EQ(parser.refusal().reason.code(), Code::kTooLarge);
}

// Random requests with random bodies, cut at random places, come out as they went in.
TEST(RequestParser, RoundTripsRandomStreams) {
  const char* env = std::getenv("TEST_SEED");
  const uint64_t seed = env != nullptr ? std::strtoull(env, nullptr, 10) : std::random_device()();
  SCOPED_TRACE("TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&random](uint64_t n) { return random() % n; };
  for (int round = 0; round < 200; ++round) {
    std::string bytes;
    std::vector<std::string> expected;
    for (uint64_t i = below(5) + 1; i > 0; --i) {
      std::string body(below(300), '\0');
      for (char& c : body) c = static_cast<char>(random());
      const std::string path = "/" + std::to_string(below(1000));
      bytes += "PUT " + path + " HTTP/1.1\r\nHost: h\r\n";
      for (uint64_t k = below(10); k > 0; --k)
        bytes += "X" + std::to_string(k) + ": " + std::string(below(50), 'v') + "\r\n";
      if (below(2) == 0) {
        bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      } else {
        bytes += "Transfer-Encoding: chunked\r\n\r\n";
        for (size_t at = 0; at < body.size();) {
          const size_t size = std::min<size_t>(below(40) + 1, body.size() - at);
          char line[32];
          std::snprintf(line, sizeof(line), below(2) == 0 ? "%zx\r\n" : "%zX;e\r\n", size);
          bytes += line + body.substr(at, size) + "\r\n";
          at += size;
        }
        bytes += "0\r\n\r\n";
      }
      expected.push_back("PUT " + path + " [" + body + "]");
    }
    const Outcome outcome = Feed(bytes, below(bytes.size()) + 1);
    EXPECT_EQ(outcome.http_status, 0);
    EXPECT_FALSE(outcome.incomplete);
    EXPECT_EQ(outcome.requests, expected);
  }
}

}  // namespace
}  // namespace tarn::http
