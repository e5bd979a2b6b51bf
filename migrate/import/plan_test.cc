#include "migrate/import/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migrate/import/revision.h"
#include "migrate/import/tarball_match.h"
#include "storage/base/digest.h"
#include "storage/registry/integrity.h"
#include "storage/registry/origin_members.h"

namespace tarn::migrate {
namespace {

using registry::TarballState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

StoredAttachment Attachment(std::string name, std::string_view bytes) {
  return {std::move(name), StoredAttachment::State::kWhole, Sha512(bytes), Sha1(bytes), bytes.size()};
}

std::string ShasumOf(std::string_view bytes) { return registry::FormatShasum(Sha1(bytes)); }

// A document with one version whose `dist` is given.
SourceDocument WithDist(const std::string& dist, std::vector<StoredAttachment> attachments) {
  return {
      "a", "1-x",
      R"({"name":"a","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"a","version":"1.0.0")" +
          (dist.empty() ? "" : ",\"dist\":" + dist) +
          R"(}},"time":{"created":"2012-01-01T12:00:00.000Z","modified":"2012-01-02T12:00:00.000Z","1.0.0":"2012-01-01T12:00:00.000Z"},"maintainers":[{"name":"m","email":"m@mail.example"}]})",
      std::move(attachments)};
}

std::vector<std::string> Kinds(const Plan& plan) {
  std::vector<std::string> kinds;
  for (const Finding& finding : plan.findings) kinds.emplace_back(FindingName(finding.kind));
  return kinds;
}

TEST(Plan, TakesAnOrdinaryDocumentWithoutAWord) {
  const auto document =
      WithDist(R"({"shasum":")" + ShasumOf("bytes") + R"(","tarball":"http://registry.example/a/-/a-1.0.0.tgz"})",
               {Attachment("a-1.0.0.tgz", "bytes")});
  const Plan plan = PlanDocument(document, {});
  ASSERT_EQ(plan.kind, Plan::Kind::kPackage);
  EXPECT_THAT(Kinds(plan), IsEmpty());
  ASSERT_EQ(plan.package->versions.size(), 1u);
  const auto& version = plan.package->versions[0];
  EXPECT_EQ(version.tarball.state, TarballState::kVerified);
  EXPECT_EQ(version.tarball.file_name, "a-1.0.0.tgz");
  EXPECT_TRUE(version.is_verbatim);
  EXPECT_EQ(plan.package->package.imported->origin_rev, "1-x");
  EXPECT_EQ(plan.package->package.imported->finding_count, 0u);
  EXPECT_THAT(plan.package->package.imported->files, IsEmpty());
}

TEST(Plan, ADigestThatDiffersStays) {
  const Plan plan = PlanDocument(
      WithDist(R"({"shasum":")" + ShasumOf("others") + R"(","tarball":"http://registry.example/a/-/a-1.0.0.tgz"})",
               {Attachment("a-1.0.0.tgz", "bytes")}),
      {});
  EXPECT_THAT(Kinds(plan), ElementsAre("digest-mismatch"));
  EXPECT_EQ(plan.package->versions[0].tarball.state, TarballState::kOfOrigin);
  EXPECT_EQ(plan.versions[0].state, VersionReport::State::kDigestMismatch);
}

TEST(Plan, AMissingOrDamagedAttachmentCostsTheTarballAlone) {
  const std::string dist = R"({"tarball":"http://registry.example/a/-/a-1.0.0.tgz"})";
  EXPECT_THAT(Kinds(PlanDocument(WithDist(dist, {}), {})), ElementsAre("missing-attachment"));
  EXPECT_THAT(Kinds(PlanDocument(WithDist(dist, {{"a-1.0.0.tgz", StoredAttachment::State::kStub, {}, {}, 0}}), {})),
              ElementsAre("missing-attachment"));
  const Plan plan = PlanDocument(WithDist(dist, {{"a-1.0.0.tgz", StoredAttachment::State::kDamaged, {}, {}, 0}}), {});
  EXPECT_THAT(Kinds(plan), ElementsAre("damaged-attachment"));
  EXPECT_EQ(plan.package->versions[0].tarball.state, TarballState::kMissing);
}

TEST(Plan, KeepsOrphansOrDropsThem) {
  const auto document = WithDist("", {Attachment("a-1.0.0.tgz", "bytes"), Attachment("notes.txt", "orphan")});
  const Plan kept = PlanDocument(document, {});
  EXPECT_THAT(Kinds(kept), ElementsAre("no-dist", "orphan-attachment"));
  ASSERT_EQ(kept.package->package.imported->files.size(), 1u);
  EXPECT_EQ(kept.package->package.imported->files[0].file_name, "notes.txt");
  const Plan dropped = PlanDocument(document, {PlanOptions::Orphans::kDrop});
  EXPECT_THAT(dropped.package->package.imported->files, IsEmpty());
}

TEST(Plan, KeepsMembersByteForByte) {
  SourceDocument document{
      "a",
      "1-x",
      R"({"_id":"a","name":"a","versions":{},"dist-tags":{},"odd":[1.50,"é"],"users":{"u":1,"v":false},)"
      R"("readme":"","maintainers":["m <m@mail.example>",{"role":"r"}]})",
      {}};
  const Plan plan = PlanDocument(document, {});
  ASSERT_EQ(plan.kind, Plan::Kind::kPackage);
  const auto origin = registry::OriginOf(*plan.package->package.imported);
  ASSERT_TRUE(origin.ok());
  EXPECT_EQ(
      origin->document,
      R"({"odd":[1.50,"é"],"users":{"u":1,"v":false},"readme":"","maintainers":["m <m@mail.example>",{"role":"r"}]})");
  EXPECT_THAT(plan.package->package.stars, ElementsAre("u"));
  ASSERT_EQ(plan.package->package.maintainers.size(), 1u);
  EXPECT_EQ(plan.package->package.maintainers[0].name, "m");
  EXPECT_EQ(plan.package->package.maintainers[0].email, "m@mail.example");
  EXPECT_THAT(Kinds(plan), Contains("maintainers-odd"));
}

TEST(Plan, NumbersThatWereUsedStayTaken) {
  const Plan plan = PlanDocument(
      {"a",
       "1-x",
       R"({"name":"a","versions":{},"dist-tags":{},"time":{"created":"2012-01-01T12:00:00.000Z","0.9.0":"2012-01-01T12:00:00.000Z"}})",
       {}},
      {});
  ASSERT_EQ(plan.package->tombstones.size(), 1u);
  EXPECT_EQ(plan.package->tombstones[0].version, "0.9.0");
}

TEST(Plan, TellsPackagesFromOtherDocuments) {
  const auto kind = [](const std::string& id, const std::string& body) {
    return PlanDocument({id, "1-x", body, {}}, {}).kind;
  };
  EXPECT_EQ(kind("_design/app", "{}"), Plan::Kind::kDesign);
  EXPECT_EQ(kind("ping", R"({"count":1})"), Plan::Kind::kNotAPackage);
  EXPECT_EQ(kind("a", R"({"name":"a"})"), Plan::Kind::kNotAPackage);
  EXPECT_EQ(kind("a", R"({"name":"a","versions":7})"), Plan::Kind::kNotAPackage);
  EXPECT_EQ(kind("a/b", R"({"name":"a/b","versions":{}})"), Plan::Kind::kRefused);
  EXPECT_EQ(kind("", R"({"name":"","versions":{}})"), Plan::Kind::kRefused);
}

// Whatever is in a document, planning it ends, and says what it left out.
TEST(Plan, NothingWithinADocumentStopsIt) {
  const std::string values[] = {"null",
                                "7",
                                "\"x\"",
                                "[]",
                                "{}",
                                "[[]]",
                                R"({"1.0.0":null})",
                                R"({"":{}})",
                                R"({"1.0.0":{"dist":7,"scripts":[],"_npmUser":"u","deprecated":{}}})"};
  for (const char* member : {"versions", "dist-tags", "time", "maintainers", "users", "readme", "name"}) {
    for (const std::string& value : values) {
      const std::string body = "{\"name\":\"a\",\"versions\":{},\"" + std::string(member) + "\":" + value + "}";
      SCOPED_TRACE(body);
      const Plan plan = PlanDocument({"a", "1-x", body, {}}, {});
      EXPECT_TRUE(plan.kind == Plan::Kind::kPackage || !plan.findings.empty());
    }
  }
}

TEST(TarballMatch, FindsAttachmentsUnderAllTheirNames) {
  const auto package = *registry::PackageName::Parse("@s/n");
  const auto find = [&](const std::string& url, const std::string& attachment) {
    return MatchTarball(package, "1.0.0", url, {"@s/n"}, {Attachment(attachment, "x")});
  };
  EXPECT_TRUE(find("http://h/@s/n/-/n-1.0.0.tgz", "n-1.0.0.tgz").attachment);
  EXPECT_EQ(find("http://h/@s/n/-/@s/n-1.0.0.tgz", "@s/n-1.0.0.tgz").file, "@s/n-1.0.0.tgz");
  EXPECT_TRUE(find("http://h/@s%2fn/-/@s%2fn-1.0.0.tgz", "@s/n-1.0.0.tgz").attachment);
  EXPECT_TRUE(find("http://elsewhere/x.tgz", "n-1.0.0.tgz").is_foreign);
  EXPECT_TRUE(find("", "@s/n-1.0.0.tgz").attachment);
  EXPECT_EQ(find("", "@s/n-1.0.0.tgz").file, "n-1.0.0.tgz");
  EXPECT_TRUE(find("http://h/@s/n/-/odd%20name.tar", "odd name.tar").attachment);
  EXPECT_FALSE(find("http://h/@s/n/-/n-1.0.0.tgz", "n-2.0.0.tgz").attachment);
}

TEST(Revision, WinsAsInCouchDb) {
  EXPECT_TRUE(WinsOver("2-a", "1-f"));
  EXPECT_TRUE(WinsOver("10-a", "9-f"));
  EXPECT_TRUE(WinsOver("2-b", "2-a"));
  EXPECT_FALSE(WinsOver("2-a", "2-a"));
  EXPECT_FALSE(WinsOver("x", "1-a"));
  EXPECT_TRUE(WinsOver("1-a", ""));
}

}  // namespace
}  // namespace tarn::migrate
