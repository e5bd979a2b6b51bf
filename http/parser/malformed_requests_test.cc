#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "http/parser/parse_for_test.h"

// Attacks and their harmless neighbours. Every row is fed whole, byte by byte and in pieces of seven, and must come to the
// same end. Sources: the CVEs named, RFC 9112, and what llhttp 8.1 in strict mode lets through by itself ("own check").
namespace tarn::http {
namespace {

using namespace std::string_view_literals;

struct Row {
  std::string_view name;
  std::string_view bytes;
  uint16_t http_status;  // 0: accepted.
};

constexpr Row kRows[] = {
    // Line ends.
    {"CR without LF splits a header (CVE-2023-30589)",
     "GET / HTTP/1.1\r\nHost: h\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n"sv, 400},
    {"CR LF CR x ends the header block (CVE-2025-23167)", "GET / HTTP/1.1\r\nHost: h\r\n\rX"sv, 400},
    {"bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n"sv, 400},
    {"bare LF after a header", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"sv, 400},
    {"bare LF ends the head", "GET / HTTP/1.1\r\nHost: h\r\n\n"sv, 400},
    {"bare LFs only", "GET / HTTP/1.1\nHost: h\n\n"sv, 400},
    {"bare LF before the request line", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"empty lines before the request line", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"one empty line before the request line is forgiven", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, 0},
    // Header lines.
    {"obs-fold with a space (CVE-2024-27982, own check)",
     "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n Content-Length: 5\r\n\r\n"sv, 400},
    {"obs-fold with a tab (own check)", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n"sv, 400},
    {"space before the first header (own check)", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"sv, 400},
    {"space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n"sv, 400},
    {"tab before the colon", "GET / HTTP/1.1\r\nHost\t: h\r\n\r\n"sv, 400},
    {"empty header name (own check)", "GET / HTTP/1.1\r\nHost: h\r\n: v\r\n\r\n"sv, 400},
    {"header without a colon", "GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n"sv, 400},
    {"NUL in a header value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"sv, 400},
    {"NUL in a header name", "GET / HTTP/1.1\r\nHost: h\r\nX\0: b\r\n\r\n"sv, 400},
    {"vertical tab in a header value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x0b\r\n\r\n"sv, 400},
    {"DEL in a header value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x7f\r\n\r\n"sv, 400},
    {"separator in a header name", "GET / HTTP/1.1\r\nHost: h\r\nX(y): b\r\n\r\n"sv, 400},
    {"UTF-8 in a header value is opaque", "GET / HTTP/1.1\r\nHost: h\r\nX: gr\xc3\xbc\xc3\x9f\r\n\r\n"sv, 0},
    // Request line.
    {"HTTP/0.9 ended by bare LF (llhttp 877, own check)", "GET /\n"sv, 400},
    {"HTTP/0.9 (own check)", "GET /\r\n"sv, 505},
    {"HTTP/0.9 with headers and a body (own check)", "POST /\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"sv, 505},
    {"HTTP/2.0 version (own check)", "GET / HTTP/2.0\r\nHost: h\r\n\r\n"sv, 505},
    {"HTTP/2 preface (own check)", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n"sv, 505},
    {"ICE version (own check)", "SOURCE / ICE/1.0\r\nHost: h\r\n\r\n"sv, 400},
    {"RTSP version", "DESCRIBE / RTSP/1.0\r\nHost: h\r\n\r\n"sv, 400},
    {"lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"space after the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"sv, 400},
    {"space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"tab in the target", "GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"bytes above 0x7f in the target", "GET /\xc3\xbc HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"fragment in the target", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"target without a slash", "GET pkg HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"star with GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"star with OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"sv, 0},
    {"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"sv, 501},
    {"method that nobody knows", "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n"sv, 501},
    {"lower-case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n"sv, 501},
    {"separator in the method", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"TLS where plain text is spoken", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"sv, 400},
    // Host.
    {"no Host (own check)", "GET / HTTP/1.1\r\n\r\n"sv, 400},
    {"two Hosts (own check)", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"sv, 400},
    {"the same Host twice (own check)", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"sv, 400},
    {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"sv, 400},
    {"path in Host", "GET / HTTP/1.1\r\nHost: h/evil\r\n\r\n"sv, 400},
    {"user in Host", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"sv, 400},
    {"list in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"sv, 400},
    {"absolute form with another host (own check)", "GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n"sv, 400},
    {"absolute form with a user", "GET http://u@h/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"absolute form of another scheme", "GET ftp://h/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
    {"absolute form with the same host", "GET http://H:80/x HTTP/1.1\r\nHost: h:80\r\n\r\n"sv, 0},
    {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"sv, 0},
    // Framing.
    {"Content-Length and Transfer-Encoding",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv, 400},
    {"Transfer-Encoding and Content-Length",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"sv, 400},
    {"two Content-Lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"sv, 400},
    {"the same Content-Length twice",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"sv, 400},
    {"list in Content-Length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4, 4\r\n\r\nabcd"sv, 400},
    {"plus in Content-Length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\nabcd"sv, 400},
    {"minus in Content-Length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -4\r\n\r\nabcd"sv, 400},
    {"hexadecimal Content-Length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x4\r\n\r\nabcd"sv, 400},
    {"Content-Length with a space inside", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4 4\r\n\r\nabcd"sv, 400},
    {"empty Content-Length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n"sv, 400},
    {"Content-Length over 2^64", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551620\r\n\r\nabcd"sv,
     400},
    {"Transfer-Encoding on HTTP/1.0 (own check)",
     "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv, 400},
    {"unknown transfer coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"sv, 501},
    {"gzip, chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"sv, 501},
    {"chunked, identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"sv, 501},
    {"identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n"sv, 501},
    {"xchunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"sv, 501},
    {"quoted chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"sv, 501},
    {"empty Transfer-Encoding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n"sv, 501},
    {"two Transfer-Encodings",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv, 400},
    {"two Transfer-Encodings, one hidden",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n"sv, 400},
    {"two identities", "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"sv,
     400},
    {"another expectation", "PUT / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 1\r\n\r\na"sv, 417},
    {"data after Connection: close is the next request's", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nx"sv,
     0},
    {"Upgrade is ignored", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"sv,
     0},
    // Chunks.
    {"chunk data not followed by CR LF",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n"sv, 400},
    {"chunk longer than its size",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"sv, 400},
    {"bare LF after a chunk size",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"sv, 400},
    {"bare LF in a chunk extension",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n"sv, 400},
    {"CR without LF in a chunk extension",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a\rb\r\nabc\r\n0\r\n\r\n"sv, 400},
    {"chunk size with 0x", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"sv,
     400},
    {"chunk size with a sign",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n"sv, 400},
    {"chunk size with a space",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n"sv, 400},
    {"chunk size over 2^64",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n"sv, 400},
    {"empty chunk size", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n"sv, 400},
    {"bare LF in a trailer",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\nC: d\r\n\r\n"sv, 400},
    {"Content-Length in a trailer is dropped with it",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n"sv, 0},
    {"Transfer-Encoding in a trailer",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"sv, 400},
    {"a chunk with a short extension",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n"sv, 0},
    {"chunks and trailers",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n"sv, 0},
};
static_assert(std::size(kRows) >= 47);

TEST(MalformedRequests, AreRefusedHoweverTheyAreCut) {
  for (const Row& row : kRows) {
    const testing::Outcome whole = testing::Feed(row.bytes, row.bytes.size());
    EXPECT_EQ(whole.http_status, row.http_status) << row.name;
    EXPECT_EQ(whole.requests.size(), row.http_status == 0 ? 1u : 0u) << row.name;
    EXPECT_EQ(testing::Feed(row.bytes, 1), whole) << row.name;
    EXPECT_EQ(testing::Feed(row.bytes, 7), whole) << row.name;
  }
}

// The row above, hidden behind a good request on the same connection.
TEST(MalformedRequests, AreRefusedWhenPipelinedAfterAGoodOne) {
  const std::string good = "GET /good HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const Row& row : kRows) {
    if (row.http_status == 0) continue;
    const std::string bytes = good + std::string(row.bytes);
    for (const size_t piece : {bytes.size(), size_t{1}, size_t{13}}) {
      const testing::Outcome outcome = testing::Feed(bytes, piece);
      EXPECT_EQ(outcome.http_status, row.http_status) << row.name;
      EXPECT_EQ(outcome.requests, std::vector<std::string>{"GET /good []"}) << row.name;
    }
  }
}

std::string Repeat(std::string_view text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += text;
  return result;
}

void ExpectStatus(const std::string& bytes, uint16_t http_status, const char* name) {
  const testing::Outcome whole = testing::Feed(bytes, bytes.size());
  EXPECT_EQ(whole.http_status, http_status) << name;
  EXPECT_EQ(testing::Feed(bytes, 101), whole) << name;
  EXPECT_EQ(testing::Feed(bytes.substr(0, 20'000), 1), testing::Feed(bytes.substr(0, 20'000), 20'000)) << name;
}

TEST(RequestLimits, HoldAtTheLimitAndOnePast) {
  const auto with_target = [](size_t bytes) {
    return "GET /" + std::string(bytes - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  ExpectStatus(with_target(limits::kTargetBytesMax), 0, "longest target");
  ExpectStatus(with_target(limits::kTargetBytesMax + 1), 414, "target too long");
  ExpectStatus(with_target(5 * limits::kTargetBytesMax), 414, "target far too long");
  ExpectStatus(std::string(5 * limits::kTargetBytesMax, 'G'), 414, "no end of the request line");

  const auto with_fields = [](size_t count) {
    return "GET / HTTP/1.1\r\nHost: h\r\n" + Repeat("X: y\r\n", count - 1) + "\r\n";
  };
  ExpectStatus(with_fields(limits::kHeaderFieldsMax), 0, "most fields");
  ExpectStatus(with_fields(limits::kHeaderFieldsMax + 1), 431, "too many fields");

  const auto with_bytes = [](size_t bytes) {
    const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n";
  };
  ExpectStatus(with_bytes(limits::kHeaderBytesMax), 0, "longest head");
  ExpectStatus(with_bytes(limits::kHeaderBytesMax + 1), 431, "head too long");
  ExpectStatus("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2 * limits::kHeaderBytesMax, 'x'), 431, "no end");
}

TEST(RequestLimits, AConfiguredHeadLimitHolds) {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: 0123456789\r\n\r\n";
  EXPECT_EQ(testing::Feed(head, 1, head.size()).http_status, 0);
  EXPECT_EQ(testing::Feed(head, 1, head.size() - 1).http_status, 431);
  EXPECT_EQ(testing::Feed(head, head.size(), head.size() - 1).http_status, 431);
}

TEST(RequestLimits, BoundTheFramingOfChunks) {
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string end = "\r\nabc\r\n0\r\n\r\n";
  ExpectStatus(start + "3;" + std::string(limits::kChunkExtensionBytesMax - 1, 'x') + end, 0, "longest extension");
  ExpectStatus(start + "3;" + std::string(limits::kChunkExtensionBytesMax, 'x') + end, 400, "extension too long");
  ExpectStatus(start + "3" + std::string(2 * limits::kChunkExtensionBytesMax, ';') + end, 400, "empty extensions");
  ExpectStatus(start + Repeat("1;abcdefg\r\na\r\n", 100) + "0\r\n\r\n", 0, "many short extensions");
  ExpectStatus(start + Repeat("1;abcdefg\r\na\r\n", 200) + "0\r\n\r\n", 400, "too many short extensions");
  ExpectStatus(start + std::string(limits::kTrailerBytesMax + 1, '0') + "3" + end, 400, "leading zeros");
  ExpectStatus(start + "0\r\n" + Repeat("A: b\r\n", 100) + "\r\n", 0, "trailers");
  ExpectStatus(start + "0\r\n" + Repeat("A: b\r\n", limits::kTrailerBytesMax / 6 + 1) + "\r\n", 400,
               "trailers too long");
}

}  // namespace
}  // namespace tarn::http
