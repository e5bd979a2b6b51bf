#include "migrate/registry/wanted_packages.h"

#include <gtest/gtest.h>

#include "migrate/registry/packument_filter.h"

namespace tarn::migrate {
namespace {

using Versions = std::set<std::string>;

TEST(WantedPackages, TakesAListOfNames) {
  const auto wanted = ParseWantedPackages("# mine\nleft-pad\n  @s/n@1.0.0 # pinned\r\n@s/n@1.0.1\n\nleft-pad@1.0.0\n");
  ASSERT_TRUE(wanted.ok()) << wanted.status().ToString();
  EXPECT_EQ(wanted->packages, (std::map<std::string, Versions>{{"left-pad", {}}, {"@s/n", {"1.0.0", "1.0.1"}}}));
}

TEST(WantedPackages, TakesAJsonArray) {
  const auto wanted = ParseWantedPackages(R"(["a", "b@2.0.0"])");
  ASSERT_TRUE(wanted.ok()) << wanted.status().ToString();
  EXPECT_EQ(wanted->packages, (std::map<std::string, Versions>{{"a", {}}, {"b", {"2.0.0"}}}));
}

TEST(WantedPackages, TakesLockfilesOfEveryVersion) {
  const auto flat =
      ParseWantedPackages(R"({"lockfileVersion":3,"packages":{"":{"name":"app"},"packages/mine":{"version":"1.0.0"},
    "node_modules/a":{"version":"1.0.0"},"node_modules/b/node_modules/a":{"version":"2.0.0"},
    "node_modules/x":{"name":"@s/n","version":"3.0.0"},"node_modules/mine":{"link":true,"resolved":"packages/mine"},
    "node_modules/c/node_modules/in":{"version":"1.0.0","inBundle":true},
    "node_modules/g":{"version":"1.0.0","resolved":"git+ssh://git.example/g.git#1"}}})");
  ASSERT_TRUE(flat.ok()) << flat.status().ToString();
  EXPECT_EQ(flat->packages, (std::map<std::string, Versions>{{"a", {"1.0.0", "2.0.0"}}, {"@s/n", {"3.0.0"}}}));
  EXPECT_EQ(flat->passed_over.size(), 1u);

  const auto tree = ParseWantedPackages(R"({"lockfileVersion":1,"dependencies":{
    "a":{"version":"1.0.0","dependencies":{"b":{"version":"2.0.0","dependencies":{"a":{"version":"0.1.0"}}}}},
    "x":{"version":"npm:@s/n@3.0.0"},"in":{"version":"1.0.0","bundled":true}}})");
  ASSERT_TRUE(tree.ok()) << tree.status().ToString();
  EXPECT_EQ(tree->packages,
            (std::map<std::string, Versions>{{"a", {"0.1.0", "1.0.0"}}, {"b", {"2.0.0"}}, {"@s/n", {"3.0.0"}}}));
}

TEST(WantedPackages, RefusesWhatIsNoList) {
  for (const char* const text :
       {"", " \n", "{}", "[1", "a b\n", "a@latest", "@scope\n", "../x\n", "__metadata:\n", "a@"}) {
    EXPECT_EQ(ParseWantedPackages(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(FilterPackument, LeavesNothingOfOtherVersions) {
  const auto filtered = FilterPackument(
      R"({"name":"a","dist-tags":{"latest":"3.0.0","old":"1.0.0"},"versions":{"1.0.0":{"x":1.50},"2.0.0":{},"3.0.0":{}},)"
      R"("time":{"created":"c","1.0.0":"t1","2.0.0":"t2","3.0.0":"t3"},"readme":"r"})",
      {"1.0.0", "2.0.0", "9.0.0"});
  ASSERT_TRUE(filtered.ok()) << filtered.status().ToString();
  EXPECT_EQ(filtered->text,
            R"({"name":"a","dist-tags":{"old":"1.0.0","latest":"2.0.0"},"versions":{"1.0.0":{"x":1.50},"2.0.0":{}},)"
            R"("time":{"created":"c","1.0.0":"t1","2.0.0":"t2"},"readme":"r"})");
  EXPECT_EQ(filtered->absent, std::vector<std::string>{"9.0.0"});
}

}  // namespace
}  // namespace tarn::migrate
