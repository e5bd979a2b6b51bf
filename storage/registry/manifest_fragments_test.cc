#include <gtest/gtest.h>

#include "storage/registry/json_text.h"
#include "storage/registry/manifest.h"

namespace tarn::registry {
namespace {

ManifestOverlay Overlay() {
  ManifestOverlay overlay;
  overlay.name = "@s/n";
  overlay.version = "1.0.0";
  overlay.tarball_file = "n-1.0.0.tgz";
  overlay.integrity = "sha512-abc==";
  overlay.shasum = "0123";
  return overlay;
}

std::string WithBase(const Result<ManifestFragment>& fragment) {
  EXPECT_TRUE(fragment.ok()) << fragment.status().ToString();
  std::string json;
  AppendWithBaseUrl(&json, *fragment, "https://r.example/npm");
  EXPECT_TRUE(ValidateJson(json).ok()) << json;
  EXPECT_TRUE(ParseJsonObject(json).ok()) << json;
  return json;
}

std::string Full(const std::string& raw, const ManifestOverlay& overlay) {
  return WithBase(BuildFullManifest(raw, overlay));
}
std::string Abbreviated(const std::string& raw, const ManifestOverlay& overlay) {
  return WithBase(BuildAbbreviatedManifest(raw, overlay));
}

constexpr char kDist[] = R"("dist":{"integrity":"sha512-abc==","shasum":"0123",)"
                         R"("tarball":"https://r.example/npm/@s/n/-/n-1.0.0.tgz"})";

TEST(FullManifest, KeepsThePublishersMembersByteForByte) {
  EXPECT_EQ(Full(R"({ "z" : [1,  2.50e1] ,"name":"x","a\u0062":"\u00e9","bin":{ },"version":"0"})", Overlay()),
            R"({"name":"@s/n","version":"1.0.0","z":[1,  2.50e1],"a\u0062":"\u00e9","bin":{ },)"
            R"("_id":"@s/n@1.0.0",)" +
                std::string(kDist) + R"(,"_hasShrinkwrap":false})");
}

TEST(FullManifest, AnEmptyManifestGetsOursOnly) {
  EXPECT_EQ(Full("{}", Overlay()), R"({"name":"@s/n","version":"1.0.0","_id":"@s/n@1.0.0",)" + std::string(kDist) +
                                       R"(,"_hasShrinkwrap":false})");
}

TEST(FullManifest, DropsWhatLeaksOrIsOurs) {
  const std::string raw =
      R"({"_args":1,"_attachments":{},"_from":"f","_hasShrinkwrap":true,"_id":"i","_integrity":"i",)"
      R"("_npmUser":"mallory","_resolved":"/home/x","_rev":"1","_shasum":"s","_where":"/home",)"
      R"("deprecated":"no","dist":{},"hasInstallScript":true,"integrity":"i","maintainers":[],)"
      R"("name":"x","readme":"r","shasum":"s","version":"9.9.9"})";
  EXPECT_EQ(Full(raw, Overlay()), Full("{}", Overlay()));
  EXPECT_EQ(Abbreviated(raw, Overlay()), Abbreviated("{}", Overlay()));
}

TEST(FullManifest, KeepsWhatOnlyLooksLikeIt) {
  const std::string kept = R"("_nodeVersion":"20","_npmVersion":"10","gitHead":"x",)"
                           R"("readmeFilename":"README","gypfile":true,"__proto__":{"a":1},"_x":1)";
  EXPECT_NE(Full("{" + kept + "}", Overlay()).find(kept), std::string::npos);
}

TEST(FullManifest, WritesWhatTheServerKnows) {
  ManifestOverlay overlay = Overlay();
  overlay.file_count = 3;
  overlay.unpacked_bytes = 4096;
  overlay.deprecated = "say \"b\"";
  overlay.npm_user_json = R"({"name":"u","email":"u@x.org"})";
  overlay.maintainers_json = R"([{"name":"u","email":"u@x.org"}])";
  overlay.has_install_script = true;
  overlay.has_shrinkwrap = true;
  EXPECT_EQ(Full(R"({"deprecated":"other"})", overlay),
            R"({"name":"@s/n","version":"1.0.0","_id":"@s/n@1.0.0",)"
            R"("maintainers":[{"name":"u","email":"u@x.org"}],)"
            R"("dist":{"integrity":"sha512-abc==","shasum":"0123",)"
            R"("tarball":"https://r.example/npm/@s/n/-/n-1.0.0.tgz","fileCount":3,"unpackedSize":4096},)"
            R"("_npmUser":{"name":"u","email":"u@x.org"},"deprecated":"say \"b\"",)"
            R"("hasInstallScript":true,"_hasShrinkwrap":true})");
}

TEST(FullManifest, DistKeepsUnknownMembersAndEvidenceOfImports) {
  const std::string raw =
      R"({"dist":{"tarball":"http://evil/x.tgz","integrity":"sha512-evil","shasum":"evil",)"
      R"("fileCount":99,"unpackedSize":99,"revision":1,"revisions":[],"signatures":[{"keyid":"k"}],)"
      R"("npm-signature":"pgp","attestations":{"url":"u"},"bin":{"a":"b"}}})";
  ManifestOverlay overlay = Overlay();
  const std::string dropped = Full(raw, overlay);
  EXPECT_NE(dropped.find(R"(n-1.0.0.tgz","bin":{"a":"b"}})"), std::string::npos) << dropped;
  overlay.signatures = {{"ours", "MEUC"}};
  EXPECT_NE(Full(raw, overlay).find(R"("signatures":[{"keyid":"ours","sig":"MEUC"}])"), std::string::npos);
  for (const char* word : {"evil", "99", "revision", "signature", "attestations"}) {
    EXPECT_EQ(dropped.find(word), std::string::npos) << word;
  }
  overlay.evidence = ManifestOverlay::Evidence::kKeep;
  const std::string kept = Full(raw, overlay);
  // npm wants every signature to be by a known key, so the origin's is not joined by ours.
  EXPECT_NE(kept.find(R"("bin":{"a":"b"},"signatures":[{"keyid":"k"}],"npm-signature":"pgp",)"
                      R"("attestations":{"url":"https://r.example/npm/-/npm/v1/attestations/@s/n@1.0.0"}})"),
            std::string::npos)
      << kept;
  EXPECT_NE(Full("{}", overlay).find(R"("signatures":[{"keyid":"ours","sig":"MEUC"}])"), std::string::npos)
      << "an import without signatures";
  for (const char* odd : {R"({"dist":"x"})", R"({"dist":null})", R"({"dist":[1]})"}) {
    EXPECT_EQ(Full(odd, overlay), Full("{}", overlay));
  }
}

TEST(FullManifest, PublishConfigLosesItsSecrets) {
  EXPECT_NE(
      Full(R"({"publishConfig":{ "access":"public" }})", Overlay()).find(R"("publishConfig":{ "access":"public" })"),
      std::string::npos);
  EXPECT_NE(Full(R"({"publishConfig":{"_authToken":"t","access" : "public","_password":"p"}})", Overlay())
                .find(R"("publishConfig":{"access":"public"})"),
            std::string::npos);
  EXPECT_NE(Full(R"({"publishConfig":{"_auth":"t"}})", Overlay()).find(R"("publishConfig":{})"), std::string::npos);
  EXPECT_NE(Full(R"({"publishConfig":"x"})", Overlay()).find(R"("publishConfig":"x")"), std::string::npos);
}

TEST(FullManifest, TheBaseUrlStandsBeforeThePath) {
  const auto fragment = BuildFullManifest(R"({"tarball":"\"tarball\":\"/","x":1})", Overlay());
  ASSERT_TRUE(fragment.ok());
  EXPECT_EQ(fragment->json.substr(fragment->base_offset, 9), "/@s/n/-/n");
  EXPECT_EQ(fragment->json.substr(fragment->base_offset - 11, 11), R"("tarball":")");
}

TEST(FullManifest, AttestationsNameTheirUrlUnderTheBase) {
  ManifestOverlay overlay = Overlay();
  overlay.version = "1.0.0+a b";
  overlay.predicate_type = "https://slsa.dev/provenance/v1";
  const std::string expected =
      R"("attestations":{"url":"https://r.example/npm/-/npm/v1/attestations/@s/n@1.0.0+a%20b",)"
      R"("provenance":{"predicateType":"https://slsa.dev/provenance/v1"}})";
  EXPECT_NE(Full("{}", overlay).find(expected), std::string::npos) << Full("{}", overlay);
  EXPECT_NE(WithBase(BuildAbbreviatedManifest("{}", overlay)).find(expected), std::string::npos);
  // What the origin says besides stays.
  overlay.evidence = ManifestOverlay::Evidence::kKeep;
  const std::string kept =
      Full(R"({"dist":{"attestations":{"provenance":{"x":1},"url":"http://o/-/npm/v1/a","y":2}}})", overlay);
  EXPECT_NE(kept.find(R"(/npm/v1/attestations/@s/n@1.0.0+a%20b","provenance":{"x":1},"y":2})"), std::string::npos)
      << kept;
  EXPECT_EQ(kept.find("http://o/"), std::string::npos);
}

TEST(FullManifest, FileNamesAreSafeInUrlAndJson) {
  ManifestOverlay overlay = Overlay();
  overlay.name = "crazy!'n";
  overlay.tarball_file = "a \"b\"\\\n%+\xc3\xa9.tgz";
  EXPECT_NE(Full("{}", overlay).find(R"(/npm/crazy!'n/-/a%20%22b%22%5C%0A%25+%C3%A9.tgz")"), std::string::npos);
}

TEST(FullManifest, RefusesWhatIsNotAnObject) {
  for (const char* raw : {"", "[]", "null", "{\"a\":1", "{\"a\":1,\"a\":2}"}) {
    EXPECT_EQ(BuildFullManifest(raw, Overlay()).code(), Code::kInvalidArgument) << raw;
    EXPECT_EQ(BuildAbbreviatedManifest(raw, Overlay()).code(), Code::kInvalidArgument) << raw;
    EXPECT_EQ(BuildHoistedMembers(raw).code(), Code::kInvalidArgument) << raw;
  }
}

TEST(AbbreviatedManifest, HasTheMembersOfTheFormatAndNoOther) {
  const std::string listed = R"("dependencies":{"a":"1"},"optionalDependencies":{},"devDependencies":{"b":"2"},)"
                             R"("peerDependencies":{},"peerDependenciesMeta":{},"bundleDependencies":["a"],)"
                             R"("acceptDependencies":{},"bin":{"x":"y"},"directories":{},"engines":{"node":">=1"},)"
                             R"("os":["linux"],"cpu":["x64"],"libc":["glibc"],"funding":"f")";
  ManifestOverlay overlay = Overlay();
  overlay.deprecated = "d";
  overlay.has_install_script = true;
  overlay.npm_user_json = R"({"name":"u"})";
  overlay.maintainers_json = "[1]";
  const std::string raw = R"({"scripts":{"install":"x"},"readme":"r","_id":"x","description":"d",)"
                          R"("bundledDependencies":["z"],"main":"m","keywords":[],)" +
                          listed + R"(,"types":"t","exports":{},"dependenciesMeta":{}})";
  EXPECT_EQ(Abbreviated(raw, overlay), R"({"name":"@s/n","version":"1.0.0",)" + listed + "," + kDist +
                                           R"(,"_npmUser":{"name":"u"},"deprecated":"d","hasInstallScript":true,)"
                                           R"("_hasShrinkwrap":false})");
}

TEST(AbbreviatedManifest, KnowsTheOtherSpellingOfBundled) {
  EXPECT_NE(Abbreviated(R"({"bundledDependencies":["a"]})", Overlay()).find(R"("bundleDependencies":["a"])"),
            std::string::npos);
}

TEST(HoistedMembers, AreThoseOfThePackument) {
  EXPECT_EQ(*BuildHoistedMembers(R"({"name":"a","license": "MIT","readme":"r","bugs":null,"author":{"name":"x"},)"
                                 R"("keywords":["k"],"description":"d","homepage":"h","repository":"r",)"
                                 R"("contributors":[],"maintainers":[]})"),
            R"("license":"MIT","author":{"name":"x"},"keywords":["k"],"description":"d",)"
            R"("homepage":"h","repository":"r","contributors":[])");
  EXPECT_EQ(*BuildHoistedMembers("{}"), "");
}

}  // namespace
}  // namespace tarn::registry
