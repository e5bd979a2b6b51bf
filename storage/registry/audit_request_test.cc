#include "storage/registry/audit_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "storage/base/trust_limits.h"

namespace tarn::registry {
namespace {

TEST(BulkAudit, ReadsNamesAndVersions) {
  const auto packages = ReadBulkAudit(R"({"left":["1.0.0","1.1.0"],"@s/n":[]})");
  ASSERT_TRUE(packages.ok());
  ASSERT_EQ(packages->size(), 2u);
  EXPECT_EQ((*packages)[0].name, "left");
  EXPECT_THAT((*packages)[0].versions, ::testing::ElementsAre("1.0.0", "1.1.0"));
  EXPECT_TRUE((*packages)[1].versions.empty());
}

TEST(BulkAudit, RefusesOtherShapes) {
  for (const char* body : {"", "[]", "null", "{", R"({"left":"1.0.0"})", R"({"left":[1]})", R"({"left":{}})",
                           R"({"left":[],"left":[]})"}) {
    EXPECT_EQ(ReadBulkAudit(body).code(), Code::kInvalidArgument) << body;
  }
  const auto with_names = [](size_t count) {
    std::string body = "{";
    for (size_t i = 0; i < count; ++i) body += (i > 0 ? ",\"n" : "\"n") + std::to_string(i) + "\":[\"1.0.0\"]";
    return body + "}";
  };
  EXPECT_TRUE(ReadBulkAudit(with_names(limits::kAuditPackagesMax)).ok());
  EXPECT_EQ(ReadBulkAudit(with_names(limits::kAuditPackagesMax + 1)).code(), Code::kTooLarge);
  std::string versions;
  for (size_t i = 0; i <= limits::kAuditVersionsMax / 2; ++i) versions += (i > 0 ? ",\"1\"" : "\"1\"");
  EXPECT_TRUE(ReadBulkAudit("{\"a\":[" + versions + "]}").ok());
  EXPECT_EQ(ReadBulkAudit("{\"a\":[" + versions + "],\"b\":[" + versions + "]}").code(), Code::kTooLarge);
}

// As npm 6 sends a lock file: "deep" is beside everything on disk, but "middle" is who wants it.
constexpr char kTree[] = R"({"name":"app","version":"1.0.0","requires":{"middle":"^1.0.0","tool":"*"},
  "dependencies":{
    "middle":{"version":"1.0.0","requires":{"deep":"^1.0.0","own":"*"},
              "dependencies":{"own":{"version":"2.0.0","requires":{"deep":"*","middle":"*"}}}},
    "deep":{"version":"1.5.0","optional":true},
    "own":{"version":"1.0.0","bundled":true},
    "tool":{"version":"3.0.0","dev":true,"requires":{"own":"*","nowhere":"*"}}}})";

TEST(TreeAudit, PathsSayWhoAsksForWhom) {
  const auto tree = ReadAuditTree(kTree);
  ASSERT_TRUE(tree.ok()) << tree.status().ToString();
  std::map<std::string, std::string> paths;
  for (size_t i = 1; i < tree->nodes.size(); ++i) {
    paths[tree->nodes[i].name + "@" + tree->nodes[i].version] = tree->PathOf(i);
  }
  EXPECT_EQ(paths["middle@1.0.0"], "middle");
  EXPECT_EQ(paths["deep@1.5.0"], "middle>deep");
  EXPECT_EQ(paths["own@2.0.0"], "middle>own");
  EXPECT_EQ(paths["own@1.0.0"], "tool>own");
  EXPECT_EQ(paths.size(), 5u);
  for (const AuditNode& node : tree->nodes) {
    EXPECT_EQ(node.is_optional, node.name == "deep");
    EXPECT_EQ(node.is_dev, node.name == "tool");
    EXPECT_EQ(node.is_bundled, node.name == "own" && node.version == "1.0.0");
  }
  const auto packages = tree->Packages();
  ASSERT_EQ(packages.size(), 4u);
  EXPECT_EQ(packages[2].name, "own");
  EXPECT_THAT(packages[2].versions, ::testing::ElementsAre("1.0.0", "2.0.0"));
}

TEST(TreeAudit, WithoutRequiresTheFoldersTell) {
  const auto tree =
      ReadAuditTree(R"({"requires":true,"dependencies":{"a":{"version":"1.0.0","dependencies":{"b":{}}}}})");
  ASSERT_TRUE(tree.ok());
  ASSERT_EQ(tree->nodes.size(), 3u);
  EXPECT_EQ(tree->PathOf(2), "a>b");
}

TEST(TreeAudit, OddShapesAreNoTrouble) {
  for (const char* body : {"{}", R"({"dependencies":null})", R"({"dependencies":{"a":null,"b":7,"c":[]}})",
                           R"({"requires":{"a":"*"},"dependencies":{"a":{"requires":{"a":"*"}}}})"}) {
    const auto tree = ReadAuditTree(body);
    ASSERT_TRUE(tree.ok()) << body;
    for (size_t i = 0; i < tree->nodes.size(); ++i) EXPECT_LE(tree->PathOf(i).size(), 2u);
  }
  for (const char* body : {"", "[]", "{"}) EXPECT_EQ(ReadAuditTree(body).code(), Code::kInvalidArgument) << body;
  std::string many = R"({"dependencies":{)";
  for (size_t i = 0; i <= limits::kAuditPackagesMax; ++i)
    many += (i > 0 ? ",\"n" : "\"n") + std::to_string(i) + "\":{}";
  EXPECT_EQ(ReadAuditTree(many + "}}").code(), Code::kTooLarge);
}

}  // namespace
}  // namespace tarn::registry
