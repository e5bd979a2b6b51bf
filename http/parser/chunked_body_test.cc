#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "http/parser/request_parser.h"

namespace tarn::http {
namespace {

using Step = RequestParser::Step;

constexpr std::string_view kHead = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(ChunkedBody, IsDeliveredPieceByPieceWithoutCopies) {
  RequestParser parser;
  ASSERT_EQ(parser.ParseHead(kHead), Step::kReady);
  EXPECT_EQ(parser.head().body_kind, BodyKind::kChunked);
  const std::string_view wire = "4\r\nwiki\r\n5;x=y\r\npedia\r\n0\r\nT: r\r\n\r\nGET";
  RequestParser::BodyStep first = parser.DecodeBody(wire);
  EXPECT_EQ(first.step, Step::kReady);
  EXPECT_EQ(first.data, "wiki");
  EXPECT_EQ(first.data.data(), wire.data() + 3);
  RequestParser::BodyStep second = parser.DecodeBody(wire.substr(first.consumed));
  EXPECT_EQ(second.data, "pedia");
  const std::string_view rest = wire.substr(first.consumed + second.consumed);
  RequestParser::BodyStep last = parser.DecodeBody(rest);
  EXPECT_EQ(last.step, Step::kDone);
  EXPECT_EQ(rest.substr(last.consumed), "GET");
}

TEST(ChunkedBody, DeliversAPartOfAChunkAsItArrives) {
  RequestParser parser;
  ASSERT_EQ(parser.ParseHead(kHead), Step::kReady);
  EXPECT_EQ(parser.DecodeBody("a\r\n01234").data, "01234");
  EXPECT_EQ(parser.DecodeBody("").step, Step::kNeedMore);
  EXPECT_EQ(parser.DecodeBody("5678").data, "5678");
  EXPECT_EQ(parser.DecodeBody("9\r").data, "9");
  EXPECT_EQ(parser.DecodeBody("\r").step, Step::kNeedMore);
  EXPECT_EQ(parser.DecodeBody("\n0\r\n\r").step, Step::kNeedMore);
  EXPECT_EQ(parser.DecodeBody("\n").step, Step::kDone);
}

TEST(ChunkedBody, MayBeEmpty) {
  RequestParser parser;
  ASSERT_EQ(parser.ParseHead(kHead), Step::kReady);
  EXPECT_EQ(parser.DecodeBody("0\r\n\r\n").step, Step::kDone);
  parser.Reset();
  ASSERT_EQ(parser.ParseHead("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), Step::kReady);
  EXPECT_EQ(parser.DecodeBody("").step, Step::kDone);
}

}  // namespace
}  // namespace tarn::http
