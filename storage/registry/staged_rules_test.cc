// The rules of staged versions, one by one, and what is kept of them.

#include "storage/registry/staged_rules.h"

#include <gtest/gtest.h>

#include "storage/registry/second_factor_rules.h"
#include "storage/registry/staged_record.h"

namespace tarn::registry {
namespace {

PackageName Name(std::string_view text) { return PackageName::Parse(text).value(); }
Version V(std::string_view text) { return Version::Parse(text).value(); }

Principal User(const std::string& name) {
  return {.kind = Principal::Kind::kUser, .user = name, .is_admin = false, .may_write = true, .token = std::nullopt};
}

std::optional<PackageRecord> OwnedBy(const std::string& user, PackageAccess access = PackageAccess::kPublic) {
  PackageRecord package;
  package.access = access;
  package.maintainers = {{user, user + "@example.com"}};
  return package;
}

StagedEntry Entry(const std::string& id, const std::string& version) {
  StagedEntry entry;
  entry.id = id;
  entry.version = version;
  return entry;
}

TEST(StagedRules, WhoMayPublishMayStage) {
  const auto may = FirstVersions::kMayBeStaged;
  const auto must_publish = FirstVersions::kMustBePublished;
  const Principal alice = User("alice");
  Principal reader = alice;
  reader.may_write = false;
  const auto check = [](const Principal& principal, std::string_view name, const std::optional<PackageRecord>& package,
                        FirstVersions first) {
    return CheckMayStage(principal, Name(name), package, {}, first).code();
  };
  EXPECT_EQ(check(alice, "left", OwnedBy("alice"), may), Code::kOk);
  EXPECT_EQ(check(alice, "left", std::nullopt, may), Code::kOk);
  EXPECT_EQ(check(alice, "left", OwnedBy("alice"), must_publish), Code::kOk);
  EXPECT_EQ(check(alice, "left", std::nullopt, must_publish), Code::kPermissionDenied);
  EXPECT_EQ(check(alice, "left", OwnedBy("bob"), may), Code::kPermissionDenied);
  EXPECT_EQ(check(alice, "@bob/left", OwnedBy("bob", PackageAccess::kRestricted), may), Code::kNotFound);
  EXPECT_EQ(check(reader, "left", OwnedBy("alice"), may), Code::kPermissionDenied);
  EXPECT_EQ(check(Principal::Anonymous(), "left", OwnedBy("alice"), may), Code::kUnauthenticated);
}

TEST(StagedRules, LimitedTokensStageAndLookAndOnlyFullOnesDecide) {
  struct Row {
    TokenPermission permission;
    bool stages, sees, decides;
  };
  for (const Row& row :
       {Row{TokenPermission::kWrite, true, true, true}, Row{TokenPermission::kPublish, true, false, false},
        Row{TokenPermission::kStage, true, true, false}, Row{TokenPermission::kRead, false, true, false},
        Row{TokenPermission::kNone, false, false, false}}) {
    TokenLimits limits;
    limits.packages = {"left"};
    limits.packages_permission = row.permission;
    Principal alice = User("alice");
    alice.limits = std::make_shared<const TokenLimits>(limits);
    const int line = static_cast<int>(row.permission);
    const auto package = OwnedBy("alice");
    EXPECT_EQ(CheckMayStage(alice, Name("left"), package, {}, FirstVersions::kMayBeStaged).ok(), row.stages) << line;
    EXPECT_EQ(MaySeeStaged(alice, Name("left"), "", package, {}), row.sees) << line;
    EXPECT_EQ(CheckMayDecideStaged(alice, Name("left")).ok(), row.decides) << line;
    EXPECT_FALSE(CheckMayStage(alice, Name("right"), package, {}, FirstVersions::kMayBeStaged).ok()) << line;
    EXPECT_FALSE(MaySeeStaged(alice, Name("right"), "", package, {})) << line;
  }
}

TEST(StagedRules, ANameThatNobodyHasIsTheBusinessOfWhoeverStagedIt) {
  const Principal alice = User("alice");
  ScopeState org;
  org.is_org = true;
  org.role = OrgRole::kDeveloper;  // Of alice.
  ScopeState user_scope;
  user_scope.is_user = true;
  EXPECT_EQ(StagedOwner(alice, Name("left"), std::nullopt, {}), "alice");
  EXPECT_EQ(StagedOwner(alice, Name("left"), OwnedBy("alice"), {}), "");
  EXPECT_EQ(StagedOwner(alice, Name("@acme/left"), std::nullopt, org), "");
  EXPECT_EQ(StagedOwner(alice, Name("@alice/left"), std::nullopt, user_scope), "");
  EXPECT_EQ(StagedOwner(alice, Name("@free/left"), std::nullopt, {}), "alice");
}

TEST(StagedRules, OnlyThoseWhoMayPublishSeeIt) {
  const Principal alice = User("alice"), bob = User("bob");
  Principal admin = User("root");
  admin.is_admin = true;
  Principal reader = alice;
  reader.may_write = false;
  ScopeState org;
  org.is_org = true;
  org.role = OrgRole::kDeveloper;  // Of alice.
  const auto sees = [](const Principal& principal, std::string_view name, std::string_view owner,
                       const std::optional<PackageRecord>& package, const ScopeState& scope = {}) {
    return MaySeeStaged(principal, Name(name), owner, package, scope);
  };
  EXPECT_TRUE(sees(alice, "left", "", OwnedBy("alice")));
  EXPECT_TRUE(sees(reader, "left", "", OwnedBy("alice")));
  EXPECT_TRUE(sees(admin, "left", "", OwnedBy("alice")));
  EXPECT_FALSE(sees(bob, "left", "", OwnedBy("alice")));
  EXPECT_FALSE(sees(Principal::Anonymous(), "left", "", OwnedBy("alice")));
  // Nobody has the name.
  EXPECT_TRUE(sees(alice, "left", "alice", std::nullopt));
  EXPECT_TRUE(sees(admin, "left", "alice", std::nullopt));
  EXPECT_FALSE(sees(bob, "left", "alice", std::nullopt));
  EXPECT_TRUE(sees(alice, "@acme/left", "", std::nullopt, org));
  org.role.reset();
  EXPECT_FALSE(sees(bob, "@acme/left", "", std::nullopt, org));
  // Bob has it now.
  EXPECT_FALSE(sees(alice, "left", "alice", OwnedBy("bob")));
  EXPECT_FALSE(sees(admin, "left", "alice", OwnedBy("bob")));
}

TEST(StagedRules, ANumberIsStagedOnceAndOnlySoMany) {
  StagedPackageRecord list;
  list.entries = {Entry("a", "1.0.0+linux")};
  EXPECT_EQ(CheckRoomForStaged(Name("left"), list, V("1.0.1")).code(), Code::kOk);
  EXPECT_EQ(CheckRoomForStaged(Name("left"), list, V("1.0.0")).code(), Code::kConflict);
  while (list.entries.size() < limits::kStagedPerPackageMax - 1) {
    list.entries.push_back(Entry("b", "2.0." + std::to_string(list.entries.size())));
  }
  EXPECT_EQ(CheckRoomForStaged(Name("left"), list, V("1.0.1")).code(), Code::kOk);
  list.entries.push_back(Entry("c", "3.0.0"));
  EXPECT_EQ(CheckRoomForStaged(Name("left"), list, V("1.0.1")).code(), Code::kFailedPrecondition);
}

TEST(StagedRules, PublishingOverAStagedNumberIsRefusedInTheWordsToolsKnow) {
  const StagedEntry entry = Entry("a", "1.0.0");
  const Status refused = CheckNotStaged(&entry);
  EXPECT_EQ(refused.code(), Code::kAlreadyExists);
  EXPECT_NE(refused.message().find("cannot publish over"), std::string::npos);
  EXPECT_TRUE(CheckNotStaged(nullptr).ok());
  EXPECT_EQ(AsStagingConflict(refused).code(), Code::kConflict);
  EXPECT_EQ(AsStagingConflict(NotFound("x")).code(), Code::kNotFound);
}

TEST(StagedRules, ExpiresAtItsTimeAndNotBefore) {
  StagedEntry entry = Entry("a", "1.0.0");
  entry.created_ms = 1000;
  EXPECT_FALSE((StagedTerm{1099, 100}).HasExpired(entry));
  EXPECT_TRUE((StagedTerm{1100, 100}).HasExpired(entry));
}

TEST(StagedRules, AccessIsThePackagesOrWhatItWillBe) {
  using Access = PublishRequest::Access;
  StagedEntry entry = Entry("a", "1.0.0");
  entry.access = Access::kPublic;
  EXPECT_FALSE(IsStagedPublic(Name("@s/n"), entry, OwnedBy("a", PackageAccess::kRestricted), false));
  EXPECT_TRUE(IsStagedPublic(Name("@s/n"), entry, std::nullopt, true));
  entry.access = Access::kKeep;
  EXPECT_FALSE(IsStagedPublic(Name("@s/n"), entry, std::nullopt, true));
  EXPECT_TRUE(IsStagedPublic(Name("n"), entry, std::nullopt, true));
  entry.access = Access::kRestricted;
  EXPECT_FALSE(IsStagedPublic(Name("@s/n"), entry, std::nullopt, false));
}

TEST(StagedRules, IdsAreUuidsOfAnyCase) {
  const std::string id = FormatUuid(std::string(16, '\xff'));
  EXPECT_EQ(id, "ffffffff-ffff-4fff-bfff-ffffffffffff");
  EXPECT_EQ(ParseStagedId(id), id);
  EXPECT_EQ(ParseStagedId("FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF"), id);
  for (const char* bad : {"", "ffffffff-ffff-4fff-bfff-fffffffffff", "ffffffff-ffff-4fff-bfff-fffffffffffff",
                          "ffffffff+ffff-4fff-bfff-ffffffffffff", "gfffffff-ffff-4fff-bfff-ffffffffffff"}) {
    EXPECT_FALSE(ParseStagedId(bad)) << bad;
  }
}

TEST(StagedRules, ApprovalAsksEverySecondFactorAndSparesNoToken) {
  using enum SecondFactorVerdict;
  const auto decide = [](SecondFactorMode mode, bool token_bypasses, bool package_requires, bool automation) {
    return DecideSecondFactor(SecondFactorAct::kApprove, {mode, token_bypasses, package_requires, automation});
  };
  EXPECT_EQ(decide(SecondFactorMode::kOff, false, false, false), kNotNeeded);
  EXPECT_EQ(decide(SecondFactorMode::kOff, true, true, true), kEnrolFirst);
  EXPECT_EQ(decide(SecondFactorMode::kAuthOnly, false, false, false), kNeeded);
  EXPECT_EQ(decide(SecondFactorMode::kAuthOnly, true, false, false), kNeeded);
  EXPECT_EQ(decide(SecondFactorMode::kAuthAndWrites, true, true, true), kNeeded);
}

TEST(StagedRecords, ComeBackAsTheyWere) {
  StagedPackageRecord list;
  StagedEntry entry = Entry("ffffffff-ffff-4fff-bfff-ffffffffffff", "1.0.0");
  entry.dist_tag = "next";
  entry.access = PublishRequest::Access::kRestricted;
  entry.created_ms = 7;
  entry.actor = "alice";
  entry.staged_by = StagedBy::kTrustedAutomation;
  entry.sha1.mutable_bytes()[3] = 9;
  list.entries = {entry, Entry("b", "2.0.0")};
  EXPECT_EQ(Decode<StagedPackageRecord>(Encode(list)).value(), list);

  StagedVersionRecord version{"@s/n", "alice", {}};
  version.version.version = "1.0.0";
  version.version.manifest = R"({"name":"@s/n"})";
  version.version.publisher = {"alice", "alice@example.com"};
  version.version.tarball.size_bytes = 12;
  version.version.approver = Maintainer{"bob", ""};
  EXPECT_EQ(Decode<StagedVersionRecord>(Encode(version)).value(), version);
  EXPECT_EQ(Decode<StagedVersionRecord>(Encode(list)).code(), Code::kCorruption);

  const std::string key = StagedPackageKey("@s/n", "alice");
  EXPECT_EQ(key, std::string("staged/package/@s/n\0alice", 25));
  EXPECT_EQ(ParseStagedPackageKey(key)->package, "@s/n");
  EXPECT_EQ(ParseStagedPackageKey(key)->owner, "alice");
  EXPECT_EQ(ParseStagedPackageKey("staged/id/x").code(), Code::kCorruption);
}

}  // namespace
}  // namespace tarn::registry
