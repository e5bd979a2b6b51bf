#include "storage/registry/publish_rules.h"

#include <gtest/gtest.h>

#include "storage/base/limits.h"

namespace tarn::registry {
namespace {

constexpr uint64_t kNow = 1'700'000'000'000;
constexpr uint64_t kWindow = 300'000;

PackageName Name(std::string_view text) { return PackageName::Parse(text).value(); }

Principal User(const std::string& name) {
  return {.kind = Principal::Kind::kUser, .user = name, .is_admin = false, .may_write = true, .token = std::nullopt};
}

NewVersion Candidate(const std::string& version, const std::string& tag = "latest") {
  NewVersion candidate{Version::Parse(version).value(), tag, PublishRequest::Access::kKeep, {}};
  candidate.record.version = version;
  candidate.record.manifest = R"({"name":"left","version":")" + version + R"(","description":"d"})";
  return candidate;
}

PackageRecord PackageOf(const std::string& owner) {
  PackageRecord package;
  package.rev_counter = 3;
  package.created_ms = 5;
  package.maintainers = {{owner, owner + "@example.com"}};
  package.version_count = 1;
  package.next_ordinal = 1;
  package.SetTag("latest", "1.0.0");
  package.latest = LatestSummary{};
  package.latest->version = "1.0.0";
  return package;
}

struct Case {
  std::string name = "left";
  Principal principal = User("alice");
  NewVersion candidate = Candidate("2.0.0");
  PublishState state;
  PublishPolicy policy{RegistryOptions::ScopedDefault::kPublic, kWindow};
  uint64_t now_ms = kNow;

  Result<PublishPlan> Plan() const {
    return PlanPublish(Name(name), candidate, state, principal, {principal.user, principal.user + "@example.com"},
                       policy, now_ms);
  }
};

TEST(PublishRules, FirstVersionMakesThePackage) {
  Case c;
  c.candidate = Candidate("1.0.0", "next");
  const auto plan = c.Plan();
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_FALSE(plan->repeats);
  EXPECT_EQ(plan->package.maintainers, (std::vector<Maintainer>{{"alice", "alice@example.com"}}));
  EXPECT_EQ(plan->package.created_ms, kNow);
  EXPECT_EQ(plan->package.version_count, 1u);
  // latest exists while a version does, whatever the tag was.
  EXPECT_EQ(plan->package.dist_tags, (DistTagList{{"latest", "1.0.0"}, {"next", "1.0.0"}}));
  ASSERT_TRUE(plan->package.latest);
  EXPECT_EQ(plan->package.latest->description, "d");
  EXPECT_EQ(plan->version.publisher.name, "alice");
  EXPECT_EQ(plan->version.maintainers, plan->package.maintainers);
  EXPECT_EQ(plan->version.time_ms, kNow);
  EXPECT_EQ(plan->version.ordinal, 0u);
  EXPECT_FALSE(plan->new_org);
}

TEST(PublishRules, NextVersionMovesOnlyItsTag) {
  Case c;
  c.state.package = PackageOf("alice");
  c.candidate = Candidate("2.0.0-beta.1", "beta");
  const auto plan = c.Plan();
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->package.dist_tags, (DistTagList{{"beta", "2.0.0-beta.1"}, {"latest", "1.0.0"}}));
  EXPECT_EQ(plan->package.latest->version, "1.0.0");
  EXPECT_EQ(plan->package.created_ms, 5u);
  EXPECT_EQ(plan->package.version_count, 2u);
  EXPECT_EQ(plan->package.next_ordinal, 2u);
  EXPECT_EQ(plan->version.ordinal, 1u);
}

TEST(PublishRules, RefusesAVersionThatExists) {
  Case c;
  c.state.package = PackageOf("alice");
  c.state.version = Candidate("2.0.0").record;
  c.state.version->publisher.name = "alice";
  c.state.version->time_ms = kNow - kWindow - 1;
  EXPECT_EQ(c.Plan().code(), Code::kAlreadyExists);
  EXPECT_EQ(c.Plan().status().message(), "You cannot publish over the previously published versions: 2.0.0.");
}

TEST(PublishRules, RefusesReuseOfTombstonedVersion) {
  Case c;
  c.state.package = PackageOf("alice");
  c.state.tombstone = TombstoneRecord{"2.0.0", 4, 1, 2, "alice"};
  c.principal.is_admin = true;  // Not even they.
  EXPECT_EQ(c.Plan().code(), Code::kAlreadyExists);
}

TEST(PublishRules, RepeatOfTheSamePublishSucceedsWithinTheWindow) {
  Case c;
  c.state.package = PackageOf("alice");
  c.state.version = c.candidate.record;
  c.state.version->publisher.name = "alice";
  c.state.version->time_ms = kNow - kWindow;
  ASSERT_TRUE(c.Plan().ok());
  EXPECT_TRUE(c.Plan()->repeats);

  struct Spoil {
    const char* what;
    void (*spoil)(VersionRecord*);
  };
  const Spoil spoils[] = {
      {"too late", [](VersionRecord* version) { --version->time_ms; }},
      {"another user", [](VersionRecord* version) { version->publisher.name = "bob"; }},
      {"another tarball", [](VersionRecord* version) { version->tarball.sha512.mutable_bytes()[0] ^= 1; }},
      {"another manifest", [](VersionRecord* version) { version->manifest += ' '; }},
  };
  for (const Spoil& spoil : spoils) {
    Case spoiled = c;
    spoil.spoil(&*spoiled.state.version);
    EXPECT_EQ(spoiled.Plan().code(), Code::kAlreadyExists) << spoil.what;
  }
}

TEST(PublishRules, WhoMayPublish) {
  struct Row {
    const char* what;
    std::string name;
    std::string user;   // Empty: anonymous.
    std::string owner;  // Of the package; empty: there is none.
    bool restricted;
    bool org_exists;  // "corp", with alice in it.
    bool scope_is_user;
    Code expected;
  };
  const Row rows[] = {
      {"anonymous", "left", "", "", false, false, false, Code::kUnauthenticated},
      {"anybody, a free name", "left", "bob", "", false, false, false, Code::kOk},
      {"the owner", "left", "alice", "alice", false, false, false, Code::kOk},
      {"a stranger", "left", "bob", "alice", false, false, false, Code::kPermissionDenied},
      {"own scope", "@bob/left", "bob", "", false, false, true, Code::kOk},
      {"own scope, another's package in it", "@bob/left", "bob", "alice", false, false, true, Code::kOk},
      {"another user's scope", "@alice/left", "bob", "", false, false, true, Code::kPermissionDenied},
      {"an unclaimed scope", "@corp/left", "bob", "", false, false, false, Code::kOk},
      {"a claimed scope, member", "@corp/left", "alice", "", false, true, false, Code::kOk},
      {"a claimed scope, stranger", "@corp/left", "bob", "", false, true, false, Code::kPermissionDenied},
      {"package of the scope, member", "@corp/left", "alice", "carol", true, true, false, Code::kNotFound},
      // As for a name that does not exist: by the scope.
      {"restricted, stranger", "@corp/left", "bob", "alice", true, true, false, Code::kPermissionDenied},
      {"restricted, anonymous", "@corp/left", "", "alice", true, true, false, Code::kUnauthenticated},
      {"capitals in a new name", "Left", "bob", "", false, false, false, Code::kInvalidArgument},
      {"capitals in an old name", "Left", "bob", "bob", false, false, false, Code::kOk},
  };
  for (const Row& row : rows) {
    Case c;
    c.name = row.name;
    c.principal = row.user.empty() ? Principal::Anonymous() : User(row.user);
    if (!row.owner.empty()) c.state.package = PackageOf(row.owner);
    if (row.restricted) c.state.package->access = PackageAccess::kRestricted;
    c.state.scope.is_org = row.org_exists;
    if (row.org_exists && row.user == "alice") c.state.scope.role = OrgRole::kDeveloper;
    c.state.scope.is_user = row.scope_is_user;
    EXPECT_EQ(c.Plan().code(), row.expected) << row.what;
    // A read-only token turns yes into no, and never no into yes.
    c.principal.may_write = false;
    EXPECT_NE(c.Plan().code(), Code::kOk) << row.what << ", read-only";
    c.principal = Principal::System();
    EXPECT_TRUE(c.Plan().ok()) << row.what << ", system: old names too";
  }
}

TEST(PublishRules, FirstPublisherFoundsTheScope) {
  Case c;
  c.name = "@corp/left";
  const auto plan = c.Plan();
  ASSERT_TRUE(plan.ok());
  ASSERT_TRUE(plan->new_org);
  EXPECT_EQ(plan->new_org->name, "corp");
  EXPECT_EQ(plan->new_org->members, (std::vector<std::pair<std::string, OrgRole>>{{"alice", OrgRole::kOwner}}));
  EXPECT_EQ(plan->new_grant, (GrantRecord{{{"corp:developers", TeamPermission::kWrite}}}));
  c.state.scope.is_org = true;
  c.state.scope.role = OrgRole::kDeveloper;
  EXPECT_FALSE(c.Plan()->new_org);
  EXPECT_EQ(c.Plan()->new_grant, plan->new_grant) << "every new package is its developers'";
  c.state.package = PackageOf("alice");
  EXPECT_FALSE(c.Plan()->new_grant) << "what was decided later stays";
  c.state = {};
  c.name = "@alice/left";
  c.state.scope.is_user = true;
  ASSERT_TRUE(c.Plan().ok());
  EXPECT_FALSE(c.Plan()->new_org);
  EXPECT_FALSE(c.Plan()->new_grant);
}

TEST(PublishRules, AccessOfANewPackage) {
  using Access = PublishRequest::Access;
  using Default = RegistryOptions::ScopedDefault;
  struct Row {
    std::string name;
    Access access;
    Default scoped_default;
    PackageAccess expected;
  };
  const Row rows[] = {
      {"left", Access::kKeep, Default::kRestricted, PackageAccess::kPublic},
      {"@alice/left", Access::kKeep, Default::kPublic, PackageAccess::kPublic},
      {"@alice/left", Access::kKeep, Default::kRestricted, PackageAccess::kRestricted},
      {"@alice/left", Access::kPublic, Default::kRestricted, PackageAccess::kPublic},
      {"@alice/left", Access::kRestricted, Default::kPublic, PackageAccess::kRestricted},
  };
  for (const Row& row : rows) {
    Case c;
    c.name = row.name;
    c.candidate.access = row.access;
    c.policy.scoped_default = row.scoped_default;
    ASSERT_TRUE(c.Plan().ok());
    EXPECT_EQ(c.Plan()->package.access, row.expected) << row.name;
  }
}

TEST(PublishRules, DocumentDoesNotChangeTheAccessOfAnExistingPackage) {
  Case c;
  c.name = "@alice/left";
  c.state.package = PackageOf("alice");
  c.state.package->access = PackageAccess::kRestricted;
  c.candidate.access = PublishRequest::Access::kPublic;  // npm 9 and older always say so.
  ASSERT_TRUE(c.Plan().ok());
  EXPECT_EQ(c.Plan()->package.access, PackageAccess::kRestricted);
}

TEST(PublishRules, NameIsBlockedForADayAfterUnpublishingAll) {
  Case c;
  c.state.package = PackageOf("alice");
  c.state.package->version_count = 0;
  c.state.package->dist_tags.clear();
  c.state.package->latest.reset();
  c.state.package->unpublished = Unpublished{};
  c.state.package->unpublished->time_ms = kNow - limits::kNameBlockedMs + 1;
  EXPECT_EQ(c.Plan().code(), Code::kPermissionDenied);
  EXPECT_EQ(c.Plan().status().message(), "left cannot be republished until 24 hours have passed.");
  ++c.now_ms;
  const auto plan = c.Plan();
  ASSERT_TRUE(plan.ok());
  EXPECT_FALSE(plan->package.unpublished);
  EXPECT_EQ(plan->version.ordinal, 1u);
  c.principal = User("bob");
  EXPECT_EQ(c.Plan().code(), Code::kPermissionDenied) << "the name still belongs to its maintainers";
}

TEST(PublishRules, CountsAreLimited) {
  Case c;
  c.state.package = PackageOf("alice");
  c.state.package->version_count = limits::kVersionsPerPackageMax - 1;
  EXPECT_TRUE(c.Plan().ok());
  ++c.state.package->version_count;
  EXPECT_EQ(c.Plan().code(), Code::kTooLarge);

  c.state.package = PackageOf("alice");
  for (size_t i = 1; i < limits::kDistTagsPerPackageMax; ++i) c.state.package->SetTag("t" + std::to_string(i), "1.0.0");
  EXPECT_TRUE(c.Plan().ok());
  c.candidate = Candidate("2.0.0", "one-more");
  EXPECT_EQ(c.Plan().code(), Code::kTooLarge);
}

}  // namespace
}  // namespace tarn::registry
