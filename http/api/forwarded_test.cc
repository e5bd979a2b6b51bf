#include "http/api/forwarded.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

TEST(ParseForwarded, ReadsTheExamplesOfTheRfc) {
  const auto one = ParseForwarded("for=192.0.2.60; proto=http;by=203.0.113.43;Host=npm.example.org:8443");
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].client, "192.0.2.60");
  EXPECT_EQ(one[0].scheme, "http");
  EXPECT_EQ(one[0].host, "npm.example.org:8443");

  const auto several =
      ParseForwarded("For=\"[2001:db8:cafe::17]:4711\", for=\"192.0.2.43:47011\" ,for=unknown, for=_x");
  ASSERT_EQ(several.size(), 4u);
  EXPECT_EQ(several[0].client, "2001:db8:cafe::17");
  EXPECT_EQ(several[1].client, "192.0.2.43");
  EXPECT_EQ(several[2].client, "unknown");
  EXPECT_EQ(several[3].client, "_x");
}

TEST(ParseForwarded, SeparatorsInQuotesSeparateNothing) {
  const auto elements = ParseForwarded("host=\"a,b;c\";proto=https");
  ASSERT_EQ(elements.size(), 1u);
  EXPECT_EQ(elements[0].host, "a,b;c");
  EXPECT_EQ(elements[0].scheme, "https");
}

TEST(ParseForwarded, SkipsNonsense) {
  EXPECT_TRUE(ParseForwarded("").empty());
  for (const char* header : {"for", "for=\"", "for=\"1.2.3.4", "for=\"\\\"\"", ";;;", "=", "for=[", "for=\"[]\""}) {
    const auto elements = ParseForwarded(header);
    ASSERT_EQ(elements.size(), 1u) << header;
    EXPECT_EQ(elements[0].client, "") << header;
  }
}

}  // namespace
}  // namespace tarn::http
