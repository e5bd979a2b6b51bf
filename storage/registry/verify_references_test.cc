#include "storage/registry/verify_references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/digest.h"
#include "storage/engine/keys.h"
#include "storage/registry/package_state.h"
#include "storage/testing/builders.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using engine::Family;

// A sound store of one package with two versions and one tombstone; each test damages one thing behind the registry's
// back and expects to read about it.
class VerifyReferencesTest : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    const Principal alice = AddUser("alice");
    ASSERT_TRUE(registry_->CreateToken(Principal::System(), "alice", std::nullopt, {}).ok());
    for (const char* version : {"1.0.0", "2.0.0", "3.0.0"}) {
      PublishBuilder builder;
      builder.version = version;
      builder.contents = version;
      ASSERT_TRUE(Publish(alice, builder).ok());
    }
    ASSERT_TRUE(Put(alice, "left", R"({"versions":{"1.0.0":{},"2.0.0":{}}})", RevOf("left")).ok());
    ExpectVerified();
    registry_.reset();  // No observer: what is derived is not kept up from here.
  }

  void Commit(std::vector<engine::Change> changes) { ASSERT_TRUE(store_.Commit(MutationOf(std::move(changes))).ok()); }
  void ExpectFinding(const std::string& part) {
    const auto view = store_.NewReadView();
    const auto findings = VerifyReferences(**view);
    ASSERT_TRUE(findings.ok()) << findings.status().ToString();
    EXPECT_THAT(*findings, ::testing::Contains(::testing::HasSubstr(part)));
  }
  template <typename Change>
  void ChangePackage(const Change& change) {
    PackageRecord package = Decode<PackageRecord>(*ValueOf(store_, Family::kPackage, PackageKey())).value();
    change(&package);
    Commit({tarn::Put(Family::kPackage, PackageKey(), Encode(package))});
  }
  template <typename Change>
  void ChangeVersion(const char* version, const Change& change) {
    const std::string key = KeyOf(version);
    VersionRecord record = Decode<VersionRecord>(*ValueOf(store_, Family::kVersion, key)).value();
    change(&record);
    Commit({tarn::Put(Family::kVersion, key, Encode(record))});
  }
  static std::string PackageKey() { return engine::NameKey("left"); }
  static std::string KeyOf(const char* version) { return VersionKey(Name("left"), Version::Parse(version).value()); }
};

TEST_F(VerifyReferencesTest, TagThatNamesNoVersion) {
  ChangePackage([](PackageRecord* package) { package->SetTag("beta", "3.0.0"); });
  ExpectFinding("dist-tag beta names 3.0.0");
}

TEST_F(VerifyReferencesTest, MissingLatest) {
  ChangePackage([](PackageRecord* package) { package->RemoveTag("latest"); });
  ExpectFinding("no latest");
}

TEST_F(VerifyReferencesTest, SummaryOfAnotherVersion) {
  ChangePackage([](PackageRecord* package) { package->latest->version = "1.0.0"; });
  ExpectFinding("the summary is not of latest");
}

TEST_F(VerifyReferencesTest, WrongCount) {
  ChangePackage([](PackageRecord* package) { package->version_count = 7; });
  ExpectFinding("counts 7 versions and has 2");
}

TEST_F(VerifyReferencesTest, OrdinalTwice) {
  ChangeVersion("1.0.0", [](VersionRecord* version) { version->ordinal = 1; });
  ExpectFinding("taken twice");
}

TEST_F(VerifyReferencesTest, LiveAndUnpublishedAtOnce) {
  Commit({tarn::Put(Family::kTombstone, KeyOf("1.0.0"), Encode(TombstoneRecord{"1.0.0", 0, 1, 2, "alice"}))});
  ExpectFinding("left@1.0.0 is live, and unpublished too");
}

TEST_F(VerifyReferencesTest, MissingBlob) {
  ChangeVersion("2.0.0", [](VersionRecord* version) { version->tarball.sha512 = Sha512("nowhere"); });
  ExpectFinding("left@2.0.0, tarball: no blob");
}

TEST_F(VerifyReferencesTest, WrongSizeAndHash) {
  ChangeVersion("2.0.0", [](VersionRecord* version) { ++version->tarball.size_bytes; });
  ExpectFinding("left@2.0.0, tarball: ");
  ChangeVersion("1.0.0", [](VersionRecord* version) { version->tarball.sha1 = Sha1("other"); });
  ExpectFinding("left@1.0.0, tarball: SHA-1");
}

TEST_F(VerifyReferencesTest, MissingBundle) {
  ChangeVersion("2.0.0", [](VersionRecord* version) {
    version->bundle = AttestationBundle{Sha512("nowhere"), 1, "", ""};
  });
  ExpectFinding("left@2.0.0, attestation bundle: no blob");
}

TEST_F(VerifyReferencesTest, VersionUnderAnotherKey) {
  ChangeVersion("2.0.0", [](VersionRecord* version) { version->version = "4.0.0"; });
  ExpectFinding("left@4.0.0 is stored under the key of another version");
}

TEST_F(VerifyReferencesTest, VersionOfNoPackage) {
  Commit({tarn::Delete(Family::kPackage, PackageKey())});
  ExpectFinding("version of left, which is no package");
  ExpectFinding("tombstone of left, which is no package");
}

TEST_F(VerifyReferencesTest, UnreadableRecords) {
  for (const auto& [family, what] : {std::pair{Family::kPackage, "package left"}, std::pair{Family::kUser, "user"},
                                     std::pair{Family::kOrg, "organisation"}}) {
    Commit({tarn::Put(family, engine::NameKey("left"), "junk")});
    ExpectFinding(std::string(what));
  }
  Commit({tarn::Put(Family::kToken, engine::TokenKey(Sha256("x")), "junk")});
  ExpectFinding("token ");
}

TEST_F(VerifyReferencesTest, DerivedFamiliesThatWereNotKeptUp) {
  ChangePackage([](PackageRecord* package) { package->maintainers = {{"bob", ""}}; });
  ExpectFinding("nothing stands behind it");
  ExpectFinding("missing");
}

}  // namespace
}  // namespace tarn::registry
