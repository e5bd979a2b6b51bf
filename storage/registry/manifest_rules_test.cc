#include <gtest/gtest.h>

#include "storage/registry/manifest.h"

namespace tarn::registry {
namespace {

Status Validate(const std::string& raw, const std::string& key = "1.0.0") {
  const auto index = IndexManifest(raw);
  if (!index.ok()) return index.status();
  return ValidateManifest({key, raw, *index});
}

// A good manifest with `members` added.
Status ValidateWith(const std::string& members) {
  return Validate(R"({"name":"a","version":"1.0.0",)" + members + "}");
}

TEST(ManifestRules, AcceptsWhatPeoplePublish) {
  for (const char* members :
       {R"("bin":"cli.js")", R"("bin":{"a":"cli.js"})", R"("scripts":{"test":"x"})",
        R"("dependencies":{"b":"^1.0.0","c":"github:o/r"})", R"("dependencies":null)", R"("bundleDependencies":["b"])",
        R"("bundledDependencies":true)", R"("peerDependenciesMeta":{"b":{"optional":true}})", R"("private":false)",
        R"("repository":"github:o/r","license":{"type":"MIT"},"engines":["node"])",
        R"("__proto__":{"a":1},"hasOwnProperty":1)"}) {
    EXPECT_TRUE(ValidateWith(members).ok()) << members << ValidateWith(members).ToString();
  }
  EXPECT_TRUE(Validate(R"({"name":"@s/a","version":"v1.0.0-rc.1+b"})", "1.0.0-rc.1+b").ok());
}

TEST(ManifestRules, RefusesWhatClientsCouldNotUse) {
  for (const char* members :
       {R"("private":true)", R"("dependencies":[])", R"("dependencies":"b")", R"("dependencies":{"b":1})",
        R"("devDependencies":{"b":null})", R"("optionalDependencies":{"b":{}})", R"("peerDependencies":{"b":[]})",
        R"("peerDependenciesMeta":[])", R"("bundleDependencies":"b")", R"("bundleDependencies":{"b":"1"})",
        R"("bundledDependencies":[1])", R"("scripts":[])", R"("scripts":"x")", R"("scripts":{"test":1})", R"("bin":1)",
        R"("bin":["x"])", R"("bin":{"a":null})"}) {
    EXPECT_EQ(ValidateWith(members).code(), Code::kInvalidArgument) << members;
  }
}

TEST(ManifestRules, NameVersionAndKeyMustAgree) {
  EXPECT_FALSE(Validate(R"({"version":"1.0.0"})").ok());
  EXPECT_FALSE(Validate(R"({"name":"a"})").ok());
  EXPECT_FALSE(Validate(R"({"name":".a","version":"1.0.0"})").ok());
  EXPECT_FALSE(Validate(R"({"name":"a","version":"1.0"})", "1.0").ok());
  EXPECT_FALSE(Validate(R"({"name":"a","version":"1.0.0"})", "1.0.1").ok());
  EXPECT_FALSE(Validate(R"({"name":"a","version":"1.0.0"})", "1.0.0+b").ok());
  EXPECT_FALSE(Validate(R"({"name":"a","version":"1.0.0"})", "latest").ok());
  EXPECT_FALSE(Validate(R"({"name":"a","version":"1.0.0"})", "__proto__").ok());
}

TEST(ManifestRules, DependenciesPerKindAreLimited) {
  const auto object = [](const std::string& key, size_t count) {
    std::string text = "\"" + key + "\":{";
    for (size_t i = 0; i < count; ++i) {
      text += (i == 0 ? "\"d" : ",\"d") + std::to_string(i) + "\":\"1\"";
    }
    return text + "}";
  };
  const size_t max = limits::kDependenciesPerKindMax;
  for (const char* key : {"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"}) {
    EXPECT_TRUE(ValidateWith(object(key, max)).ok()) << key;
    EXPECT_EQ(ValidateWith(object(key, max + 1)).code(), Code::kInvalidArgument) << key;
  }
  EXPECT_TRUE(ValidateWith(object("dependencies", max) + "," + object("devDependencies", max)).ok());
}

TEST(ManifestRules, SizeIsLimitedWithoutTheReadme) {
  const std::string head = R"({"name":"a","version":"1.0.0","x":")";
  const std::string tail = "\"}";
  const std::string at_limit = head + std::string(limits::kManifestBytesMax - head.size() - tail.size(), 'x') + tail;
  EXPECT_TRUE(Validate(at_limit).ok());
  std::string over = at_limit;
  over.insert(head.size(), "x");
  EXPECT_EQ(Validate(over).code(), Code::kTooLarge);
  EXPECT_TRUE(ValidateWith("\"readme\":\"" + std::string(limits::kManifestBytesMax, 'x') + "\"").ok());
}

TEST(PackageIdentity, ReadsNameAndVersion) {
  const struct {
    const char* text;
    const char* name;
  } good[] = {
      {R"({"name":"a","version":"1.0.0"})", "a"},
      {"\xef\xbb\xbf\n{\n  \"version\": \"1.0.0\",\n  \"name\": \"@s\\/n\"\n}\n", "@s/n"},
      // People write the same key twice; only these two may not be.
      {R"({"name":"a","scripts":{},"version":"1.0.0","scripts":{}})", "a"},
  };
  for (const auto& test : good) {
    const auto identity = ReadPackageIdentity(test.text);
    ASSERT_TRUE(identity.ok()) << test.text << identity.status().ToString();
    EXPECT_EQ(identity->name, test.name);
    EXPECT_EQ(identity->version, "1.0.0");
  }
  for (const char* text :
       {"", "{}", "[]", "null", R"({"name":"a"})", R"({"version":"1.0.0"})", R"({"name":1,"version":"1.0.0"})",
        R"({"name":"a","version":1})", R"({"name":"a","version":""})", R"({"name":"a","version":"1.0.0","name":"b"})",
        R"({"name":"a","version":"1.0.0","x":tru})", R"({"name":"a","version":"1.0.0"} x)",
        R"({"name":"a",'version':"1.0.0"})", R"({"name":"a","version":"1.0.0",})",
        "{\"name\":\"a\",\"version\":\"1.0.0\"}\xef\xbb\xbf"}) {
    EXPECT_EQ(ReadPackageIdentity(text).code(), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace tarn::registry
