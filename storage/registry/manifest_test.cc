#include "storage/registry/manifest.h"

#include <gtest/gtest.h>

#include "storage/base/logging.h"

namespace tarn::registry {
namespace {

TEST(PublishRequest, IndexesWhatNpmSends) {
  const std::string manifest =
      R"({"name":"a","version":"1.0.0","description":"d","_id":"a@1.0.0","readme":"# a\n",)"
      R"("readmeFilename":"README.md","scripts":{"test":"x","postinstall":"node i"},)"
      R"("dist":{"integrity":"sha512-x","shasum":"abc","tarball":"http:\/\/x"},"unknown":[1, 2]})";
  const auto request =
      ParsePublishRequest(R"({"_id":"a","name":"a","description":"top","dist-tags":{"latest":"1.0.0","b":"1.0.0"},)"
                          R"("versions":{"1.0.0": )" +
                          manifest + R"( },"access":null,"_attachments":{"a-1.0.0.tgz":{"data":""}}})");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->id, "a");
  EXPECT_EQ(request->name, "a");
  EXPECT_EQ(request->rev, "");
  EXPECT_EQ(request->description, "top");
  EXPECT_EQ(request->access, PublishRequest::Access::kKeep);
  EXPECT_EQ(*request->dist_tags, (std::map<std::string, std::string>{{"latest", "1.0.0"}, {"b", "1.0.0"}}));
  EXPECT_FALSE(request->maintainers.has_value());
  EXPECT_FALSE(request->users.has_value());
  ASSERT_EQ(request->versions->size(), 1u);
  const PublishedManifest& version = request->versions->front();
  EXPECT_EQ(version.key, "1.0.0");
  EXPECT_EQ(version.raw, manifest);
  EXPECT_EQ(version.index.name, "a");
  EXPECT_EQ(version.index.version, "1.0.0");
  EXPECT_EQ(version.index.description, "d");
  EXPECT_EQ(version.index.integrity, "sha512-x");
  EXPECT_EQ(version.index.shasum, "abc");
  EXPECT_EQ(version.index.readme, R"("# a\n")");
  EXPECT_EQ(version.index.readme_filename, "README.md");
  EXPECT_FALSE(version.index.deprecated.has_value());
  EXPECT_FALSE(version.index.is_private);
  EXPECT_TRUE(version.index.has_install_script);
  EXPECT_FALSE(version.index.has_gypfile_false);
}

TEST(PublishRequest, ViewsSurviveAMove) {
  auto parsed = ParsePublishRequest(R"({"versions":{"1.0.0":{}},"readme":"r"})");
  const PublishRequest moved = std::move(parsed).value();
  EXPECT_EQ(moved.versions->front().raw, "{}");
  EXPECT_EQ(moved.readme, "\"r\"");
}

TEST(PublishRequest, ShowsWhichWriteItIs) {
  const auto owners =
      ParsePublishRequest(R"({"_id":"a","_rev":"3-x","maintainers":[{"name":"z","email":"z@x.org"},{"name":"y"}]})");
  ASSERT_TRUE(owners.ok());
  EXPECT_EQ(owners->rev, "3-x");
  EXPECT_FALSE(owners->versions.has_value());
  EXPECT_EQ(*owners->maintainers, (std::vector<Maintainer>{{"z", "z@x.org"}, {"y", ""}}));

  const auto stars = ParsePublishRequest(R"({"users":{"a":true,"b":false,"c":1}})");
  EXPECT_EQ(*stars->users, (std::map<std::string, bool>{{"a", true}, {"b", false}, {"c", false}}));

  const auto unpublish = ParsePublishRequest(R"({"versions":{}})");
  ASSERT_TRUE(unpublish->versions.has_value());
  EXPECT_TRUE(unpublish->versions->empty());

  const auto nothing =
      ParsePublishRequest(R"({"versions":null,"dist-tags":null,"maintainers":null,"users":null,"readme":null})");
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->versions || nothing->dist_tags || nothing->maintainers || nothing->users);
  EXPECT_TRUE(nothing->readme.empty());
}

TEST(PublishRequest, AccessHasAnAlias) {
  using Access = PublishRequest::Access;
  EXPECT_EQ(ParsePublishRequest(R"({"access":"public"})")->access, Access::kPublic);
  EXPECT_EQ(ParsePublishRequest(R"({"access":"restricted"})")->access, Access::kRestricted);
  EXPECT_EQ(ParsePublishRequest(R"({"access":"private"})")->access, Access::kRestricted);
  EXPECT_EQ(ParsePublishRequest(R"({})")->access, Access::kKeep);
  EXPECT_EQ(ParsePublishRequest(R"({"access":"secret"})").code(), Code::kInvalidArgument);
  EXPECT_EQ(ParsePublishRequest(R"({"access":true})").code(), Code::kInvalidArgument);
}

TEST(PublishRequest, DeprecationComesInThreeForms) {
  const auto request = ParsePublishRequest(R"({"versions":{"1.0.0":{"deprecated":"use b"},"1.0.1":{"deprecated":""},)"
                                           R"("1.0.2":{"deprecated":null},"1.0.3":{"deprecated":false},"1.0.4":{}}})");
  ASSERT_TRUE(request.ok());
  const auto& versions = *request->versions;
  EXPECT_EQ(versions[0].index.deprecated, "use b");
  for (const size_t i : {1, 2, 3}) EXPECT_EQ(versions[i].index.deprecated, "") << i;
  EXPECT_FALSE(versions[4].index.deprecated.has_value());
}

TEST(PublishRequest, RefusesWrongShapes) {
  for (const char* text :
       {"[]", "1", "{", R"({"name":"a","name":"b"})", R"({"versions":[]})", R"({"versions":"x"})",
        R"({"versions":{"1.0.0":1}})", R"({"versions":{"1.0.0":null}})", R"({"versions":{"1.0.0":[]}})",
        R"({"versions":{"1.0.0":{},"1.0.0":{}}})", R"({"versions":{"1.0.0":{"name":"a","name":"b"}}})",
        R"({"versions":{"1.0.0":{"deprecated":1}}})", R"({"versions":{"1.0.0":{"deprecated":true}}})",
        R"({"versions":{"1.0.0":{"deprecated":{}}}})", R"({"dist-tags":[]})", R"({"dist-tags":"x"})",
        R"({"dist-tags":{"latest":1}})", R"({"dist-tags":{"latest":null}})",
        R"({"dist-tags":{"a":"1.0.0","a":"1.0.1"}})"}) {
    EXPECT_EQ(ParsePublishRequest(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(PublishRequest, OddTypesOfUnimportantMembersAreEmpty) {
  const auto request =
      ParsePublishRequest(R"({"_id":1,"name":{},"readme":false,"description":[],"maintainers":"a <a@b.c>","users":[],)"
                          R"("time":{"created":1},"__proto__":{"x":1},"versions":{"1.0.0":{"name":1,"version":{},)"
                          R"("dist":"x","scripts":[],"readme":{},"private":"true","constructor":1}}})");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->id, "");
  EXPECT_EQ(request->name, "");
  EXPECT_EQ(*request->maintainers, std::vector<Maintainer>(1));
  EXPECT_TRUE(request->users->empty());
  const ManifestIndex& index = request->versions->front().index;
  EXPECT_EQ(index.name, "");
  EXPECT_EQ(index.version, "");
  EXPECT_EQ(index.integrity, "");
  EXPECT_TRUE(index.readme.empty());
  EXPECT_FALSE(index.is_private);
  EXPECT_FALSE(index.has_install_script);
  EXPECT_EQ(*ParsePublishRequest(R"({"maintainers":["a <a@b.c>",{"name":7}]})")->maintainers,
            std::vector<Maintainer>(2));
}

TEST(PublishRequest, CountsAreLimited) {
  const auto object = [](const char* key, size_t count, const char* value) {
    std::string text = "{\"" + std::string(key) + "\":{";
    for (size_t i = 0; i < count; ++i) {
      text += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":" + value;
    }
    return text + "}}";
  };
  const size_t tags = limits::kDistTagsPerPackageMax;
  EXPECT_TRUE(ParsePublishRequest(object("dist-tags", tags, "\"1.0.0\"")).ok());
  EXPECT_EQ(ParsePublishRequest(object("dist-tags", tags + 1, "\"1.0.0\"")).code(), Code::kTooLarge);
  const size_t versions = limits::kVersionsPerPackageMax;
  EXPECT_TRUE(ParsePublishRequest(object("versions", versions, "{}")).ok());
  EXPECT_EQ(ParsePublishRequest(object("versions", versions + 1, "{}")).code(), Code::kTooLarge);
  std::string maintainers = R"({"maintainers":[{})";
  for (size_t i = 1; i < limits::kMaintainersPerPackageMax; ++i) maintainers += ",{}";
  EXPECT_TRUE(ParsePublishRequest(maintainers + "]}").ok());
  EXPECT_EQ(ParsePublishRequest(maintainers + ",{}]}").code(), Code::kTooLarge);
}

TEST(ManifestIndex, FindsInstallScripts) {
  const struct {
    const char* scripts;
    bool has;
  } cases[] = {
      {R"({"preinstall":"x"})", true},   {R"({"install":"x"})", true},
      {R"({"postinstall":"x"})", true},  {R"({"preinstall":""})", false},
      {R"({"install":1})", false},       {R"({"prepare":"x","test":"y"})", false},
      {R"({"\u0069nstall":"x"})", true}, {"null", false},
  };
  for (const auto& test : cases) {
    const auto index = IndexManifest("{\"scripts\":" + std::string(test.scripts) + "}");
    ASSERT_TRUE(index.ok());
    EXPECT_EQ(index->has_install_script, test.has) << test.scripts;
  }
  EXPECT_TRUE(IndexManifest(R"({"gypfile":false})")->has_gypfile_false);
  EXPECT_FALSE(IndexManifest(R"({"gypfile":true})")->has_gypfile_false);
}

TEST(Readme, IsCutOnACharacterBoundary) {
  const std::string at_limit(limits::kReadmeBytesMax, 'x');
  EXPECT_EQ(*DecodeReadme(JsonString(at_limit)), at_limit);
  EXPECT_EQ(*DecodeReadme(JsonString(at_limit + "y")), at_limit);
  // A character of three bytes that straddles the limit goes as a whole.
  const std::string almost(limits::kReadmeBytesMax - 2, 'x');
  EXPECT_EQ(*DecodeReadme(JsonString(almost + "\xe2\x82\xac")), almost);
  EXPECT_EQ(*DecodeReadme(JsonString(almost + "\xc3\xa9" + "z")), almost + "\xc3\xa9");
  EXPECT_EQ(DecodeReadme("{}").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tarn::registry
