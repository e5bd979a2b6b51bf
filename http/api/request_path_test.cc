#include "http/api/request_path.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

using Segments = std::vector<std::string_view>;

TEST(RequestPath, SplitsPrefixQueryAndSlashes) {
  struct Case {
    const char* target;
    const char* prefix;
    Segments segments;
    const char* query;
  };
  for (const Case& c : {Case{"/a/b?x=1&y", "", {"a", "b"}, "x=1&y"}, Case{"//-/ping", "", {"-", "ping"}, ""},
                        Case{"/npm/a", "/npm", {"a"}, ""}, Case{"/npm", "/npm", {}, ""},
                        Case{"/npm//a/", "/npm", {"a"}, ""}, Case{"/npmx", "/npm", {"npmx"}, ""},
                        Case{"/a", "/npm", {"a"}, ""}, Case{"/", "", {}, ""}, Case{"/a/", "", {"a"}, ""}}) {
    const auto path = RequestPath::Parse(c.target, c.prefix);
    ASSERT_TRUE(path.ok()) << c.target << " " << path.status().ToString();
    EXPECT_EQ(path->segments, c.segments) << c.target;
    EXPECT_EQ(path->query, c.query) << c.target;
  }
}

TEST(RequestPath, RefusesTricks) {
  for (const char* target :
       {"a", "*", "", "/a//b", "/..", "/a/../b", "/%2e%2e/a", "/a/%2E.", "/%252e%252e/a", "/a%2f..%2fb", "/a%2f%2e%2e",
        "/a%5c..", "/a%00", "/a%0a", "/a%7f", "/a%", "/a%2", "/a%zz", "/./a"}) {
    EXPECT_EQ(RequestPath::Parse(target, "").code(), Code::kInvalidArgument) << target;
  }
}

TEST(PackageNameAt, TakesEveryEncodingOfTheContract) {
  struct Case {
    const char* target;
    const char* name;
    size_t count;
  };
  for (const Case& c : {Case{"/n", "n", 1}, Case{"/@s/n", "@s/n", 2}, Case{"/@s%2fn", "@s/n", 1},
                        Case{"/@s%2Fn", "@s/n", 1}, Case{"/%40s%2Fn", "@s/n", 1}, Case{"/%40s/n", "@s/n", 2},
                        Case{"/@s%252fn", "@s/n", 1}, Case{"/@s%252Fn", "@s/n", 1}, Case{"/%6e", "n", 1}}) {
    const auto path = RequestPath::Parse(c.target, "");
    ASSERT_TRUE(path.ok()) << c.target;
    const auto name = PackageNameAt(path->segments, 0);
    ASSERT_TRUE(name.ok()) << c.target;
    EXPECT_EQ(name->name, c.name) << c.target;
    EXPECT_EQ(name->segment_count, c.count) << c.target;
  }
  EXPECT_EQ(PackageNameAt({"@s"}, 0).code(), Code::kNotFound);
  EXPECT_EQ(PackageNameAt({}, 0).code(), Code::kNotFound);
}

TEST(PercentEncode, RoundTrips) {
  const std::string text = "1.0.0+build @s/n%ü";
  EXPECT_EQ(*PercentDecode(PercentEncode(text)), text);
  EXPECT_EQ(PercentEncode("@s/n"), "%40s%2Fn");
}

TEST(QueryValue, DecodesAndForgives) {
  EXPECT_EQ(QueryValue("text=a+b%2Bc&size=2", "text"), "a b+c");
  EXPECT_EQ(QueryValue("text=a&size=2", "size"), "2");
  EXPECT_EQ(QueryValue("write", "write"), "");
  EXPECT_EQ(QueryValue("texts=a", "text"), std::nullopt);
  EXPECT_EQ(QueryValue("text=%zz", "text"), "%zz");
}

}  // namespace
}  // namespace tarn::http
