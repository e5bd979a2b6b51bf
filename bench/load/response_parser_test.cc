#include "bench/load/response_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn::bench {
namespace {

using State = ResponseParser::State;

constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\nConnection: keep-alive\r\n\r\nhello";

// The state after `text` in one piece.
State Parse(std::string_view text) {
  ResponseParser parser;
  std::string_view body;
  parser.Feed(text, &body);
  return parser.state();
}

TEST(ResponseParser, ReadsAResponseHoweverItIsCut) {
  for (size_t step = 1; step <= kResponse.size(); ++step) {
    ResponseParser parser;
    std::string body;
    for (size_t at = 0; at < kResponse.size(); at += step) {
      const std::string_view piece = kResponse.substr(at, step);
      std::string_view body_piece;
      EXPECT_EQ(parser.Feed(piece, &body_piece), piece.size());
      body += body_piece;
    }
    EXPECT_EQ(parser.state(), State::kDone) << step;
    EXPECT_EQ(parser.status(), 200);
    EXPECT_EQ(body, "hello");
  }
}

TEST(ResponseParser, LeavesWhatFollowsTheBody) {
  ResponseParser parser;
  std::string_view body;
  const std::string two = std::string(kResponse) + "HTTP";
  EXPECT_EQ(parser.Feed(two, &body), kResponse.size());
  EXPECT_EQ(parser.state(), State::kDone);
}

TEST(ResponseParser, CountsSkippedBodyBytes) {
  ResponseParser parser;
  std::string_view body;
  parser.Feed("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", &body);
  EXPECT_EQ(parser.body_remaining(), 97U);
  parser.SkipBody(96);
  EXPECT_EQ(parser.state(), State::kBody);
  parser.SkipBody(1);
  EXPECT_EQ(parser.state(), State::kDone);
}

TEST(ResponseParser, TakesNo304BodyEvenWithALength) {
  ResponseParser parser;
  std::string_view body;
  parser.Feed("HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", &body);
  EXPECT_EQ(parser.state(), State::kDone);
  EXPECT_EQ(parser.content_length(), 0U);
}

TEST(ResponseParser, ForgetsTheLastResponseOnReset) {
  ResponseParser parser;
  std::string_view body;
  parser.Feed("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", &body);
  EXPECT_TRUE(parser.close_announced());
  parser.Reset();
  EXPECT_EQ(parser.Feed(kResponse, &body), kResponse.size());
  EXPECT_EQ(parser.state(), State::kDone);
  EXPECT_FALSE(parser.close_announced());
}

TEST(ResponseParser, RefusesWhatItCannotCount) {
  EXPECT_EQ(Parse("HTTP/1.1 200 OK\r\n\r\n"), State::kBad);
  EXPECT_EQ(Parse("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n"), State::kBad);
  EXPECT_EQ(Parse("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), State::kBad);
  EXPECT_EQ(Parse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), State::kBad);
  EXPECT_EQ(Parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), State::kBad);
}

TEST(ResponseParser, RefusesOtherProtocols) {
  EXPECT_EQ(Parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), State::kBad);
  EXPECT_EQ(Parse("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n"), State::kBad);
  EXPECT_EQ(Parse("HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), State::kBad);
  EXPECT_EQ(Parse("SSH-2.0\r\n\r\n"), State::kBad);
}

TEST(ResponseParser, BoundsTheHead) {
  const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
  const std::string end = "\r\n\r\n";
  const size_t room = ResponseParser::kHeadBytesMax - start.size() - end.size();
  EXPECT_EQ(Parse(start + std::string(room, 'x') + end), State::kDone);
  EXPECT_EQ(Parse(start + std::string(room + 1, 'x') + end), State::kBad);
}

}  // namespace
}  // namespace tarn::bench
