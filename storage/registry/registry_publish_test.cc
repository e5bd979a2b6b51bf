// Publishing and reading through the facade.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RegistryPublish : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
    bob_ = AddUser("bob");
  }

  Principal alice_;
  Principal bob_;
  const Principal anonymous_ = Principal::Anonymous();
};

TEST_F(RegistryPublish, WhatWasPublishedComesBackByteForByte) {
  PublishBuilder left;
  left.manifest_members = R"("description":"to the left","unknown":{"kept":[1,2.50]},"scripts":{"install":"x"})";
  const auto answer = Publish(alice_, left);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->id, "left");
  EXPECT_EQ(answer->rev, RevOf("left"));
  EXPECT_TRUE(answer->created);
  EXPECT_EQ(TarballBytes(anonymous_, "left", "left-1.0.0.tgz").value(), left.Tarball());

  const std::string packument = Packument(anonymous_, "left").value();
  EXPECT_THAT(packument, HasSubstr(R"("unknown":{"kept":[1,2.50]})"));
  EXPECT_THAT(packument, HasSubstr(R"("hasInstallScript":true)"));
  EXPECT_THAT(packument, HasSubstr(R"("tarball":"http://registry.example/left/-/left-1.0.0.tgz")"));
  EXPECT_THAT(packument, HasSubstr(R"("_npmUser":{"name":"alice","email":"alice@example.com"})"));
  EXPECT_THAT(packument, HasSubstr(R"("dist-tags":{"latest":"1.0.0"})"));
  EXPECT_THAT(packument, HasSubstr(R"("1.0.0":"2023-11-14T22:13:20.000Z")"));
  EXPECT_THAT(packument, Not(HasSubstr("elsewhere.example")));
  const std::string abbreviated = Packument(anonymous_, "left", PackumentForm::kAbbreviated).value();
  EXPECT_THAT(abbreviated, Not(HasSubstr("unknown")));
  EXPECT_THAT(abbreviated, HasSubstr("sha512-" + Base64Encode(Sha512(left.Tarball()).view())));
  ExpectVerified();
}

TEST_F(RegistryPublish, NextVersionShowsInAPackumentThatIsCached) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  ASSERT_TRUE(Packument(anonymous_, "left").ok());
  for (const char* version : {"1.1.0", "1.2.0", "2.0.0-rc.1"}) {
    builder.version = version;
    builder.dist_tag = version[0] == '2' ? "next" : "latest";
    clock_.AdvanceMs(60'000);
    ASSERT_TRUE(Publish(alice_, builder).ok());
    const std::string packument = Packument(anonymous_, "left").value();
    EXPECT_THAT(packument, HasSubstr(std::string("left-") + version + ".tgz"));
    EXPECT_THAT(packument, HasSubstr(RevOf("left")));
    // The same as one made from the store alone.
    const std::string abbreviated = Packument(anonymous_, "left", PackumentForm::kAbbreviated).value();
    Open();
    EXPECT_EQ(Packument(anonymous_, "left").value(), packument);
    EXPECT_EQ(Packument(anonymous_, "left", PackumentForm::kAbbreviated).value(), abbreviated);
  }
  EXPECT_EQ(TagsOf("left"), "latest=1.2.0 next=2.0.0-rc.1 ");
}

TEST_F(RegistryPublish, OneVersionByVersionTagOrRange) {
  PublishBuilder builder;
  for (const char* version : {"1.0.0", "1.5.0", "2.0.0", "2.1.0-beta.1"}) {
    builder.version = version;
    ASSERT_TRUE(Publish(alice_, builder).ok());
  }
  const auto version_of = [&](std::string_view spec) {
    const auto answer = registry_->GetManifest(anonymous_, Name("left"), spec, std::string(kTestBaseUrl));
    if (!answer.ok()) return std::string(answer.status().message());
    const size_t begin = answer->json.find("left-") + 5;
    return answer->json.substr(begin, answer->json.find(".tgz") - begin);
  };
  EXPECT_EQ(version_of("1.5.0"), "1.5.0");
  EXPECT_EQ(version_of("latest"), "2.1.0-beta.1");
  EXPECT_EQ(version_of("^1.0.0"), "1.5.0");
  EXPECT_EQ(version_of("*"), "2.0.0");
  EXPECT_EQ(version_of("9.9.9"), "version not found: 9.9.9");
  EXPECT_EQ(version_of("no-such-tag"), "version not found: no-such-tag");
}

TEST_F(RegistryPublish, RefusesAnIncoherentDocument) {
  struct Row {
    const char* what;
    void (*spoil)(PublishBuilder*);
  };
  const Row rows[] = {
      {"document name", [](PublishBuilder* b) { b->document_name = "right"; }},
      {"document _id", [](PublishBuilder* b) { b->document_id = "right"; }},
      {"manifest name", [](PublishBuilder* b) { b->manifest_name = "right"; }},
      {"manifest version", [](PublishBuilder* b) { b->manifest_version = "1.0.1"; }},
      {"name inside the tarball", [](PublishBuilder* b) { b->inner_name = "right"; }},
      {"version inside the tarball", [](PublishBuilder* b) { b->inner_version = "1.0.1"; }},
      {"attachment name", [](PublishBuilder* b) { b->attachment_name = "right-1.0.0.tgz"; }},
      {"attachment version", [](PublishBuilder* b) { b->attachment_name = "left-1.0.1.tgz"; }},
      {"attachment path", [](PublishBuilder* b) { b->attachment_name = "../left-1.0.0.tgz"; }},
      {"integrity of other bytes",
       [](PublishBuilder* b) { b->integrity = "sha512-" + Base64Encode(Sha512("other").view()); }},
      {"integrity that is none", [](PublishBuilder* b) { b->integrity = "sha512-junk"; }},
      {"shasum of other bytes", [](PublishBuilder* b) { b->shasum = HexEncode(Sha1("other").view()); }},
      {"no dist-tag", [](PublishBuilder* b) { b->dist_tags_json = "{}"; }},
      {"two dist-tags", [](PublishBuilder* b) { b->dist_tags_json = R"({"latest":"1.0.0","next":"1.0.0"})"; }},
      {"dist-tag of another version", [](PublishBuilder* b) { b->dist_tags_json = R"({"latest":"1.0.1"})"; }},
      {"dist-tag that is a range", [](PublishBuilder* b) { b->dist_tag = "1.x"; }},
      {"no attachment", [](PublishBuilder* b) { b->attachments_json = "{}"; }},
      {"attachment without data",
       [](PublishBuilder* b) { b->attachments_json = R"({"left-1.0.0.tgz":{"stub":true,"length":3}})"; }},
      {"attachment that is not base64",
       [](PublishBuilder* b) { b->attachments_json = R"({"left-1.0.0.tgz":{"data":"!!!!"}})"; }},
      {"attachment that is no tarball",
       [](PublishBuilder* b) { b->attachments_json = R"({"left-1.0.0.tgz":{"data":"aGVsbG8="}})"; }},
      {"private", [](PublishBuilder* b) { b->manifest_members = R"("private":true)"; }},
      {"version that is none", [](PublishBuilder* b) { b->version = "1.0"; }},
      {"restricted without scope", [](PublishBuilder* b) { b->access = "restricted"; }},
      {"unknown access", [](PublishBuilder* b) { b->access = "everybody"; }},
      {"path in the tarball",
       [](PublishBuilder* b) {
         b->more_files = {{"../../etc/passwd", "x"}};
       }},
  };
  for (const Row& row : rows) {
    PublishBuilder builder;
    row.spoil(&builder);
    EXPECT_EQ(Publish(alice_, builder).code(), Code::kInvalidArgument) << row.what;
  }
  EXPECT_EQ(Packument(anonymous_, "left").code(), Code::kNotFound) << "nothing of all that came through";
  EXPECT_EQ(store_.last_lsn().value(), 2u) << "two users and no package";
  EXPECT_TRUE(Publish(alice_, PublishBuilder()).ok()) << "the unspoiled one is fine";
}

TEST_F(RegistryPublish, TruncatedBodyIsRefused) {
  const std::string body = PublishBuilder().Body();
  for (const size_t cut : {size_t{1}, body.size() / 2, body.size() - 1}) {
    EXPECT_EQ(Put(alice_, "left", std::string_view(body).substr(0, cut)).code(), Code::kInvalidArgument) << cut;
  }
  EXPECT_EQ(Packument(anonymous_, "left").code(), Code::kNotFound);
}

TEST_F(RegistryPublish, LimitsHoldExactly) {
  const PublishBuilder builder;
  options_.tarball_bytes_max = builder.Tarball().size() - 1;
  Open();
  EXPECT_EQ(Publish(alice_, builder).code(), Code::kTooLarge);
  options_.tarball_bytes_max = builder.Tarball().size();
  Open();
  EXPECT_TRUE(Publish(alice_, builder).ok());
}

TEST_F(RegistryPublish, DecoratedVersionsAreCleaned) {
  PublishBuilder builder;
  builder.version = "1.0.0+build.7";
  builder.attachment_name = "left-1.0.0.tgz";
  ASSERT_TRUE(Publish(alice_, builder).ok());
  EXPECT_THAT(Packument(anonymous_, "left").value(), HasSubstr("/left/-/left-1.0.0.tgz"));
  EXPECT_TRUE(TarballBytes(anonymous_, "left", "left-1.0.0.tgz").ok());
  EXPECT_TRUE(TarballBytes(anonymous_, "left", "left-1.0.0+build.7.tgz").ok());
  builder.version = "1.0.0";
  builder.contents = "other";
  EXPECT_EQ(Publish(alice_, builder).code(), Code::kAlreadyExists) << "build metadata makes no other version";
  ExpectVerified();
}

TEST_F(RegistryPublish, ScopedAttachmentsMayCarryTheScope) {
  PublishBuilder builder;
  builder.name = "@alice/left";
  for (const char* attachment : {"@alice/left-1.0.0.tgz", "left-1.0.1.tgz"}) {
    builder.attachment_name = attachment;
    EXPECT_TRUE(Publish(alice_, builder).ok()) << attachment;
    builder.version = "1.0.1";
  }
  EXPECT_THAT(Packument(anonymous_, "@alice/left").value(),
              HasSubstr("http://registry.example/@alice/left/-/left-1.0.0.tgz"));
}

TEST_F(RegistryPublish, RepeatedPublishAnswersAsTheFirst) {
  const PublishBuilder builder;
  const auto first = Publish(alice_, builder);
  ASSERT_TRUE(first.ok());
  const Lsn lsn = store_.last_lsn();
  clock_.AdvanceMs(options_.republish_window_ms);
  const auto second = Publish(alice_, builder);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_EQ(second->rev, first->rev);
  EXPECT_TRUE(second->created);
  EXPECT_EQ(store_.last_lsn(), lsn);
  clock_.AdvanceMs(1);
  EXPECT_EQ(Publish(alice_, builder).status().message(),
            "You cannot publish over the previously published versions: 1.0.0.");
}

TEST_F(RegistryPublish, ReadmeOfLatestIsShownOnce) {
  PublishBuilder builder;
  builder.manifest_members = R"("readme":"# one","readmeFilename":"readme.markdown")";
  ASSERT_TRUE(Publish(alice_, builder).ok());
  builder.version = "1.0.1";
  builder.manifest_members.clear();
  builder.top_level_members = R"("readme":"# two")";  // As npm 6 and yarn send it.
  ASSERT_TRUE(Publish(alice_, builder).ok());
  std::string packument = Packument(anonymous_, "left").value();
  EXPECT_THAT(packument, HasSubstr(R"("readme":"# two")"));
  EXPECT_THAT(packument, Not(HasSubstr("# one")));
  ASSERT_TRUE(registry_->SetDistTag(alice_, Name("left"), "latest", "1.0.0").ok());
  packument = Packument(anonymous_, "left").value();
  EXPECT_THAT(packument, HasSubstr(R"("readme":"# one")"));
  EXPECT_THAT(packument, HasSubstr(R"("readmeFilename":"readme.markdown")"));
}

TEST_F(RegistryPublish, BundleIsKeptAsABlob) {
  PublishBuilder builder;
  builder.bundle_text = builder.Provenance();
  ASSERT_TRUE(Publish(alice_, builder).ok());
  EXPECT_TRUE(store_.blobs().Open(Sha512(*builder.bundle_text)).ok());
  ExpectVerified();
}

TEST_F(RegistryPublish, DocumentWithoutTarballPublishesNothing) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  builder.version = "1.0.1";
  builder.attachments_json = "{}";
  const auto answer = Publish(alice_, builder);
  EXPECT_EQ(answer.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(answer.status().message()), HasSubstr("1.0.1"));
}

TEST_F(RegistryPublish, RestartReadsEverythingBack) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  const std::string before = Packument(anonymous_, "left").value();
  Open();
  EXPECT_EQ(Packument(anonymous_, "left").value(), before);
  EXPECT_EQ(TarballBytes(anonymous_, "left", "left-1.0.0.tgz").value(), builder.Tarball());
}

TEST_F(RegistryPublish, DamagedTarballIsReportedAndNotServed) {
  const PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  store_.DamageBlob(Sha512(builder.Tarball()));
  EXPECT_EQ(TarballBytes(anonymous_, "left", "left-1.0.0.tgz").code(), Code::kCorruption);
}

TEST_F(RegistryPublish, FullDiskRefusesBeforeTheBodyIsRead) {
  const PublishBuilder builder;
  store_.RefuseCommits(OutOfSpace("the disk is full"));
  EXPECT_EQ(registry_->BeginPackageWrite(alice_, Name("left"), std::nullopt).code(), Code::kOutOfSpace);
  store_.RefuseCommits(OkStatus());
  EXPECT_TRUE(Publish(alice_, builder).ok());
}

TEST_F(RegistryPublish, ListenerHearsOfThePackageBeforeTheWriterIsAnswered) {
  std::vector<std::string> heard;
  registry_->SetPackageListener([&](const std::string& package) { heard.push_back(package); });
  ASSERT_TRUE(Publish(alice_, PublishBuilder()).ok());
  EXPECT_EQ(heard, (std::vector<std::string>{"left"}));
}

}  // namespace
}  // namespace tarn::registry
