#include "storage/registry/organisations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/org_limits.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// "corp" belongs to alice, who published the restricted @corp/secret; bob and carol are nobody to it.
class OrganisationsTest : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
    bob_ = AddUser("bob");
    carol_ = AddUser("carol");
    PublishAs(alice_, kSecret);
  }

  Organisations& orgs() { return registry_->organisations(); }
  void PublishAs(const Principal& who, const std::string& name, const char* access = "restricted") {
    PublishBuilder builder;
    builder.name = name;
    builder.access = access;
    const auto answer = Publish(who, builder);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  }
  Code Republish(const Principal& who, const std::string& version) {
    PublishBuilder builder;
    builder.name = kSecret;
    builder.version = version;
    return Publish(who, builder).code();
  }
  Code Reads(const Principal& who, const std::string& name = kSecret) { return Packument(who, name).code(); }
  void Join(const Principal& who, std::optional<OrgRole> role = {}) {
    const auto joined = orgs().SetMember(alice_, "corp", who.user, role);
    ASSERT_TRUE(joined.ok()) << joined.status().ToString();
  }
  Status Grant(const Principal& who, const char* team, TeamPermission permission, const char* package = kSecret) {
    return orgs().Grant(who, "corp", team, Name(package), permission);
  }

  static constexpr char kSecret[] = "@corp/secret";
  Principal alice_, bob_, carol_;
};

TEST_F(OrganisationsTest, MembersComeChangeAndGo) {
  const auto joined = orgs().SetMember(alice_, "corp", "bob", std::nullopt);
  ASSERT_TRUE(joined.ok()) << joined.status().ToString();
  EXPECT_EQ(joined->role, OrgRole::kDeveloper) << "unless said otherwise";
  EXPECT_EQ(joined->org_size, 2u);
  EXPECT_EQ(orgs().SetMember(alice_, "corp", "bob", OrgRole::kAdmin)->role, OrgRole::kAdmin);
  EXPECT_EQ(orgs().SetMember(alice_, "corp", "bob", std::nullopt)->role, OrgRole::kAdmin) << "as before";
  EXPECT_THAT(orgs().ListMembers(bob_, "corp").value(),
              ElementsAre(Pair("alice", OrgRole::kOwner), Pair("bob", OrgRole::kAdmin)));
  EXPECT_EQ(orgs().SetMember(alice_, "corp", "nobody", std::nullopt).code(), Code::kNotFound);
  EXPECT_TRUE(orgs().RemoveMember(alice_, "corp", "bob").ok());
  EXPECT_EQ(orgs().RemoveMember(alice_, "corp", "bob").code(), Code::kNotFound);
  EXPECT_EQ(orgs().ListMembers(bob_, "corp").code(), Code::kNotFound);
  ExpectVerified();
}

TEST_F(OrganisationsTest, AdminsManageAllButOwners) {
  Join(bob_, OrgRole::kAdmin);
  EXPECT_TRUE(orgs().SetMember(bob_, "corp", "carol", std::nullopt).ok());
  EXPECT_TRUE(orgs().SetMember(bob_, "corp", "carol", OrgRole::kAdmin).ok());
  EXPECT_EQ(orgs().SetMember(bob_, "corp", "bob", OrgRole::kOwner).code(), Code::kPermissionDenied);
  EXPECT_EQ(orgs().SetMember(bob_, "corp", "alice", OrgRole::kDeveloper).code(), Code::kPermissionDenied);
  EXPECT_EQ(orgs().RemoveMember(bob_, "corp", "alice").code(), Code::kPermissionDenied);
  EXPECT_TRUE(orgs().RemoveMember(bob_, "corp", "carol").ok());
  EXPECT_TRUE(orgs().CreateTeam(bob_, "corp", "ops", "").ok());
}

TEST_F(OrganisationsTest, AnOwnerStaysAndMembersMayLeave) {
  EXPECT_EQ(orgs().RemoveMember(alice_, "corp", "alice").code(), Code::kFailedPrecondition);
  EXPECT_EQ(orgs().SetMember(alice_, "corp", "alice", OrgRole::kAdmin).code(), Code::kFailedPrecondition);
  Join(bob_);
  EXPECT_EQ(orgs().RemoveMember(bob_, "corp", "alice").code(), Code::kPermissionDenied);
  EXPECT_TRUE(orgs().RemoveMember(bob_, "corp", "bob").ok());
  Join(bob_, OrgRole::kOwner);
  EXPECT_TRUE(orgs().RemoveMember(alice_, "corp", "alice").ok());
  EXPECT_EQ(Reads(alice_), Code::kNotFound) << "who maintains a package has nothing by it without the organisation";
}

TEST_F(OrganisationsTest, AdministratorsFoundOrganisations) {
  const Principal root = As("root", Registry::Admin::kYes);
  EXPECT_EQ(orgs().SetMember(bob_, "new", "bob", OrgRole::kOwner).code(), Code::kNotFound);
  EXPECT_EQ(orgs().SetMember(root, "new", "bob", OrgRole::kDeveloper).code(), Code::kInvalidArgument);
  EXPECT_EQ(orgs().SetMember(root, "carol", "bob", OrgRole::kOwner).code(), Code::kAlreadyExists);
  EXPECT_EQ(orgs().SetMember(root, "New!", "bob", OrgRole::kOwner).code(), Code::kInvalidArgument);
  EXPECT_EQ(orgs().SetMember(root, "new", "bob", std::nullopt)->role, OrgRole::kOwner);
  PublishAs(bob_, "@new/tool");
  ExpectVerified();
}

TEST_F(OrganisationsTest, TeamsComeAndGo) {
  Join(bob_);
  EXPECT_THAT(orgs().ListTeams(bob_, "corp").value(), ElementsAre("developers"));
  EXPECT_EQ(orgs().CreateTeam(bob_, "corp", "ops", "").code(), Code::kPermissionDenied);
  EXPECT_TRUE(orgs().CreateTeam(alice_, "corp", "ops", "who runs it").ok());
  EXPECT_EQ(orgs().CreateTeam(alice_, "corp", "ops", "").code(), Code::kAlreadyExists);
  EXPECT_EQ(orgs().CreateTeam(alice_, "corp", "developers", "").code(), Code::kAlreadyExists);
  for (const std::string& name : {std::string(), std::string("a:b"), std::string("A"), std::string("a/b"),
                                  std::string("_a"), std::string(limits::kTeamNameBytesMax + 1, 'a')}) {
    EXPECT_EQ(orgs().CreateTeam(alice_, "corp", name, "").code(), Code::kInvalidArgument) << name;
  }
  EXPECT_TRUE(orgs().CreateTeam(alice_, "corp", std::string(limits::kTeamNameBytesMax, 'a'), "").ok());
  EXPECT_EQ(orgs().CreateTeam(alice_, "corp", "b", std::string(limits::kTeamDescriptionBytesMax + 1, 'x')).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(orgs().ListTeams(bob_, "corp")->size(), 3u);
  EXPECT_EQ(orgs().DestroyTeam(bob_, "corp", "ops").code(), Code::kPermissionDenied);
  EXPECT_TRUE(orgs().DestroyTeam(alice_, "corp", "ops").ok());
  EXPECT_EQ(orgs().DestroyTeam(alice_, "corp", "ops").code(), Code::kNotFound);
  EXPECT_EQ(orgs().DestroyTeam(alice_, "corp", "developers").code(), Code::kFailedPrecondition);
  ExpectVerified();
}

TEST_F(OrganisationsTest, EverybodyIsADeveloperUntilTakenOff) {
  Join(bob_);
  EXPECT_THAT(orgs().ListTeamMembers(bob_, "corp", "developers").value(), ElementsAre("alice", "bob"));
  EXPECT_EQ(Reads(bob_), Code::kOk) << "what is published later is granted to them";
  EXPECT_EQ(Republish(bob_, "1.1.0"), Code::kOk);
  EXPECT_TRUE(orgs().RemoveFromTeam(alice_, "corp", "developers", "bob").ok());
  EXPECT_EQ(Reads(bob_), Code::kNotFound) << "in the next request";
  EXPECT_EQ(orgs().RemoveFromTeam(alice_, "corp", "developers", "bob").code(), Code::kNotFound);
  Join(carol_);
  EXPECT_THAT(orgs().ListTeamMembers(bob_, "corp", "developers").value(), ElementsAre("alice", "carol"));
  EXPECT_TRUE(orgs().AddToTeam(alice_, "corp", "developers", "bob").ok());
  EXPECT_EQ(Reads(bob_), Code::kOk);
  ExpectVerified();
}

TEST_F(OrganisationsTest, OnlyMembersGetIntoTeams) {
  ASSERT_TRUE(orgs().CreateTeam(alice_, "corp", "ops", "").ok());
  EXPECT_EQ(orgs().AddToTeam(alice_, "corp", "ops", "bob").code(), Code::kInvalidArgument);
  Join(bob_);
  EXPECT_EQ(orgs().AddToTeam(bob_, "corp", "ops", "bob").code(), Code::kPermissionDenied);
  EXPECT_TRUE(orgs().AddToTeam(alice_, "corp", "ops", "bob").ok());
  EXPECT_TRUE(orgs().AddToTeam(alice_, "corp", "ops", "bob").ok()) << "again changes nothing";
  EXPECT_EQ(orgs().AddToTeam(alice_, "corp", "none", "bob").code(), Code::kNotFound);
  EXPECT_THAT(orgs().ListTeamMembers(bob_, "corp", "ops").value(), ElementsAre("bob"));
  ASSERT_TRUE(orgs().RemoveMember(alice_, "corp", "bob").ok());
  EXPECT_THAT(orgs().ListTeamMembers(alice_, "corp", "ops").value(), IsEmpty());
  Join(bob_);
  EXPECT_THAT(orgs().ListTeamMembers(alice_, "corp", "ops").value(), IsEmpty()) << "who comes back begins anew";
  ExpectVerified();
}

TEST_F(OrganisationsTest, GrantsCountAtOnceAndAreTakenBackAtOnce) {
  Join(bob_);
  ASSERT_TRUE(orgs().CreateTeam(alice_, "corp", "ops", "").ok());
  ASSERT_TRUE(orgs().AddToTeam(alice_, "corp", "ops", "bob").ok());
  ASSERT_TRUE(orgs().Revoke(alice_, "corp", "developers", Name(kSecret)).ok());
  const auto finds = [&](const Principal& who) { return registry_->Search(who, {"secret", 20, 0})->total; };
  EXPECT_EQ(Reads(bob_), Code::kNotFound);
  EXPECT_EQ(finds(bob_), 0u);

  ASSERT_TRUE(Grant(alice_, "ops", TeamPermission::kRead).ok());
  EXPECT_EQ(Reads(bob_), Code::kOk);
  EXPECT_EQ(finds(bob_), 1u);
  EXPECT_TRUE(TarballBytes(bob_, kSecret, "secret-1.0.0.tgz").ok());
  EXPECT_EQ(Republish(bob_, "1.1.0"), Code::kPermissionDenied);

  ASSERT_TRUE(Grant(alice_, "ops", TeamPermission::kWrite).ok());
  EXPECT_EQ(Republish(bob_, "1.1.0"), Code::kOk);
  EXPECT_TRUE(registry_->SetDistTag(bob_, Name(kSecret), "beta", "1.0.0").ok());
  EXPECT_EQ(registry_->SetAccess(bob_, Name(kSecret), "public").code(), Code::kPermissionDenied);
  EXPECT_EQ(Put(bob_, kSecret, R"({"maintainers":[{"name":"bob"}]})", RevOf(kSecret)).code(), Code::kPermissionDenied);
  EXPECT_EQ(Grant(bob_, "ops", TeamPermission::kRead).code(), Code::kPermissionDenied);

  ASSERT_TRUE(orgs().Revoke(alice_, "corp", "ops", Name(kSecret)).ok());
  EXPECT_EQ(Reads(bob_), Code::kNotFound);
  EXPECT_EQ(finds(bob_), 0u);
  EXPECT_EQ(TarballBytes(bob_, kSecret, "secret-1.0.0.tgz").code(), Code::kNotFound);
  EXPECT_EQ(orgs().Revoke(alice_, "corp", "ops", Name(kSecret)).code(), Code::kNotFound);
  ExpectVerified();
}

TEST_F(OrganisationsTest, ADestroyedTeamTakesItsGrantsAlong) {
  Join(bob_);
  ASSERT_TRUE(orgs().RemoveFromTeam(alice_, "corp", "developers", "bob").ok());
  ASSERT_TRUE(orgs().CreateTeam(alice_, "corp", "ops", "").ok());
  ASSERT_TRUE(orgs().AddToTeam(alice_, "corp", "ops", "bob").ok());
  PublishAs(alice_, "@corp/other");
  ASSERT_TRUE(Grant(alice_, "ops", TeamPermission::kRead).ok());
  ASSERT_TRUE(Grant(alice_, "ops", TeamPermission::kWrite, "@corp/other").ok());
  EXPECT_THAT(orgs().ListGrants(bob_, "corp", "ops").value(),
              ElementsAre(Pair("@corp/other", TeamPermission::kWrite), Pair(kSecret, TeamPermission::kRead)));
  ASSERT_TRUE(orgs().DestroyTeam(alice_, "corp", "ops").ok());
  EXPECT_EQ(Reads(bob_), Code::kNotFound);
  ASSERT_TRUE(orgs().CreateTeam(alice_, "corp", "ops", "").ok());
  ASSERT_TRUE(orgs().AddToTeam(alice_, "corp", "ops", "bob").ok());
  EXPECT_EQ(Reads(bob_), Code::kNotFound) << "a new team of the name has nothing of the old one";
  EXPECT_THAT(orgs().ListGrants(bob_, "corp", "ops").value(), IsEmpty());
  ExpectVerified();
}

TEST_F(OrganisationsTest, TeamsOfOthersGetWhatTheirOwnersGive) {
  PublishAs(carol_, "left", "public");
  PublishAs(bob_, "@bobs/tool");
  EXPECT_EQ(Grant(alice_, "developers", TeamPermission::kWrite, "left").code(), Code::kPermissionDenied)
      << "it is carol's";
  EXPECT_EQ(Grant(alice_, "developers", TeamPermission::kRead, "@bobs/tool").code(), Code::kNotFound) << "invisible";
  EXPECT_EQ(Grant(alice_, "developers", TeamPermission::kRead, "@bobs/none").code(), Code::kNotFound);
  EXPECT_EQ(Grant(carol_, "developers", TeamPermission::kWrite, "left").code(), Code::kNotFound)
      << "nor may others fill a team's list";
  Join(carol_, OrgRole::kAdmin);
  ASSERT_TRUE(Grant(carol_, "developers", TeamPermission::kWrite, "left").ok());
  PublishBuilder builder;
  builder.version = "2.0.0";
  EXPECT_TRUE(Publish(alice_, builder).ok());
  ASSERT_TRUE(orgs().RemoveMember(alice_, "corp", "carol").ok());
  EXPECT_TRUE(orgs().Revoke(carol_, "corp", "developers", Name("left")).ok()) << "the owner takes it back";
  builder.version = "3.0.0";
  EXPECT_EQ(Publish(alice_, builder).code(), Code::kPermissionDenied);
}

TEST_F(OrganisationsTest, DevelopersMakePackagesAndKeepThem) {
  Join(bob_);
  PublishAs(bob_, "@corp/bobs");
  Join(carol_);
  EXPECT_EQ(Reads(carol_, "@corp/bobs"), Code::kOk);
  EXPECT_TRUE(registry_->SetAccess(bob_, Name("@corp/bobs"), "public").ok()) << "its maintainer";
  EXPECT_EQ(registry_->SetAccess(carol_, Name("@corp/bobs"), "restricted").code(), Code::kPermissionDenied);
  EXPECT_TRUE(registry_->SetAccess(alice_, Name("@corp/bobs"), "restricted").ok()) << "its organisation";
  ASSERT_TRUE(orgs().RemoveMember(alice_, "corp", "bob").ok());
  EXPECT_EQ(Reads(bob_, "@corp/bobs"), Code::kNotFound);
}

TEST_F(OrganisationsTest, OnlyMembersBecomeMaintainers) {
  const char* both = R"({"maintainers":[{"name":"alice"},{"name":"bob"}]})";
  EXPECT_EQ(Put(alice_, kSecret, both, RevOf(kSecret)).code(), Code::kInvalidArgument);
  Join(bob_);
  EXPECT_TRUE(Put(alice_, kSecret, both, RevOf(kSecret)).ok());
  ASSERT_TRUE(orgs().RemoveMember(alice_, "corp", "bob").ok());
  EXPECT_EQ(Reads(bob_), Code::kNotFound);
  EXPECT_THAT(registry_->Collaborators(alice_, Name(kSecret)).value(), ElementsAre(Pair("alice", "write")));
  Join(carol_);
  const char* all = R"({"maintainers":[{"name":"alice"},{"name":"bob"},{"name":"carol"}]})";
  EXPECT_TRUE(Put(alice_, kSecret, all, RevOf(kSecret)).ok()) << "who left does not hinder others";
}

TEST_F(OrganisationsTest, ListsSayWhatTheReaderMayKnow) {
  PublishAs(alice_, "@corp/open", "public");
  Join(bob_);
  ASSERT_TRUE(orgs().CreateTeam(alice_, "corp", "ops", "").ok());
  ASSERT_TRUE(orgs().AddToTeam(alice_, "corp", "ops", "bob").ok());
  ASSERT_TRUE(orgs().Revoke(alice_, "corp", "developers", Name(kSecret)).ok());
  ASSERT_TRUE(Grant(alice_, "ops", TeamPermission::kRead).ok());

  EXPECT_THAT(registry_->Collaborators(bob_, Name(kSecret)).value(),
              ElementsAre(Pair("alice", "write"), Pair("bob", "read")));
  EXPECT_THAT(registry_->Collaborators(carol_, Name("@corp/open")).value(), ElementsAre(Pair("alice", "write")))
      << "maintainers are public, members are not";
  EXPECT_THAT(registry_->PackagesOfScope(bob_, "corp").value(),
              ElementsAre(Pair("@corp/open", "write"), Pair(kSecret, "read")));
  EXPECT_THAT(registry_->PackagesOfScope(carol_, "corp").value(), ElementsAre(Pair("@corp/open", "read")));
  EXPECT_THAT(registry_->PackagesOfUser(bob_, "bob").value(),
              ElementsAre(Pair("@corp/open", "write"), Pair(kSecret, "read")));
  EXPECT_THAT(registry_->PackagesOfUser(carol_, "bob").value(), IsEmpty());
  EXPECT_THAT(registry_->PackagesOfUser(carol_, "alice").value(), ElementsAre(Pair("@corp/open", "write")));
  Join(carol_);
  EXPECT_THAT(orgs().ListGrants(carol_, "corp", "ops").value(), IsEmpty()) << "she may not read @corp/secret";
}

TEST_F(OrganisationsTest, StrangersCannotTellAnOrganisationFromNone) {
  const Principal nobody = Principal::Anonymous();
  for (const Principal& who : {nobody, bob_}) {
    for (const char* org : {"corp", "none"}) {
      EXPECT_EQ(orgs().ListMembers(who, org).status().ToString(), NotFound("Not found").ToString());
      EXPECT_EQ(orgs().ListTeams(who, org).status().ToString(), NotFound("Not found").ToString());
      EXPECT_EQ(orgs().ListTeamMembers(who, org, "developers").status().ToString(), NotFound("Not found").ToString());
      EXPECT_EQ(orgs().ListGrants(who, org, "developers").status().ToString(), NotFound("Not found").ToString());
      const Code refused = who.is_authenticated() ? Code::kNotFound : Code::kUnauthenticated;
      EXPECT_EQ(orgs().SetMember(who, org, "bob", OrgRole::kOwner).code(), refused);
      EXPECT_EQ(orgs().RemoveMember(who, org, "bob").code(), refused);
      EXPECT_EQ(orgs().CreateTeam(who, org, "x", "").code(), refused);
      EXPECT_EQ(orgs().DestroyTeam(who, org, "developers").code(), refused);
      EXPECT_EQ(orgs().AddToTeam(who, org, "developers", "bob").code(), refused);
      EXPECT_EQ(orgs().Revoke(who, org, "developers", Name(kSecret)).code(), refused);
      EXPECT_EQ(orgs().Grant(who, org, "developers", Name(kSecret), TeamPermission::kRead).code(), refused);
    }
  }
  EXPECT_EQ(registry_->PackagesOfScope(bob_, "corp").code(), registry_->PackagesOfScope(bob_, "none").code());
}

TEST_F(OrganisationsTest, AnAccountThatEndsLeavesEverything) {
  Join(bob_, OrgRole::kAdmin);
  ASSERT_TRUE(orgs().CreateTeam(alice_, "corp", "ops", "").ok());
  ASSERT_TRUE(orgs().AddToTeam(alice_, "corp", "ops", "bob").ok());
  ASSERT_TRUE(registry_->RemoveUser(Principal::System(), "bob").ok());
  EXPECT_THAT(orgs().ListMembers(alice_, "corp").value(), ElementsAre(Pair("alice", OrgRole::kOwner)));
  EXPECT_THAT(orgs().ListTeamMembers(alice_, "corp", "ops").value(), IsEmpty());
  ExpectVerified();
}

TEST_F(OrganisationsTest, AScopeWithPackagesIsNotFree) {
  PublishAs(Principal::System(), "@brought/tool", "public");
  PublishBuilder builder;
  builder.name = "@brought/mine";
  EXPECT_EQ(Publish(bob_, builder).code(), Code::kPermissionDenied) << "it would found the organisation";
  ASSERT_TRUE(orgs().SetMember(Principal::System(), "brought", "bob", OrgRole::kOwner).ok());
  EXPECT_TRUE(Publish(bob_, builder).ok());
}

TEST_F(OrganisationsTest, AReadOnlyTokenChangesNothing) {
  Principal token = alice_;
  token.may_write = false;
  EXPECT_TRUE(orgs().ListMembers(token, "corp").ok());
  EXPECT_EQ(orgs().SetMember(token, "corp", "bob", std::nullopt).code(), Code::kPermissionDenied);
  EXPECT_EQ(orgs().RemoveMember(token, "corp", "alice").code(), Code::kPermissionDenied);
  EXPECT_EQ(orgs().CreateTeam(token, "corp", "ops", "").code(), Code::kPermissionDenied);
  EXPECT_EQ(Grant(token, "developers", TeamPermission::kRead).code(), Code::kPermissionDenied);
  EXPECT_EQ(orgs().Revoke(token, "corp", "developers", Name(kSecret)).code(), Code::kPermissionDenied);
}

}  // namespace
}  // namespace tarn::registry
