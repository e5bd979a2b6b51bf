#include "http/api/negotiation.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

using registry::PackumentCoding;
using registry::PackumentForm;

TEST(ChooseForm, FollowsTheTableOfAcceptHeaders) {
  struct Case {
    const char* accept;
    PackumentForm form;
  };
  for (const Case& c :
       {Case{"application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*", PackumentForm::kAbbreviated},
        Case{"application/vnd.npm.install-v1+json", PackumentForm::kAbbreviated},
        Case{"application/json", PackumentForm::kFull}, Case{"application/json; q=1.0, */*", PackumentForm::kFull},
        Case{"*/*", PackumentForm::kFull}, Case{"", PackumentForm::kFull}, Case{"text/html", PackumentForm::kFull},
        Case{"application/vnd.npm.install-v1+json;q=0", PackumentForm::kFull},
        Case{"application/json, application/vnd.npm.install-v1+json;q=0.5", PackumentForm::kFull},
        Case{";;,,;q=,", PackumentForm::kFull}}) {
    EXPECT_EQ(ChooseForm(c.accept), c.form) << c.accept;
  }
}

TEST(ChooseCoding, FollowsTheTableOfAcceptEncodings) {
  for (const char* gzip : {"gzip,deflate", "zstd,gzip,deflate", "gzip, deflate, br", "gzip, deflate, br, zstd", "GZIP",
                           "x-gzip", "*", "gzip;q=0.1", "identity, gzip;q=0.001", "gzip;q=nonsense"}) {
    EXPECT_EQ(ChooseCoding(gzip), PackumentCoding::kGzip) << gzip;
  }
  for (const char* identity :
       {"", "identity", "gzip/deflate", "gzip;q=0", "gzip;q=0.000", "*;q=0", "br", "gzip;q=0, *", "deflate"}) {
    EXPECT_EQ(ChooseCoding(identity), PackumentCoding::kIdentity) << identity;
  }
}

TEST(MatchesEtag, ComparesWeaklyAndTakesLists) {
  EXPECT_TRUE(MatchesEtag("\"a\"", "\"a\""));
  EXPECT_TRUE(MatchesEtag("W/\"a\"", "\"a\""));
  EXPECT_TRUE(MatchesEtag("\"b\", W/\"a\"", "\"a\""));
  EXPECT_TRUE(MatchesEtag("*", "\"a\""));
  EXPECT_FALSE(MatchesEtag("", "\"a\""));
  EXPECT_FALSE(MatchesEtag("a", "\"a\""));
  EXPECT_FALSE(MatchesEtag("\"ab\"", "\"a\""));
}

TEST(ParseRange, FollowsTheRfc) {
  const auto expect_part = [](const char* text, uint64_t first, uint64_t length) {
    const ByteRange range = ParseRange(text, 100);
    EXPECT_EQ(range.kind, ByteRange::Kind::kPart) << text;
    EXPECT_EQ(range.first, first) << text;
    EXPECT_EQ(range.length, length) << text;
  };
  expect_part("bytes=0-0", 0, 1);
  expect_part("bytes=10-19", 10, 10);
  expect_part("bytes=90-", 90, 10);
  expect_part("bytes=90-1000", 90, 10);
  expect_part("bytes=-5", 95, 5);
  expect_part("bytes=-500", 0, 100);
  for (const char* text : {"bytes=100-", "bytes=200-300", "bytes=-0"}) {
    EXPECT_EQ(ParseRange(text, 100).kind, ByteRange::Kind::kUnsatisfiable) << text;
  }
  for (const char* text : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,5-6", "lines=0-1",
                           "bytes=18446744073709551616-", "bytes=1--2"}) {
    EXPECT_EQ(ParseRange(text, 100).kind, ByteRange::Kind::kWhole) << text;
  }
  EXPECT_EQ(ParseRange("bytes=0-0", 0).kind, ByteRange::Kind::kUnsatisfiable);
}

}  // namespace
}  // namespace tarn::http
