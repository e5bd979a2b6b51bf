// Changing what is published, through the facade: unpublish, deprecate, owners, dist-tags, access, stars.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/package_state.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RegistryChange : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
    bob_ = AddUser("bob");
    for (const char* version : {"1.0.0", "1.1.0", "2.0.0"}) PublishVersion(version);
    ASSERT_TRUE(Packument(anonymous_, "left").ok());  // Cached: each change must show.
  }

  void PublishVersion(const std::string& version) {
    PublishBuilder builder;
    builder.version = version;
    builder.contents = "of " + version;
    const auto answer = Publish(alice_, builder);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  }
  Result<WriteAnswer> PublishOther(const std::string& version) {
    PublishBuilder builder;
    builder.version = version;
    builder.contents = "other bytes";
    return Publish(alice_, builder);
  }
  VersionRecord Stored(std::string_view version) {
    const auto view = store_.NewReadView();
    const auto record = ReadVersion(**view, Name("left"), Version::Parse(version).value());
    return record.value().value();
  }
  // The cached packument and one made from the store alone agree.
  void ExpectCacheIsCurrent() {
    const auto cached = Packument(anonymous_, "left");
    Open();
    const auto fresh = Packument(anonymous_, "left");
    ASSERT_EQ(cached.ok(), fresh.ok());
    if (cached.ok()) {
      EXPECT_EQ(*cached, *fresh);
    }
    ExpectVerified();
  }

  Principal alice_;
  Principal bob_;
  const Principal anonymous_ = Principal::Anonymous();
};

constexpr char kWithoutTwo[] = R"({"_id":"left","name":"left","versions":{"1.0.0":{},"1.1.0":{}},"dist-tags":{}})";

TEST_F(RegistryChange, UnpublishOneVersion) {
  const std::string rev = RevOf("left");
  const auto answer = Put(alice_, "left", kWithoutTwo, rev);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->rev, RevOf("left"));
  EXPECT_NE(answer->rev, rev);
  EXPECT_EQ(TagsOf("left"), "latest=1.1.0 ");
  const std::string packument = Packument(anonymous_, "left").value();
  EXPECT_THAT(packument, Not(HasSubstr("left-2.0.0.tgz")));
  EXPECT_THAT(packument, HasSubstr(R"("2.0.0":"2023-)")) << "time keeps it";
  EXPECT_EQ(TarballBytes(anonymous_, "left", "left-2.0.0.tgz").code(), Code::kNotFound);
  EXPECT_TRUE(registry_->DeleteTarball(alice_, Name("left"), "left-2.0.0.tgz", answer->rev).ok());
  EXPECT_EQ(RevOf("left"), answer->rev);
  ExpectCacheIsCurrent();
}

TEST_F(RegistryChange, TombstonedVersionIsRefusedForEver) {
  ASSERT_TRUE(Put(alice_, "left", kWithoutTwo, RevOf("left")).ok());
  for (const uint64_t wait_ms : {uint64_t{0}, limits::kNameBlockedMs, 100 * limits::kNameBlockedMs}) {
    clock_.AdvanceMs(wait_ms);
    EXPECT_EQ(PublishOther("2.0.0").code(), Code::kAlreadyExists);
    EXPECT_EQ(PublishOther("2.0.0+other-build").code(), Code::kAlreadyExists);
    PublishBuilder same;
    same.version = "2.0.0";
    same.contents = "of 2.0.0";
    EXPECT_EQ(Publish(alice_, same).code(), Code::kAlreadyExists) << "not with the same bytes either";
  }
  EXPECT_TRUE(PublishOther("2.0.1").ok());
  ExpectCacheIsCurrent();
}

TEST_F(RegistryChange, UnpublishEverything) {
  const auto answer = registry_->UnpublishPackage(alice_, Name("left"), RevOf("left"));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  const std::string packument = Packument(anonymous_, "left").value();
  EXPECT_THAT(packument, HasSubstr(R"("unpublished":{"name":"alice","time":"2023-)"));
  EXPECT_THAT(packument, HasSubstr(R"("versions":["1.0.0","1.1.0","2.0.0"])"));
  EXPECT_THAT(packument, Not(HasSubstr("dist-tags")));
  EXPECT_EQ(PublishOther("3.0.0").code(), Code::kPermissionDenied);
  clock_.AdvanceMs(limits::kNameBlockedMs);
  EXPECT_EQ(PublishOther("2.0.0").code(), Code::kAlreadyExists);
  EXPECT_TRUE(PublishOther("3.0.0").ok());
  EXPECT_EQ(TagsOf("left"), "latest=3.0.0 ");
  ExpectCacheIsCurrent();
}

TEST_F(RegistryChange, BodyWithoutAnyVersionUnpublishesEverything) {
  ASSERT_TRUE(Put(alice_, "left", R"({"_id":"left","versions":{}})", RevOf("left")).ok());
  EXPECT_THAT(Packument(anonymous_, "left").value(), HasSubstr("unpublished"));
  ExpectCacheIsCurrent();
}

TEST_F(RegistryChange, MissingVersionsCountOnlyWithARevisionInThePath) {
  const std::string rev = RevOf("left");
  ASSERT_TRUE(Put(alice_, "left", kWithoutTwo).ok());
  EXPECT_EQ(RevOf("left"), rev);
  EXPECT_TRUE(TarballBytes(anonymous_, "left", "left-2.0.0.tgz").ok());
}

TEST_F(RegistryChange, StaleRevisionsChangeNothing) {
  const std::string stale = RevOf("left");
  ASSERT_TRUE(registry_->SetDistTag(alice_, Name("left"), "beta", "2.0.0").ok());
  const Lsn lsn = store_.last_lsn();
  for (const std::string& rev : {stale, std::string("undefined"), std::string("")}) {
    EXPECT_EQ(Put(alice_, "left", kWithoutTwo, rev).code(), Code::kConflict);
    // What yarn 1 really sends after reading the abbreviated packument.
    EXPECT_EQ(Put(alice_, "left", R"({"maintainers":[{"name":"bob","email":""}]})", rev).code(), Code::kConflict);
    EXPECT_EQ(registry_->UnpublishPackage(alice_, Name("left"), rev).code(), Code::kConflict);
    EXPECT_EQ(registry_->DeleteTarball(alice_, Name("left"), "left-9.0.0.tgz", rev).code(), Code::kConflict);
    PublishBuilder builder;
    builder.version = "3.0.0";
    EXPECT_EQ(Put(alice_, "left", builder.Body(), rev).code(), Code::kConflict);
  }
  EXPECT_EQ(store_.last_lsn(), lsn);
}

TEST_F(RegistryChange, TarballOfALiveVersionStays) {
  EXPECT_EQ(registry_->DeleteTarball(alice_, Name("left"), "left-1.0.0.tgz", RevOf("left")).code(),
            Code::kPermissionDenied);
  EXPECT_TRUE(TarballBytes(anonymous_, "left", "left-1.0.0.tgz").ok());
}

TEST_F(RegistryChange, DeprecateKeepsAllElseByteForByte) {
  const VersionRecord before = Stored("1.0.0");
  // As npm sends it: the packument as it was rendered, with one field set.
  std::string document = Packument(alice_, "left").value();
  const size_t place = document.find(R"("version":"1.0.0")");
  ASSERT_NE(place, std::string::npos);
  document.insert(place, R"("deprecated":"use 2.x","scripts":{"forged":"x"},)");
  ASSERT_TRUE(Put(alice_, "left", document).ok());
  VersionRecord expected = before;
  expected.deprecated = "use 2.x";
  EXPECT_EQ(Stored("1.0.0"), expected);
  EXPECT_THAT(Packument(anonymous_, "left").value(), HasSubstr(R"("deprecated":"use 2.x")"));
  EXPECT_THAT(Packument(anonymous_, "left", PackumentForm::kAbbreviated).value(),
              HasSubstr(R"("deprecated":"use 2.x")"));

  const Lsn lsn = store_.last_lsn();
  ASSERT_TRUE(Put(alice_, "left", R"({"_id":"left","versions":{"1.0.0":{"deprecated":"use 2.x"}}})").ok());
  EXPECT_EQ(store_.last_lsn(), lsn) << "nothing new, nothing written";
  ASSERT_TRUE(Put(alice_, "left", R"({"_id":"left","versions":{"1.0.0":{"deprecated":""}}})").ok());
  EXPECT_EQ(Stored("1.0.0"), before);
  EXPECT_THAT(Packument(anonymous_, "left").value(), Not(HasSubstr("deprecated")));
  ExpectCacheIsCurrent();
}

TEST_F(RegistryChange, OwnersDecideWhoMayPublish) {
  const char* both = R"({"_id":"left","maintainers":[{"name":"alice","email":"x"},{"name":"bob","email":"forged"}]})";
  EXPECT_EQ(Put(bob_, "left", both, RevOf("left")).code(), Code::kPermissionDenied);
  ASSERT_TRUE(Put(alice_, "left", both, RevOf("left")).ok());
  EXPECT_THAT(
      Packument(anonymous_, "left").value(),
      HasSubstr(
          R"("maintainers":[{"name":"alice","email":"alice@example.com"},{"name":"bob","email":"bob@example.com"}])"));
  PublishBuilder builder;
  builder.version = "3.0.0";
  EXPECT_TRUE(Publish(bob_, builder).ok());
  ASSERT_TRUE(Put(bob_, "left", R"({"maintainers":[{"name":"bob"}]})", RevOf("left")).ok());
  EXPECT_EQ(PublishOther("4.0.0").code(), Code::kPermissionDenied) << "alice gave it away";
  EXPECT_EQ(Put(bob_, "left", R"({"maintainers":[]})", RevOf("left")).code(), Code::kInvalidArgument);
  EXPECT_EQ(Put(bob_, "left", R"({"maintainers":[{"name":"nobody"}]})", RevOf("left")).code(), Code::kInvalidArgument);
  EXPECT_EQ(registry_->PackagesOfUser(anonymous_, "alice").value().size(), 0u);
  EXPECT_EQ(registry_->PackagesOfUser(anonymous_, "bob").value(),
            (std::vector<std::pair<std::string, std::string>>{{"left", "write"}}));
  ExpectCacheIsCurrent();
}

TEST_F(RegistryChange, StrangersCanNeitherPublishNorUnpublishNorChange) {
  Principal read_only = alice_;
  read_only.may_write = false;
  struct Caller {
    const char* what;
    Principal principal;
    Code expected;
  };
  const Caller callers[] = {{"stranger", bob_, Code::kPermissionDenied},
                            {"read-only token of the owner", read_only, Code::kPermissionDenied},
                            {"anonymous", anonymous_, Code::kUnauthenticated}};
  const std::string rev = RevOf("left");
  const Lsn lsn = store_.last_lsn();
  PublishBuilder next;
  next.version = "3.0.0";
  for (const auto& [what, who, expected] : callers) {
    EXPECT_EQ(Publish(who, next).code(), expected) << what;
    EXPECT_EQ(Put(who, "left", kWithoutTwo, rev).code(), expected) << what;
    EXPECT_EQ(Put(who, "left", R"({"versions":{"1.0.0":{"deprecated":"x"}}})").code(), expected) << what;
    EXPECT_EQ(Put(who, "left", R"({"_id":"left"})").code(), expected) << what;
    EXPECT_EQ(Put(who, "left", R"({"maintainers":[{"name":"bob"}]})", rev).code(), expected) << what;
    EXPECT_EQ(registry_->UnpublishPackage(who, Name("left"), rev).code(), expected) << what;
    EXPECT_EQ(registry_->DeleteTarball(who, Name("left"), "left-9.0.0.tgz", rev).code(), expected) << what;
    EXPECT_EQ(registry_->SetDistTag(who, Name("left"), "beta", "1.0.0").code(), expected) << what;
    EXPECT_EQ(registry_->RemoveDistTag(who, Name("left"), "latest").code(), expected) << what;
    EXPECT_EQ(registry_->SetAccess(who, Name("left"), "public").code(), expected) << what;
  }
  EXPECT_EQ(store_.last_lsn(), lsn);
  EXPECT_TRUE(registry_->SetDistTag(As("root", Registry::Admin::kYes), Name("left"), "beta", "1.0.0").ok())
      << "administrators may do everything";
}

TEST_F(RegistryChange, StrangerMayPutAStarAndNothingBesides) {
  ASSERT_TRUE(Put(bob_, "left", R"({"_id":"left","users":{"bob":true,"alice":true}})").ok());
  EXPECT_THAT(Packument(anonymous_, "left").value(), HasSubstr(R"("users":{"bob":true})"));
  const std::string long_body =
      R"({"_id":"left","users":{"bob":false},"padding":")" + std::string(limits::kStarBodyBytesMax, 'x') + "\"}";
  EXPECT_EQ(Put(bob_, "left", long_body).code(), Code::kPermissionDenied);
  ASSERT_TRUE(Put(bob_, "left", R"({"_id":"left","users":{}})").ok());
  EXPECT_THAT(Packument(anonymous_, "left").value(), Not(HasSubstr("\"users\"")));
  ExpectCacheIsCurrent();
}

TEST_F(RegistryChange, DistTags) {
  ASSERT_TRUE(registry_->SetDistTag(alice_, Name("left"), "beta", "1.1.0").ok());
  EXPECT_EQ(TagsOf("left"), "beta=1.1.0 latest=2.0.0 ");
  EXPECT_THAT(Packument(anonymous_, "left").value(), HasSubstr(R"("beta":"1.1.0")"));
  ASSERT_TRUE(registry_->RemoveDistTag(alice_, Name("left"), "beta").ok());
  EXPECT_EQ(TagsOf("left"), "latest=2.0.0 ");
  EXPECT_EQ(registry_->RemoveDistTag(alice_, Name("left"), "latest").code(), Code::kPermissionDenied);
  EXPECT_EQ(registry_->SetDistTag(alice_, Name("right"), "beta", "1.1.0").code(), Code::kNotFound);
  ExpectCacheIsCurrent();
}

TEST_F(RegistryChange, ModifiedNeverGoesBack) {
  const auto modified = [&] {
    return registry_
        ->GetPackument(anonymous_, Name("left"), PackumentForm::kFull, PackumentCoding::kGzip,
                       std::string(kTestBaseUrl))
        ->modified_ms;
  };
  const uint64_t before = modified();
  clock_.SetNowMs(before - 1'000'000);
  ASSERT_TRUE(registry_->SetDistTag(alice_, Name("left"), "beta", "1.1.0").ok());
  EXPECT_EQ(modified(), before);
}

}  // namespace
}  // namespace tarn::registry
