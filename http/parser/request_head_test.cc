#include "http/parser/request_head.h"

#include <gtest/gtest.h>

#include <string>

#include "http/parser/parse_for_test.h"

namespace tarn::http {
namespace {

using testing::ParsedRequest;

TEST(RequestHead, FindsKnownAndUnknownFieldsInAnyCase) {
  const ParsedRequest request(
      "PUT /@scope%2fpkg?write=true HTTP/1.1\r\nHOST: registry.example:4873\r\naUtHoRiZaTiOn: Bearer t\r\n"
      "X-Other:  spaced out \t\r\nContent-Length: 3\r\nEmpty:\r\n\r\n");
  const RequestHead& head = request.head();
  EXPECT_EQ(head.method, Method::kPut);
  EXPECT_EQ(head.method_name, "PUT");
  EXPECT_EQ(head.target, "/@scope%2fpkg?write=true");
  EXPECT_EQ(head.host, "registry.example:4873");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.Get(KnownHeader::kAuthorization), "Bearer t");
  EXPECT_EQ(head.Get("x-oTHER"), "spaced out");
  EXPECT_EQ(head.Get("empty"), "");
  EXPECT_EQ(head.Get("absent"), "");
  EXPECT_TRUE(head.Has(KnownHeader::kHost));
  EXPECT_FALSE(head.Has(KnownHeader::kAccept));
  EXPECT_EQ(head.Get(KnownHeader::kAccept), "");
  EXPECT_EQ(head.body_kind, BodyKind::kContentLength);
  EXPECT_EQ(head.content_length, 3u);
  ASSERT_EQ(head.fields().size(), 5u);
  EXPECT_EQ(head.fields()[2].name, "X-Other");
  EXPECT_EQ(head.fields()[2].known, KnownHeader::kUnknown);
}

TEST(RequestHead, JoinsRepeatedListFields) {
  const ParsedRequest request(
      "GET / HTTP/1.1\r\nHost: h\r\nAccept: a\r\nIf-None-Match: \"1\"\r\nAccept: b\r\nACCEPT: c\r\n\r\n");
  std::string scratch;
  EXPECT_EQ(request.head().Get(KnownHeader::kAccept), "a");
  EXPECT_EQ(request.head().Joined(KnownHeader::kAccept, &scratch), "a, b, c");
  EXPECT_EQ(request.head().Joined(KnownHeader::kIfNoneMatch, &scratch), "\"1\"");
  EXPECT_EQ(request.head().Joined(KnownHeader::kRange, &scratch), "");
}

TEST(RequestHead, RecognizesEveryKnownHeaderAndNoNeighbour) {
  constexpr std::string_view kNames[] = {"Accept",
                                         "Accept-Encoding",
                                         "Authorization",
                                         "Connection",
                                         "Content-Encoding",
                                         "Content-Length",
                                         "Content-Type",
                                         "Expect",
                                         "Forwarded",
                                         "Host",
                                         "If-Modified-Since",
                                         "If-None-Match",
                                         "If-Range",
                                         "Npm-Auth-Type",
                                         "Npm-Command",
                                         "Npm-Otp",
                                         "Range",
                                         "Referer",
                                         "Transfer-Encoding",
                                         "User-Agent",
                                         "X-Forwarded-For",
                                         "X-Forwarded-Host",
                                         "X-Forwarded-Port",
                                         "X-Forwarded-Prefix",
                                         "X-Forwarded-Proto"};
  ASSERT_EQ(std::size(kNames), kKnownHeaderCount);
  for (size_t i = 0; i < kKnownHeaderCount; ++i) {
    EXPECT_EQ(RecognizeHeader(kNames[i]), static_cast<KnownHeader>(i)) << kNames[i];
    std::string neighbour(kNames[i]);
    neighbour.back() = '_';
    EXPECT_EQ(RecognizeHeader(neighbour), KnownHeader::kUnknown) << neighbour;
  }
  EXPECT_EQ(RecognizeHeader(""), KnownHeader::kUnknown);
  EXPECT_EQ(RecognizeHeader(std::string(1000, 'h')), KnownHeader::kUnknown);
  EXPECT_EQ(RecognizeHeader("-ost"), KnownHeader::kUnknown);
}

struct KeepAliveRow {
  const char* version;
  const char* connection;
  bool keep_alive;
};

TEST(RequestHead, KeepsAliveAsTheVersionAndConnectionSay) {
  constexpr KeepAliveRow kRows[] = {
      {"1.1", "", true},
      {"1.1", "Connection: close\r\n", false},
      {"1.1", "Connection: Close\r\n", false},
      {"1.1", "Connection: keep-alive\r\n", true},
      {"1.1", "Connection: te , close\r\n", false},
      {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
      {"1.1", "Connection: closed\r\n", true},
      {"1.0", "", false},
      {"1.0", "Connection: keep-alive\r\n", true},
      {"1.0", "Connection: keep-alive, close\r\n", false},
  };
  for (const KeepAliveRow& row : kRows) {
    const ParsedRequest request(std::string("GET / HTTP/") + row.version + "\r\nHost: h\r\n" + row.connection + "\r\n");
    EXPECT_EQ(request.head().keep_alive, row.keep_alive) << row.version << " " << row.connection;
  }
}

TEST(RequestHead, ReducesAnAbsoluteTargetToItsPath) {
  const ParsedRequest request("GET HTTP://Registry.Example/pkg?a=b HTTP/1.1\r\nHost: registry.example\r\n\r\n");
  EXPECT_EQ(request.head().target, "/pkg?a=b");
  EXPECT_EQ(request.head().host, "registry.example");
  const ParsedRequest bare("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(bare.head().target, "/");
  const ParsedRequest old("GET http://h/x HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.head().host, "h");
}

TEST(RequestHead, ExpectsContinueOnlyWithABody) {
  EXPECT_TRUE(ParsedRequest("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n")
                  .head()
                  .expect_continue);
  EXPECT_FALSE(ParsedRequest("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
                   .head()
                   .expect_continue);
  EXPECT_FALSE(ParsedRequest("PUT / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
                   .head()
                   .expect_continue);
}

TEST(RequestHead, NamesMethodsThatNoRouteKnows) {
  const ParsedRequest request("PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(request.head().method, Method::kOther);
  EXPECT_EQ(request.head().method_name, "PROPFIND");
}

}  // namespace
}  // namespace tarn::http
