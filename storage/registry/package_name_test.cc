#include "storage/registry/package_name.h"

#include <gtest/gtest.h>

#include <unordered_set>

#include "storage/base/limits.h"

namespace tarn::registry {
namespace {

struct NameCase {
  std::string name;
  bool is_valid;      // Parse
  bool is_valid_new;  // ParseNew
};

TEST(PackageName, FollowsTheRulesOfTheNpmClient) {
  const NameCase cases[] = {
      {"some-package", true, true},
      {"example.com", true, true},
      {"under_score", true, true},
      {"123numeric", true, true},
      {"a", true, true},
      {"a..b", true, true},
      {"x-", true, true},
      {"httpp", true, true},
      // Once allowed, no longer for new packages.
      {"JSONStream", true, false},
      {"crazy!", true, false},
      {"a~b", true, false},
      {"a'b", true, false},
      {"a(b)", true, false},
      {"a*b", true, false},
      {"http", true, false},
      {"string_decoder", true, false},
      {"zlib", true, false},
      {"assert", true, false},
      {"worker_threads", true, false},
      // Never allowed.
      {"", false, false},
      {".", false, false},
      {"..", false, false},
      {".start", false, false},
      {"_start", false, false},
      {"-start", false, false},
      {"-", false, false},
      {" leading", false, false},
      {"trailing ", false, false},
      {"in ner", true, false},
      {"tab\t", false, false},
      {"new\nline", false, false},
      {std::string("nul\0x", 5), false, false},
      {"contain:colons", false, false},
      {"per%cent", true, false},
      {"%2e%2e", true, false},
      {"back\\slash", false, false},
      {"a/b", false, false},
      {"a/../b", false, false},
      {"na\xc3\xafve", true, false},
      {"na\xefve", false, false},
      {"c1\xc2\x85", false, false},
      {"over\xc0\xaf", false, false},
      {"half\xe2\x82", false, false},
      {"c++", true, false},
      {"\xe3\x83\x91\xe3\x83\x83", true, false},
      {"@s/na\xc3\xafve", false, false},
      {"node_modules", false, false},
      {"Node_Modules", false, false},
      {"favicon.ico", false, false},
      // Scoped.
      {"@npm/thingy", true, true},
      {"@npm-zors/money-time.js", true, true},
      {"@s/_private", true, true},
      {"@s/-dash", true, true},
      {"@s/http", true, true},
      {"@s/node_modules", true, true},
      {"@S/n", true, false},
      {"@s/N", true, false},
      {"@s/crazy!", true, false},
      {"@a!/n", true, true},
      {"@", false, false},
      {"@s", false, false},
      {"@/n", false, false},
      {"@s/", false, false},
      {"@s//n", false, false},
      {"@s/n/m", false, false},
      {"@s/.n", false, false},
      {"@s/..", false, false},
      {"@../n", false, false},
      {"@./n", false, false},
      {"@s%2fn", false, false},
      {"@s/%2e%2e", false, false},
      {"@npm-zors$/x", false, false},
      {"@@s/n", false, false},
      {"s@/n", false, false},
  };
  for (const NameCase& test : cases) {
    EXPECT_EQ(PackageName::Parse(test.name).ok(), test.is_valid) << test.name;
    EXPECT_EQ(PackageName::ParseNew(test.name).ok(), test.is_valid_new) << test.name;
  }
}

TEST(PackageName, SplitsScopeAndBase) {
  const PackageName plain = *PackageName::Parse("left-pad");
  EXPECT_EQ(plain.full(), "left-pad");
  EXPECT_EQ(plain.scope(), "");
  EXPECT_EQ(plain.base(), "left-pad");
  EXPECT_FALSE(plain.is_scoped());
  EXPECT_EQ(plain.EncodePath(), "left-pad");

  const PackageName scoped = *PackageName::Parse("@tarn/left-pad");
  EXPECT_EQ(scoped.full(), "@tarn/left-pad");
  EXPECT_EQ(scoped.scope(), "tarn");
  EXPECT_EQ(scoped.base(), "left-pad");
  EXPECT_TRUE(scoped.is_scoped());
  EXPECT_EQ(scoped.EncodePath(), "@tarn%2fleft-pad");
}

TEST(PackageName, ViewsSurviveCopiesAndMoves) {
  PackageName original = *PackageName::Parse("@a/b");  // Short enough to live inside the string.
  const PackageName copy = original;
  const PackageName moved = std::move(original);
  EXPECT_EQ(copy.scope(), "a");
  EXPECT_EQ(moved.base(), "b");
}

TEST(PackageName, LengthIsLimitedWithItsScope) {
  const std::string at_limit(limits::kPackageNameBytesMax, 'a');
  EXPECT_TRUE(PackageName::ParseNew(at_limit).ok());
  EXPECT_FALSE(PackageName::Parse(at_limit + "a").ok());
  const std::string scoped = "@s/" + std::string(limits::kPackageNameBytesMax - 3, 'a');
  EXPECT_TRUE(PackageName::ParseNew(scoped).ok());
  EXPECT_FALSE(PackageName::Parse(scoped + "a").ok());
}

TEST(PackageName, ComparesByItsFullName) {
  EXPECT_EQ(*PackageName::Parse("a"), *PackageName::ParseNew("a"));
  EXPECT_LT(*PackageName::Parse("@z/a"), *PackageName::Parse("a"));
  EXPECT_LT(*PackageName::Parse("JSON"), *PackageName::Parse("json"));
  const std::unordered_set<PackageName> set = {*PackageName::Parse("a"), *PackageName::Parse("a"),
                                               *PackageName::Parse("@a/a")};
  EXPECT_EQ(set.size(), 2u);
}

TEST(PackageName, MessagesQuoteInputSafely) {
  const Status status = PackageName::Parse("\x1b[31m\"" + std::string(300, 'x')).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message().find('\x1b'), std::string_view::npos);
  EXPECT_LT(status.message().size(), 200u);
}

TEST(UserName, FollowsTheRulesOfClientAndApplication) {
  const std::string at_limit(limits::kUserNameBytesMax, 'u');
  for (const std::string& name : {std::string("alice"), std::string("a.b-c_d"), std::string("x!~*()"), at_limit}) {
    EXPECT_TRUE(UserName::Parse(name).ok()) << name;
  }
  for (const std::string& name :
       {std::string(), std::string("Alice"), std::string(".dot"), std::string("_under"), std::string("o'neill"),
        std::string("a:b"), std::string("a b"), std::string("a/b"), std::string("a%b"), std::string("\xc3\xa9ric"),
        std::string("a\nb"), std::string("a\0b", 3), at_limit + "u"}) {
    EXPECT_EQ(UserName::Parse(name).code(), Code::kInvalidArgument) << name;
  }
  EXPECT_EQ(UserName::Parse("alice")->text(), "alice");
}

TEST(Email, NeedsAnAtSignAndADottedDomain) {
  const std::string long_local(limits::kEmailBytesMax - 6, 'a');
  for (const std::string& email :
       {std::string("a@b.c"), std::string("a.b+c@example.org"), std::string("a@b@c.d"), long_local + "@b.org"}) {
    EXPECT_TRUE(ValidateEmail(email).ok()) << email;
  }
  for (const std::string& email : {std::string(), std::string("a"), std::string("@b.c"), std::string("a@b"),
                                   std::string("a@b."), std::string("a@.c"), std::string("a@"), std::string("a @b.c"),
                                   std::string("a@b.c\r\n"), std::string("a@b.c\0", 6), long_local + "a@b.org"}) {
    EXPECT_EQ(ValidateEmail(email).code(), Code::kInvalidArgument) << email;
  }
}

TEST(DistTag, IsNotARange) {
  const std::string at_limit(limits::kDistTagBytesMax, 't');
  for (const std::string& tag :
       {std::string("latest"), std::string("next-7"), std::string("beta"), std::string("v1-lts"), std::string("a b"),
        std::string("x86"), std::string("1.0-stable"), std::string("__proto__"), std::string("caf\xc3\xa9"),
        at_limit}) {
    EXPECT_TRUE(ValidateDistTag(tag).ok()) << tag;
  }
  for (const std::string& tag :
       {std::string(),          std::string("1"),       std::string("v1"),   std::string("1.2"),
        std::string("v1.2"),    std::string("1.2.3"),   std::string("x"),    std::string("X"),
        std::string("*"),       std::string("^1"),      std::string("~1.2"), std::string(">1"),
        std::string("1 - 2"),   std::string("1 || 2"),  std::string("||"),   std::string(" "),
        std::string(" latest"), std::string("latest "), std::string("a/b"),  std::string("a\nb"),
        std::string("a\0b", 3), at_limit + "t"}) {
    EXPECT_EQ(ValidateDistTag(tag).code(), Code::kInvalidArgument) << tag;
  }
}

}  // namespace
}  // namespace tarn::registry
