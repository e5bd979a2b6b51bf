#include "storage/registry/token_limits.h"

#include <gtest/gtest.h>

#include "storage/base/credential_limits.h"

namespace tarn::registry {
namespace {

using enum TokenAct;

constexpr TokenAct kPackageActs[] = {kReadPackage, kPublish, kStage, kChangePackage};

TokenLimits OfPackages(std::vector<std::string> packages, TokenPermission permission = TokenPermission::kWrite) {
  TokenLimits limits;
  limits.packages = std::move(packages);
  limits.packages_permission = permission;
  return limits;
}

TEST(TokenLimits, NothingIsAllowedByNone) {
  for (const TokenAct act : {kReadPackage, kPublish, kStage, kChangePackage, kReadOrg, kChangeOrg, kAccount}) {
    EXPECT_FALSE(TokenLimits().Allows(act, "a"));
  }
  EXPECT_FALSE(TokenLimits().AllowsChanges());
}

TEST(TokenLimits, CoversNamesPatternsAndScopes) {
  TokenLimits limits = OfPackages({"left-pad", "left-b*", "@acme/web-*"});
  limits.scopes = {"@alice", "@team-*"};
  struct Row {
    const char* name;
    bool expected;
  };
  for (const Row& row : {Row{"left-pad", true},
                         {"left-padded", false},
                         {"left", false},
                         {"left-b", true},
                         {"left-bee", true},
                         {"@acme/web-ui", true},
                         {"@acme/web", false},
                         {"@acme/api", false},
                         {"@acmeweb-/x", false},
                         {"@alice/x", true},
                         {"@alice2/x", false},
                         {"@ali/x", false},
                         {"alice", false},
                         {"@team-a/x", true},
                         {"@team/x", false},
                         {"@other/left-pad", false}}) {
    for (const TokenAct act : kPackageActs) EXPECT_EQ(limits.Allows(act, row.name), row.expected) << row.name;
  }
  limits.all_packages = true;
  EXPECT_TRUE(limits.Allows(kPublish, "anything"));
}

TEST(TokenLimits, PermissionDecidesWhatMayBeDone) {
  using enum TokenPermission;
  struct Row {
    TokenPermission permission;
    bool read, publish, stage, change;
  };
  for (const Row& row : {Row{kNone, false, false, false, false},
                         {kRead, true, false, false, false},
                         {kWrite, true, true, true, true},
                         {TokenPermission::kPublish, false, true, false, false},
                         {TokenPermission::kStage, true, false, true, false},
                         {static_cast<TokenPermission>(0), false, false, false, false},
                         {static_cast<TokenPermission>(9), false, false, false, false}}) {
    const TokenLimits limits = OfPackages({"a"}, row.permission);
    EXPECT_EQ(limits.Allows(kReadPackage, "a"), row.read);
    EXPECT_EQ(limits.Allows(TokenAct::kPublish, "a"), row.publish);
    EXPECT_EQ(limits.Allows(TokenAct::kStage, "a"), row.stage);
    EXPECT_EQ(limits.Allows(kChangePackage, "a"), row.change);
    for (const TokenAct act : kPackageActs) EXPECT_FALSE(limits.Allows(act, "b"));
    EXPECT_FALSE(limits.Allows(kAccount, ""));
    EXPECT_FALSE(limits.Allows(kReadOrg, "a"));
  }
}

TEST(TokenLimits, OrganisationsAreApartFromPackages) {
  TokenLimits limits;
  limits.orgs = {"acme"};
  limits.orgs_permission = TokenPermission::kRead;
  EXPECT_TRUE(limits.Allows(kReadOrg, "acme"));
  EXPECT_FALSE(limits.Allows(kReadOrg, "acme2"));
  EXPECT_FALSE(limits.Allows(kChangeOrg, "acme"));
  EXPECT_FALSE(limits.Allows(kReadPackage, "@acme/web"));
  EXPECT_FALSE(limits.AllowsChanges());
  limits.orgs_permission = TokenPermission::kWrite;
  EXPECT_TRUE(limits.Allows(kReadOrg, "acme"));
  EXPECT_TRUE(limits.Allows(kChangeOrg, "acme"));
  EXPECT_FALSE(limits.Allows(kChangeOrg, "acme2"));
  EXPECT_FALSE(limits.Allows(kPublish, "@acme/web"));
  EXPECT_TRUE(limits.AllowsChanges());
}

TEST(TokenLimits, AreBroughtIntoOneForm) {
  TokenLimits limits = OfPackages({"left-pad", "*", "@acme/web-*", "left-pad"});
  limits.scopes = {"alice", "@acme/*", "@acme", "@team-*"};
  limits.orgs = {"@acme", "acme"};
  limits.orgs_permission = TokenPermission::kRead;
  const auto normal = NormaliseTokenLimits(limits);
  ASSERT_TRUE(normal.ok()) << normal.status().ToString();
  EXPECT_TRUE(normal->all_packages);
  EXPECT_EQ(normal->packages, (std::vector<std::string>{"@acme/web-*", "left-pad"}));
  EXPECT_EQ(normal->scopes, (std::vector<std::string>{"@acme", "@alice", "@team-*"}));
  EXPECT_EQ(normal->orgs, (std::vector<std::string>{"acme"}));
  EXPECT_EQ(NormaliseTokenLimits(*normal).value(), *normal);
}

TEST(TokenLimits, RefusesWhatCannotBeMeant) {
  for (const char* name : {"", "**", "@acme", "@acme*", "@*", "@*/web", "a*b", "a:b", "@acme/", "@acme/a/b", "../x"}) {
    EXPECT_EQ(NormaliseTokenLimits(OfPackages({name})).code(), Code::kInvalidArgument) << name;
  }
  for (const char* scope : {"", "@", "*", "@*", "@a/b", "@a*b", "@a b", "a/*/*"}) {
    TokenLimits limits = OfPackages({});
    limits.scopes = {scope};
    EXPECT_EQ(NormaliseTokenLimits(limits).code(), Code::kInvalidArgument) << scope;
  }
  for (const char* org : {"", "@", "*", "a*", "a/b", "a b"}) {
    TokenLimits limits;
    limits.orgs = {org};
    limits.orgs_permission = TokenPermission::kRead;
    EXPECT_EQ(NormaliseTokenLimits(limits).code(), Code::kInvalidArgument) << org;
  }
}

TEST(TokenLimits, PermissionsAndListsBelongTogether) {
  TokenLimits limits;
  EXPECT_FALSE(NormaliseTokenLimits(limits).ok()) << "nothing at all";
  limits.bypasses_second_factor = true;
  EXPECT_FALSE(NormaliseTokenLimits(limits).ok()) << "still nothing it is for";
  limits.packages = {"a"};
  EXPECT_FALSE(NormaliseTokenLimits(limits).ok()) << "packages without a permission";
  limits.packages_permission = TokenPermission::kPublish;
  EXPECT_TRUE(NormaliseTokenLimits(limits).ok());
  limits.orgs_permission = TokenPermission::kRead;
  EXPECT_FALSE(NormaliseTokenLimits(limits).ok()) << "a permission without organisations";
  limits.orgs = {"acme"};
  EXPECT_TRUE(NormaliseTokenLimits(limits).ok());
  limits.orgs_permission = TokenPermission::kPublish;
  EXPECT_FALSE(NormaliseTokenLimits(limits).ok()) << "nothing is published to an organisation";
  limits.orgs_permission = TokenPermission::kNone;
  EXPECT_FALSE(NormaliseTokenLimits(limits).ok()) << "organisations without a permission";
  limits.orgs.clear();
  limits.packages.clear();
  EXPECT_FALSE(NormaliseTokenLimits(limits).ok()) << "a permission without packages";
}

TEST(TokenLimits, ListsAreBounded) {
  TokenLimits limits = OfPackages({});
  for (size_t i = 0; i < limits::kTokenPackagesMax; ++i) limits.packages.push_back("a" + std::to_string(i));
  EXPECT_TRUE(NormaliseTokenLimits(limits).ok());
  limits.scopes = {"@a"};
  EXPECT_FALSE(NormaliseTokenLimits(limits).ok()) << "packages and scopes count together";
  limits = OfPackages({"a"});
  limits.orgs_permission = TokenPermission::kRead;
  for (size_t i = 0; i < limits::kTokenOrgsMax; ++i) limits.orgs.push_back("a" + std::to_string(i));
  EXPECT_TRUE(NormaliseTokenLimits(limits).ok());
  limits.orgs.push_back("b");
  EXPECT_FALSE(NormaliseTokenLimits(limits).ok());
}

TEST(TokenLimits, PermissionsHaveTheClientsWords) {
  for (const char* name : {"no-access", "read-only", "read-write", "publish-only", "read-write-stage-only"}) {
    EXPECT_EQ(TokenPermissionName(ParseTokenPermission(name).value()), name);
  }
  EXPECT_EQ(ParseTokenPermission("admin").code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseTokenPermission("").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tarn::registry
