#include "storage/registry/package_access.h"

#include <gtest/gtest.h>

namespace tarn::registry {
namespace {

// Who asks, as the stored state knows them, for a package of the organisation "corp", of the user "ann", or of neither.
struct Who {
  const char* what;
  Principal principal;
  std::optional<OrgRole> role = {};
  AccessLevel granted = AccessLevel::kNone;
  bool is_maintainer = false;
};

Principal User(const std::string& name) {
  return {.kind = Principal::Kind::kUser, .user = name, .is_admin = false, .may_write = true, .token = std::nullopt};
}
Principal Admin() {
  Principal admin = User("root");
  admin.is_admin = true;
  return admin;
}

std::vector<Who> Everybody() {
  using enum AccessLevel;
  return {
      {"anonymous", Principal::Anonymous()},
      {"stranger", User("bob")},
      {"stranger who maintains", User("bob"), {}, kNone, true},
      {"stranger, granted read", User("bob"), {}, kRead},
      {"stranger, granted write", User("bob"), {}, kWrite},
      {"developer", User("bob"), OrgRole::kDeveloper},
      {"developer, granted read", User("bob"), OrgRole::kDeveloper, kRead},
      {"developer, granted write", User("bob"), OrgRole::kDeveloper, kWrite},
      {"developer who maintains", User("bob"), OrgRole::kDeveloper, kNone, true},
      {"admin of the organisation", User("bob"), OrgRole::kAdmin},
      {"owner of the organisation", User("bob"), OrgRole::kOwner},
      {"user of the scope", User("ann")},
      {"administrator", Admin()},
      {"operator", Principal::System()},
  };
}

enum class Scope : uint8_t { kOrg, kUser, kNone };

AccessLevel LevelIn(Scope scope, const Who& who, PackageAccess access) {
  PackageRecord package;
  package.access = access;
  if (who.is_maintainer) package.maintainers = {{who.principal.user, ""}};
  ScopeState state;
  state.is_org = scope == Scope::kOrg;
  state.is_user = scope == Scope::kUser;
  if (scope == Scope::kOrg) state.role = who.role;
  state.granted = who.granted;
  const char* name = scope == Scope::kOrg ? "@corp/left" : scope == Scope::kUser ? "@ann/left" : "left";
  return LevelOf(who.principal, PackageName::Parse(name).value(), package, state);
}

TEST(PackageAccess, LevelOfEverybodyEverywhere) {
  using enum AccessLevel;
  // In the order of Everybody(). In the second scope nobody has a role; the third is no scope, and always public.
  struct Row {
    AccessLevel org_public, org_restricted, user_public, user_restricted, unscoped;
  };
  const Row rows[] = {
      {kRead, kNone, kRead, kNone, kRead},            // anonymous
      {kRead, kNone, kRead, kNone, kRead},            // stranger
      {kRead, kNone, kManage, kManage, kManage},      // stranger who maintains: an organisation decides for itself
      {kRead, kRead, kRead, kRead, kRead},            // stranger, granted read
      {kWrite, kWrite, kWrite, kWrite, kWrite},       // stranger, granted write
      {kRead, kNone, kRead, kNone, kRead},            // developer
      {kRead, kRead, kRead, kRead, kRead},            // developer, granted read
      {kWrite, kWrite, kWrite, kWrite, kWrite},       // developer, granted write
      {kManage, kManage, kManage, kManage, kManage},  // developer who maintains
      {kManage, kManage, kRead, kNone, kRead},        // admin of the organisation
      {kManage, kManage, kRead, kNone, kRead},        // owner of the organisation
      {kRead, kNone, kManage, kManage, kRead},        // user of the scope
      {kManage, kManage, kManage, kManage, kManage},  // administrator
      {kManage, kManage, kManage, kManage, kManage},  // operator
  };
  const std::vector<Who> everybody = Everybody();
  ASSERT_EQ(std::size(rows), everybody.size());
  for (size_t i = 0; i < everybody.size(); ++i) {
    SCOPED_TRACE(everybody[i].what);
    EXPECT_EQ(LevelIn(Scope::kOrg, everybody[i], PackageAccess::kPublic), rows[i].org_public);
    EXPECT_EQ(LevelIn(Scope::kOrg, everybody[i], PackageAccess::kRestricted), rows[i].org_restricted);
    EXPECT_EQ(LevelIn(Scope::kUser, everybody[i], PackageAccess::kPublic), rows[i].user_public);
    EXPECT_EQ(LevelIn(Scope::kUser, everybody[i], PackageAccess::kRestricted), rows[i].user_restricted);
    EXPECT_EQ(LevelIn(Scope::kNone, everybody[i], PackageAccess::kPublic), rows[i].unscoped);
  }
}

// What Decide makes of a level: for every level, action and kind of credentials.
TEST(PackageAccess, DecisionFromLevelActionAndCredentials) {
  const PackageName name = PackageName::Parse("@corp/left").value();
  PackageRecord package;
  package.access = PackageAccess::kRestricted;
  struct Row {
    AccessLevel level;
    Code read, write, manage;
  };
  const Row rows[] = {
      {AccessLevel::kNone, Code::kNotFound, Code::kNotFound, Code::kNotFound},
      {AccessLevel::kRead, Code::kOk, Code::kPermissionDenied, Code::kPermissionDenied},
      {AccessLevel::kWrite, Code::kOk, Code::kOk, Code::kPermissionDenied},
      {AccessLevel::kManage, Code::kOk, Code::kOk, Code::kOk},
  };
  for (const Row& row : rows) {
    ScopeState scope;
    scope.is_org = true;
    scope.role = row.level == AccessLevel::kManage ? OrgRole::kOwner : OrgRole::kDeveloper;
    scope.granted = row.level;
    Principal who = User("bob");
    ASSERT_EQ(LevelOf(who, name, package, scope), row.level);
    const auto decide = [&](PackageAction action) { return Decide(who, name, &package, scope, action).code(); };
    EXPECT_EQ(decide(PackageAction::kRead), row.read);
    for (const PackageAction action : {PackageAction::kPublish, PackageAction::kStage, PackageAction::kChange}) {
      EXPECT_EQ(decide(action), row.write);
    }
    EXPECT_EQ(decide(PackageAction::kStar), row.read);
    EXPECT_EQ(decide(PackageAction::kManage), row.manage);
    who.may_write = false;
    EXPECT_EQ(decide(PackageAction::kRead), row.read) << "a read-only token reads";
    EXPECT_EQ(decide(PackageAction::kChange), Code::kPermissionDenied);
    EXPECT_EQ(decide(PackageAction::kStar), Code::kPermissionDenied);
    EXPECT_EQ(decide(PackageAction::kManage), Code::kPermissionDenied);
  }
}

// A token allows at most what its user may do, and hides what it may not read.
TEST(PackageAccess, LimitsOfATokenComeOnTop) {
  const PackageName name = PackageName::Parse("@corp/left").value();
  PackageRecord package;
  package.access = PackageAccess::kRestricted;
  ScopeState scope;
  scope.is_org = true;
  scope.role = OrgRole::kOwner;
  const auto with = [](const char* limited_to, TokenPermission packages, TokenPermission orgs) {
    TokenLimits limits;
    limits.scopes = {limited_to};
    limits.orgs = {"corp"};
    limits.packages_permission = packages;
    limits.orgs_permission = orgs;
    Principal who = User("bob");
    who.limits = std::make_shared<const TokenLimits>(std::move(limits));
    return who;
  };
  using enum TokenPermission;
  struct Row {
    const char* what;
    Principal who;
    Code read, publish, manage, see_org, manage_org;
  };
  const Row rows[] = {
      {"elsewhere", with("@other", kWrite, kWrite), Code::kNotFound, Code::kNotFound, Code::kNotFound, Code::kOk,
       Code::kOk},
      {"read", with("@corp", kRead, kRead), Code::kOk, Code::kPermissionDenied, Code::kPermissionDenied, Code::kOk,
       Code::kPermissionDenied},
      {"write", with("@corp", kWrite, kNone), Code::kOk, Code::kOk, Code::kOk, Code::kNotFound, Code::kNotFound},
      {"publish", with("@corp", kPublish, kNone), Code::kNotFound, Code::kOk, Code::kNotFound, Code::kNotFound,
       Code::kNotFound},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(Decide(row.who, name, &package, scope, PackageAction::kRead).code(), row.read);
    EXPECT_EQ(Decide(row.who, name, &package, scope, PackageAction::kPublish).code(), row.publish);
    EXPECT_EQ(Decide(row.who, name, &package, scope, PackageAction::kManage).code(), row.manage);
    EXPECT_EQ(DecideOrg(row.who, "corp", OrgRole::kOwner, OrgAction::kSee).code(), row.see_org);
    EXPECT_EQ(DecideOrg(row.who, "corp", OrgRole::kOwner, OrgAction::kManage).code(), row.manage_org);
  }
}

TEST(PackageAccess, MissingAndInvisibleAreDeniedInTheSameWords) {
  const PackageName name = PackageName::Parse("@corp/left").value();
  PackageRecord package;
  package.access = PackageAccess::kRestricted;
  ScopeState scope;
  scope.is_org = true;
  Principal read_only = User("bob");
  read_only.may_write = false;
  for (const Principal& who : {Principal::Anonymous(), User("bob"), read_only}) {
    for (const PackageAction action : {PackageAction::kRead, PackageAction::kStar, PackageAction::kPublish,
                                       PackageAction::kChange, PackageAction::kManage, PackageAction::kCreate}) {
      EXPECT_EQ(Decide(who, name, &package, scope, action).ToString(),
                Decide(who, name, nullptr, scope, action).ToString());
      EXPECT_FALSE(Decide(who, name, nullptr, scope, action).ok());
    }
  }
}

TEST(PackageAccess, WhoMayCreate) {
  ScopeState org, user, packages, free;
  org.is_org = user.is_user = packages.has_packages = true;
  struct Row {
    const char* what;
    const char* name;
    Principal principal;
    ScopeState scope;
    std::optional<OrgRole> role;
    Code expected;
  };
  const Row rows[] = {
      {"unscoped", "left", User("bob"), free, {}, Code::kOk},
      {"unscoped, anonymous", "left", Principal::Anonymous(), free, {}, Code::kUnauthenticated},
      {"nobody's scope", "@corp/left", User("bob"), free, {}, Code::kOk},
      {"nobody's scope with packages", "@corp/left", User("bob"), packages, {}, Code::kPermissionDenied},
      {"own scope", "@bob/left", User("bob"), user, {}, Code::kOk},
      {"another user's scope", "@ann/left", User("bob"), user, {}, Code::kPermissionDenied},
      {"organisation of one's own name", "@bob/left", User("bob"), org, {}, Code::kPermissionDenied},
      {"organisation, stranger", "@corp/left", User("bob"), org, {}, Code::kPermissionDenied},
      {"organisation, developer", "@corp/left", User("bob"), org, OrgRole::kDeveloper, Code::kOk},
      {"organisation, admin", "@corp/left", User("bob"), org, OrgRole::kAdmin, Code::kOk},
      {"organisation, owner", "@corp/left", User("bob"), org, OrgRole::kOwner, Code::kOk},
      {"organisation, administrator", "@corp/left", Admin(), org, {}, Code::kOk},
      {"capitals", "Left", User("bob"), free, {}, Code::kInvalidArgument},
      {"capitals, administrator", "Left", Admin(), free, {}, Code::kOk},
  };
  for (const Row& row : rows) {
    ScopeState scope = row.scope;
    scope.role = row.role;
    const PackageName name = PackageName::Parse(row.name).value();
    EXPECT_EQ(Decide(row.principal, name, nullptr, scope, PackageAction::kCreate).code(), row.expected) << row.what;
  }
}

TEST(PackageAccess, WhoMayDoWhatWithAnOrganisation) {
  struct Row {
    const char* what;
    Principal principal;
    std::optional<OrgRole> role;
    Code see, manage, manage_owners;
  };
  const Row rows[] = {
      {"anonymous", Principal::Anonymous(), {}, Code::kNotFound, Code::kUnauthenticated, Code::kUnauthenticated},
      {"stranger", User("bob"), {}, Code::kNotFound, Code::kNotFound, Code::kNotFound},
      {"developer", User("bob"), OrgRole::kDeveloper, Code::kOk, Code::kPermissionDenied, Code::kPermissionDenied},
      {"admin", User("bob"), OrgRole::kAdmin, Code::kOk, Code::kOk, Code::kPermissionDenied},
      {"owner", User("bob"), OrgRole::kOwner, Code::kOk, Code::kOk, Code::kOk},
      {"administrator", Admin(), {}, Code::kOk, Code::kOk, Code::kOk},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(DecideOrg(row.principal, "corp", row.role, OrgAction::kSee).code(), row.see);
    EXPECT_EQ(DecideOrg(row.principal, "corp", row.role, OrgAction::kManage).code(), row.manage);
    EXPECT_EQ(DecideOrg(row.principal, "corp", row.role, OrgAction::kManageOwners).code(), row.manage_owners);
    Principal read_only = row.principal;
    read_only.may_write = false;
    EXPECT_EQ(DecideOrg(read_only, "corp", row.role, OrgAction::kSee).code(), row.see);
    EXPECT_FALSE(DecideOrg(read_only, "corp", row.role, OrgAction::kManage).ok());
  }
}

}  // namespace
}  // namespace tarn::registry
