// Advisories through the facade: imported, asked, taken back.

#include "storage/registry/advisories.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/trust_limits.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;

std::string Osv(const std::string& id, const std::string& package, const std::string& fixed,
                const std::string& modified = "2024-05-01T00:00:00Z", const std::string& more = "") {
  return R"({"id":")" + id + R"(","modified":")" + modified + "\"," + more +
         R"("affected":[{"package":{"ecosystem":"npm",)" + R"("name":")" + package +
         R"("},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":")" + fixed + R"("}]}]}]})";
}

class RegistryAdvisories : public RegistryFixture {
 protected:
  AdvisoryImport Import(const std::vector<std::string>& documents) {
    const auto import = registry_->ImportAdvisories(Principal::System(), {documents.begin(), documents.end()});
    EXPECT_TRUE(import.ok()) << import.status().ToString();
    return import.ok() ? *import : AdvisoryImport();
  }
  // "package: id id, …" of what an audit finds.
  std::string Audit(const std::vector<AuditedPackage>& packages) {
    const auto found = registry_->Audit(Principal::Anonymous(), packages);
    if (!found.ok()) return found.status().ToString();
    std::string text;
    for (const PackageAdvisories& package : *found) {
      text += package.name + ":";
      for (const Advisory& advisory : package.advisories) text += " " + advisory.id;
      text += ";";
    }
    return text;
  }
};

TEST_F(RegistryAdvisories, WithoutDataThereIsNoAnswer) {
  EXPECT_THAT(Audit({{"left", {"1.0.0"}}}), HasSubstr("NotFound: This registry has no advisories"));
  Import({Osv("GHSA-1", "left", "2.0.0")});
  EXPECT_EQ(Audit({{"right", {"1.0.0"}}}), "") << "now nothing known means something";
  options_.audit = RegistryOptions::Audit::kOff;
  Open();
  EXPECT_THAT(Audit({{"left", {"1.0.0"}}}), HasSubstr("does not offer audits"));
  options_.audit = RegistryOptions::Audit::kData;
  Open();
  ASSERT_TRUE(registry_->RemoveAdvisories(Principal::System(), {"GHSA-1"}).ok());
  EXPECT_THAT(Audit({{"left", {"1.0.0"}}}), HasSubstr("NotFound")) << "the last one is gone";
}

TEST_F(RegistryAdvisories, OnlyWhatAffectsAVersionAskedForIsFound) {
  Import({Osv("GHSA-2", "left", "2.0.0"), Osv("GHSA-1", "left", "1.0.0"), Osv("GHSA-3", "@s/n", "1.5.0")});
  EXPECT_EQ(Audit({{"left", {"0.9.0"}}, {"@s/n", {"1.0.0", "2.0.0"}}}), "left: GHSA-1 GHSA-2;@s/n: GHSA-3;");
  EXPECT_EQ(Audit({{"left", {"1.0.0"}}, {"@s/n", {"1.5.0"}}}), "left: GHSA-2;");
  EXPECT_EQ(Audit({{"left", {}}}), "left: GHSA-1 GHSA-2;");
  EXPECT_EQ(Audit({{"left", {"git+ssh://x"}}, {"Not A Name\n", {"1.0.0"}}, {std::string("a\0b", 3), {"1.0.0"}}}), "");
}

TEST_F(RegistryAdvisories, TheSameAgainChangesNothing) {
  const std::vector<std::string> documents = {Osv("GHSA-1", "left", "2.0.0"), Osv("GHSA-2", "right", "2.0.0")};
  EXPECT_EQ(Import(documents).imported, 2u);
  const Lsn last = store_.last_lsn();
  const AdvisoryImport again = Import(documents);
  EXPECT_EQ(again.imported, 0u);
  EXPECT_EQ(again.unchanged, 2u);
  EXPECT_EQ(store_.last_lsn(), last);
}

TEST_F(RegistryAdvisories, NewerReplacesOlderDoesNot) {
  Import({Osv("GHSA-1", "left", "2.0.0")});
  EXPECT_EQ(Import({Osv("GHSA-1", "right", "2.0.0", "2024-05-02T00:00:00Z")}).imported, 1u);
  EXPECT_EQ(Audit({{"left", {"1.0.0"}}, {"right", {"1.0.0"}}}), "right: GHSA-1;");
  EXPECT_EQ(Import({Osv("GHSA-1", "left", "2.0.0", "2024-04-30T00:00:00Z")}).unchanged, 1u);
  EXPECT_EQ(Audit({{"left", {"1.0.0"}}, {"right", {"1.0.0"}}}), "right: GHSA-1;");
  EXPECT_EQ(registry_->ListAdvisories(Principal::System(), "", "")->total, 1u);
}

TEST_F(RegistryAdvisories, WhatIsWithdrawnGoes) {
  Import({Osv("GHSA-1", "left", "2.0.0"), Osv("GHSA-2", "left", "2.0.0")});
  const std::string withdrawn =
      Osv("GHSA-1", "left", "2.0.0", "2024-06-01T00:00:00Z", R"("withdrawn":"2024-06-01T00:00:00Z",)");
  EXPECT_EQ(Import({withdrawn}).withdrawn, 1u);
  EXPECT_EQ(Audit({{"left", {"1.0.0"}}}), "left: GHSA-2;");
  const Lsn last = store_.last_lsn();
  EXPECT_EQ(Import({withdrawn}).irrelevant, 1u);
  EXPECT_EQ(store_.last_lsn(), last);
}

TEST_F(RegistryAdvisories, OneBadDocumentDoesNotKeepTheOthersOut) {
  const AdvisoryImport import =
      Import({"{", Osv("GHSA-1", "left", "2.0.0"), R"({"id":"x"})", Osv("GHSA-2", "left", "two")});
  EXPECT_EQ(import.imported, 1u);
  ASSERT_EQ(import.failures.size(), 3u);
  EXPECT_EQ(import.failures[0].first, 0u);
  EXPECT_EQ(import.failures[2].first, 3u);
  EXPECT_THAT(import.failures[2].second, HasSubstr("GHSA-2"));
  EXPECT_EQ(Audit({{"left", {"1.0.0"}}}), "left: GHSA-1;");
}

TEST_F(RegistryAdvisories, ListsInPagesAndByPackage) {
  std::vector<std::string> documents;
  for (size_t i = 0; i < limits::kAdvisoriesPageMax + 1; ++i) {
    const std::string number = std::to_string(10'000 + i);
    documents.push_back(Osv("GHSA-" + number, "p" + number, "2.0.0"));
  }
  const std::vector<std::string> last = {documents.back()};
  documents.pop_back();
  Import(documents);
  Import(last);
  const auto first_page = registry_->ListAdvisories(Principal::System(), "", "").value();
  EXPECT_EQ(first_page.advisories.size(), limits::kAdvisoriesPageMax);
  EXPECT_EQ(first_page.total, limits::kAdvisoriesPageMax + 1);
  const auto second_page = registry_->ListAdvisories(Principal::System(), "", first_page.next).value();
  ASSERT_EQ(second_page.advisories.size(), 1u);
  EXPECT_EQ(second_page.next, "");
  const auto of_package = registry_->ListAdvisories(Principal::System(), "p10007", "").value();
  ASSERT_EQ(of_package.advisories.size(), 1u);
  EXPECT_EQ(of_package.advisories[0].id, "GHSA-10007");
  EXPECT_EQ(registry_->ListAdvisories(Principal::System(), "", std::string("a\0", 2)).code(), Code::kInvalidArgument);
}

TEST_F(RegistryAdvisories, RemovesAllOrNothing) {
  Import({Osv("GHSA-1", "left", "2.0.0"), Osv("GHSA-2", "left", "2.0.0")});
  for (const std::string& odd : {std::string("GHSA-3"), std::string("a\0b", 3), std::string()}) {
    EXPECT_EQ(registry_->RemoveAdvisories(Principal::System(), {"GHSA-1", odd}).code(), Code::kNotFound);
  }
  EXPECT_EQ(Audit({{"left", {"1.0.0"}}}), "left: GHSA-1 GHSA-2;");
  ASSERT_TRUE(registry_->RemoveAdvisories(Principal::System(), {"GHSA-1", "GHSA-2"}).ok());
  EXPECT_EQ(registry_->ListAdvisories(Principal::System(), "", "")->total, 0u);
}

// What the registry has, and for whom, makes no difference to an audit.
TEST_F(RegistryAdvisories, AnswersByNameAlone) {
  const Principal alice = AddUser("alice");
  PublishBuilder builder;
  builder.name = "@alice/secret";
  builder.access = "restricted";
  ASSERT_TRUE(Publish(alice, builder).ok());
  Import({Osv("GHSA-1", "@alice/secret", "2.0.0"), Osv("GHSA-2", "@alice/sesame", "2.0.0")});
  EXPECT_EQ(Audit({{"@alice/secret", {"1.0.0"}}, {"@alice/sesame", {"1.0.0"}}}),
            "@alice/secret: GHSA-1;@alice/sesame: GHSA-2;");
}

TEST_F(RegistryAdvisories, IsForTheOperatorAndAPrivateRegistrysUsers) {
  const Principal alice = AddUser("alice");
  EXPECT_EQ(registry_->ImportAdvisories(alice, {}).code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->ListAdvisories(alice, "", "").code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->RemoveAdvisories(alice, {"GHSA-1"}).code(), Code::kPermissionDenied);
  options_.read_access = RegistryOptions::ReadAccess::kAuthenticated;
  Open();
  EXPECT_EQ(registry_->Audit(Principal::Anonymous(), {}).code(), Code::kUnauthenticated);
}

}  // namespace
}  // namespace tarn::registry
