// Staging, approval and rejection through the facade.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "storage/registry/staged_versions.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RegistryStaged : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
    bob_ = AddUser("bob");
  }
  StagedVersions& staged() { return registry_->staged(); }

  Result<WriteAnswer> StageBody(const Principal& principal, std::string_view name, std::string_view body) {
    ASSIGN_OR_RETURN(const auto upload, staged().BeginStage(principal, Name(name)));
    RETURN_IF_ERROR(upload->Consume(body));
    return upload->Finish();
  }
  Result<WriteAnswer> Stage(const Principal& principal, const PublishBuilder& builder) {
    return StageBody(principal, builder.name, builder.Body());
  }
  // The id, or the refusal.
  std::string StageId(const Principal& principal, const PublishBuilder& builder) {
    const auto answer = Stage(principal, builder);
    return answer.ok() ? answer->stage_id : answer.status().ToString();
  }
  // "name@version …" as listed.
  std::string Listed(const Principal& principal, const std::optional<PackageName>& package = std::nullopt) {
    const auto page = staged().List(principal, package, 0, 100);
    if (!page.ok()) return page.status().ToString();
    std::string text;
    for (const StagedItem& item : page->items) text += item.package + "@" + item.version + " ";
    EXPECT_EQ(page->total, page->items.size());
    return text;
  }
  void ExpectUnknown(const Principal& principal, const std::string& id) {
    EXPECT_EQ(staged().View(principal, id).status().ToString(), NotFound("Not found").ToString());
    EXPECT_EQ(staged().OpenTarball(principal, id).status().ToString(), NotFound("Not found").ToString());
    EXPECT_EQ(staged().Approve(principal, id).status().ToString(), NotFound("Not found").ToString());
    EXPECT_EQ(staged().Reject(principal, id).ToString(), NotFound("Not found").ToString());
  }

  Principal alice_;
  Principal bob_;
  const Principal anonymous_ = Principal::Anonymous();
};

TEST_F(RegistryStaged, IsNowhereToBeSeenUntilItIsApproved) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  const std::string before = Packument(alice_, "left").value();
  builder.version = "1.1.0";
  builder.dist_tag = "next";
  builder.contents = "staged\n";
  const std::string id = StageId(alice_, builder);
  ASSERT_EQ(id.size(), 36U) << id;
  EXPECT_EQ(Packument(alice_, "left").value(), before);
  EXPECT_EQ(TarballBytes(alice_, "left", "left-1.1.0.tgz").code(), Code::kNotFound);
  EXPECT_EQ(registry_->GetManifest(alice_, Name("left"), "1.1.0", "").code(), Code::kNotFound);
  EXPECT_EQ(Listed(alice_), "left@1.1.0 ");
  EXPECT_EQ(Listed(bob_), "");
  ExpectUnknown(bob_, id);
  ExpectVerified();

  const auto item = staged().View(alice_, id);
  ASSERT_TRUE(item.ok());
  EXPECT_EQ(item->dist_tag, "next");
  EXPECT_EQ(item->actor, "alice");
  EXPECT_TRUE(item->is_public);
  EXPECT_EQ(item->created_ms, clock_.NowMs());
  EXPECT_EQ(item->expires_ms, clock_.NowMs() + limits::kStagedDays * limits::kDayMs);
  const auto tarball = staged().OpenTarball(alice_, id);
  ASSERT_TRUE(tarball.ok());
  std::string bytes;
  ASSERT_TRUE(tarball->blob.file->ReadAt(tarball->blob.offset_bytes, tarball->blob.info.size_bytes, &bytes).ok());
  EXPECT_EQ(bytes, builder.Tarball());

  clock_.AdvanceMs(60'000);
  Open();
  ASSERT_TRUE(staged().Approve(alice_, id).ok());
  const std::string packument = Packument(anonymous_, "left").value();
  EXPECT_THAT(packument, HasSubstr(R"("dist-tags":{"latest":"1.0.0","next":"1.1.0"})"));
  EXPECT_THAT(packument, HasSubstr(R"("1.1.0":"2023-11-14T22:14:20.000Z")")) << "the time of the approval";
  EXPECT_THAT(packument, HasSubstr(R"("_npmUser":{"name":"alice","email":"alice@example.com",)"
                                   R"("approver":{"name":"alice","email":"alice@example.com"}})"));
  EXPECT_EQ(TarballBytes(anonymous_, "left", "left-1.1.0.tgz").value(), builder.Tarball());
  EXPECT_EQ(Listed(alice_), "");
  ExpectUnknown(alice_, id);
  ExpectVerified();
}

TEST_F(RegistryStaged, KeepsWhoPublishedAndItsProvenance) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  builder.version = "1.1.0";
  builder.bundle_text = builder.Provenance();
  const std::string id = StageId(alice_, builder);
  ASSERT_EQ(id.size(), 36U) << id;
  const Principal root = As("root", Registry::Admin::kYes);
  AddUser("root");
  ASSERT_TRUE(staged().Approve(root, id).ok());
  const std::string packument = Packument(anonymous_, "left").value();
  EXPECT_THAT(packument, HasSubstr(R"("_npmUser":{"name":"alice","email":"alice@example.com",)"
                                   R"("approver":{"name":"root","email":"root@example.com"}})"));
  EXPECT_THAT(packument, HasSubstr("slsa.dev/provenance/v1"));
  EXPECT_TRUE(registry_->GetAttestations(anonymous_, Name("left"), "1.1.0").ok());
  ExpectVerified();
}

TEST_F(RegistryStaged, ANumberIsStagedOrPublishedOnce) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  EXPECT_EQ(Stage(alice_, builder).code(), Code::kConflict) << "published, a moment ago by the same user";
  builder.version = "1.1.0";
  const std::string id = StageId(alice_, builder);
  EXPECT_EQ(Stage(alice_, builder).code(), Code::kConflict) << "staged";
  const auto published = Publish(alice_, builder);
  EXPECT_EQ(published.code(), Code::kAlreadyExists);
  EXPECT_THAT(std::string(published.status().message()), HasSubstr("cannot publish over"));
  ASSERT_TRUE(staged().Reject(alice_, id).ok());
  ExpectUnknown(alice_, id);
  ExpectVerified();
  EXPECT_TRUE(Publish(alice_, builder).ok()) << "the number is free again";
  // Unpublished numbers are not.
  builder.version = "1.2.0";
  ASSERT_TRUE(Publish(alice_, builder).ok());
  ASSERT_TRUE(registry_->UnpublishPackage(alice_, Name("left"), RevOf("left")).ok());
  EXPECT_EQ(Stage(alice_, builder).code(), Code::kConflict);
}

TEST_F(RegistryStaged, RefusesWhatAPublishRefuses) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  builder.version = "1.1.0";
  EXPECT_EQ(Stage(anonymous_, builder).code(), Code::kUnauthenticated);
  EXPECT_EQ(Stage(bob_, builder).code(), Code::kPermissionDenied);
  Principal reader = alice_;
  reader.may_write = false;
  EXPECT_EQ(Stage(reader, builder).code(), Code::kPermissionDenied);
  PublishBuilder wrong = builder;
  wrong.inner_version = "9.9.9";
  EXPECT_EQ(Stage(alice_, wrong).code(), Code::kInvalidArgument);
  wrong = builder;
  wrong.dist_tags_json = "{}";
  EXPECT_EQ(Stage(alice_, wrong).code(), Code::kInvalidArgument);
  EXPECT_EQ(StageBody(alice_, "left", R"({"name":"left","users":{"alice":true}})").code(), Code::kInvalidArgument);
  EXPECT_EQ(StageBody(alice_, "left", "{").code(), Code::kInvalidArgument);
  EXPECT_EQ(Listed(alice_), "");
  options_.stage_new_packages = false;
  Open();
  builder.name = "new";
  EXPECT_EQ(Stage(alice_, builder).code(), Code::kPermissionDenied);
  builder.name = "left";
  EXPECT_TRUE(Stage(alice_, builder).ok());
}

TEST_F(RegistryStaged, AReadOnlyTokenMayLookAndNotDecide) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  builder.version = "1.1.0";
  const std::string id = StageId(alice_, builder);
  Principal reader = alice_;
  reader.may_write = false;
  EXPECT_TRUE(staged().View(reader, id).ok());
  EXPECT_EQ(Listed(reader), "left@1.1.0 ");
  EXPECT_EQ(staged().Approve(reader, id).code(), Code::kPermissionDenied);
  EXPECT_EQ(staged().Reject(reader, id).code(), Code::kPermissionDenied);
  const std::string unknown = "00000000-0000-4000-8000-000000000000";
  EXPECT_EQ(staged().Reject(reader, unknown).code(), Code::kPermissionDenied) << "the same for what does not exist";
  EXPECT_EQ(staged().Approve(anonymous_, id).code(), Code::kUnauthenticated);
}

TEST_F(RegistryStaged, ATokenForStagingLeavesTheLastWordToOthers) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  TokenLimits limits;
  limits.packages = {"left"};
  limits.packages_permission = TokenPermission::kStage;
  Principal machine = alice_;
  machine.limits = std::make_shared<const TokenLimits>(limits);
  builder.version = "1.1.0";
  EXPECT_EQ(Publish(machine, builder).code(), Code::kPermissionDenied);
  const std::string id = StageId(machine, builder);
  ASSERT_EQ(id.size(), 36U) << id;
  EXPECT_TRUE(staged().View(machine, id).ok());
  EXPECT_EQ(staged().Approve(machine, id).code(), Code::kPermissionDenied);
  EXPECT_EQ(staged().Reject(machine, id).code(), Code::kPermissionDenied);
  builder.name = "other";
  EXPECT_EQ(Stage(machine, builder).code(), Code::kPermissionDenied);
  EXPECT_TRUE(staged().Approve(alice_, id).ok());
}

TEST_F(RegistryStaged, TheFirstVersionMakesThePackageOfItsPublisher) {
  PublishBuilder builder;
  const std::string first = StageId(alice_, builder);
  builder.version = "1.1.0";
  builder.dist_tag = "next";
  const std::string second = StageId(alice_, builder);
  EXPECT_EQ(Packument(alice_, "left").code(), Code::kNotFound);
  EXPECT_EQ(Listed(bob_), "");
  const Principal root = As("root", Registry::Admin::kYes);
  EXPECT_EQ(staged().List(root, Name("left"), 0, 10)->total, 2U);
  ASSERT_TRUE(staged().Approve(root, first).ok());
  EXPECT_THAT(Packument(anonymous_, "left").value(),
              HasSubstr(R"("maintainers":[{"name":"alice","email":"alice@example.com"}])"));
  EXPECT_EQ(Listed(alice_), "left@1.1.0 ") << "the other one is the package's now";
  ExpectVerified();
  ASSERT_TRUE(staged().Approve(alice_, second).ok());
  EXPECT_EQ(TagsOf("left"), "latest=1.0.0 next=1.1.0 ");
  ExpectVerified();
}

TEST_F(RegistryStaged, ANameIsTakenByWhoPublishesFirst) {
  PublishBuilder builder;
  const std::string of_alice = StageId(alice_, builder);
  ASSERT_EQ(of_alice.size(), 36U) << of_alice;
  // Bob does not see it, so it is not in his way.
  builder.contents = "of bob\n";
  const std::string of_bob = StageId(bob_, builder);
  ASSERT_EQ(of_bob.size(), 36U) << of_bob;
  EXPECT_EQ(Listed(bob_), "left@1.0.0 ");
  ExpectUnknown(bob_, of_alice);
  ASSERT_TRUE(staged().Approve(bob_, of_bob).ok());
  ExpectUnknown(alice_, of_alice);
  ExpectUnknown(bob_, of_alice);
  EXPECT_EQ(Listed(alice_), "");
  ExpectVerified();
  ASSERT_TRUE(staged().Sweep().ok());
  const auto left_over = store_.NewReadView().value()->Get(engine::Family::kSetting, StagedIdKey(of_alice));
  EXPECT_FALSE(left_over.value()) << "forgotten on disk too";
  ExpectVerified();
}

TEST_F(RegistryStaged, AScopeIsClaimedWithTheApproval) {
  PublishBuilder builder;
  builder.name = "@acme/left";
  builder.access = "restricted";
  const std::string id = StageId(alice_, builder);
  EXPECT_FALSE(staged().View(alice_, id)->is_public);
  ASSERT_TRUE(staged().Approve(alice_, id).ok());
  EXPECT_EQ(Packument(bob_, "@acme/left").code(), Code::kNotFound);
  EXPECT_TRUE(Packument(alice_, "@acme/left").ok());
  EXPECT_TRUE(registry_->PackagesOfScope(alice_, "acme").ok());
  ExpectVerified();
}

TEST_F(RegistryStaged, AScopeIsOfWhoeverStagedIntoItWhoeverApproves) {
  PublishBuilder builder;
  builder.name = "@acme/left";
  const std::string id = StageId(alice_, builder);
  AddUser("root");
  ASSERT_TRUE(staged().Approve(As("root", Registry::Admin::kYes), id).ok());
  builder.name = "@acme/right";
  EXPECT_EQ(Stage(bob_, builder).code(), Code::kPermissionDenied);
  EXPECT_TRUE(Publish(alice_, builder).ok());
  ExpectVerified();
}

TEST_F(RegistryStaged, ExpiresAndFreesItsNumber) {
  options_.staged_kept_ms = 1000;
  Open();
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  builder.version = "1.1.0";
  const std::string first = StageId(alice_, builder);
  clock_.AdvanceMs(999);
  EXPECT_TRUE(staged().View(alice_, first).ok());
  clock_.AdvanceMs(1);
  ExpectUnknown(alice_, first);
  EXPECT_EQ(Listed(alice_), "");
  const std::string second = StageId(alice_, builder);
  ASSERT_EQ(second.size(), 36U) << second;
  ExpectUnknown(alice_, first);
  EXPECT_EQ(Listed(alice_), "left@1.1.0 ");
  ExpectVerified();
  clock_.AdvanceMs(1000);
  ASSERT_TRUE(staged().Sweep().ok());
  ASSERT_TRUE(staged().Sweep().ok());
  int left_over = 0;
  ASSERT_TRUE(store_.NewReadView()
                  .value()
                  ->ScanPrefix(engine::Family::kSetting, "staged/",
                               [&](std::string_view, std::string_view) {
                                 ++left_over;
                                 return true;
                               })
                  .ok());
  EXPECT_EQ(left_over, 0);
  EXPECT_TRUE(Publish(alice_, builder).ok());
  ExpectVerified();
}

TEST_F(RegistryStaged, ListsNewestFirstInPages) {
  PublishBuilder builder;
  for (int i = 0; i < 5; ++i) {
    builder.name = "left" + std::to_string(i % 2);
    builder.version = "1.0." + std::to_string(i);
    ASSERT_EQ(StageId(alice_, builder).size(), 36U);
    clock_.AdvanceMs(1);
  }
  EXPECT_EQ(Listed(alice_), "left0@1.0.4 left1@1.0.3 left0@1.0.2 left1@1.0.1 left0@1.0.0 ");
  EXPECT_EQ(Listed(alice_, Name("left1")), "left1@1.0.3 left1@1.0.1 ");
  EXPECT_EQ(Listed(alice_, Name("left")), "") << "a prefix of names is no name";
  const auto second = staged().List(alice_, std::nullopt, 1, 2);
  EXPECT_EQ(second->total, 5U);
  ASSERT_EQ(second->items.size(), 2U);
  EXPECT_EQ(second->items[0].version, "1.0.2");
  EXPECT_EQ(staged().List(alice_, std::nullopt, 2, 2)->items.size(), 1U);
  EXPECT_TRUE(staged().List(alice_, std::nullopt, 3, 2)->items.empty());
  EXPECT_TRUE(staged().List(alice_, std::nullopt, UINT64_MAX, 100)->items.empty());
}

TEST_F(RegistryStaged, ApprovalIsRefusedWhenTheNumberWasTaken) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  builder.version = "1.1.0";
  const std::string id = StageId(alice_, builder);
  // As an import would, past the check of a publish.
  VersionRecord other;
  other.version = "1.1.0";
  ASSERT_TRUE(
      store_
          .Commit(PutMutation(engine::Family::kVersion,
                              engine::NameAndRestKey("left", Version::Parse("1.1.0")->SortKey()), Encode(other)))
          .ok());
  EXPECT_EQ(staged().Approve(alice_, id).code(), Code::kConflict);
  EXPECT_TRUE(staged().View(alice_, id).ok()) << "still there, to be rejected";
  EXPECT_TRUE(staged().Reject(alice_, id).ok());
}

TEST_F(RegistryStaged, ApprovalsAndRejectionsOfOneVersionExactlyOneWins) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  for (int round = 1; round <= 20; ++round) {
    builder.version = "1.0." + std::to_string(round);
    const std::string id = StageId(alice_, builder);
    std::atomic<int> approved{0}, rejected{0}, refused{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        const Status status = i % 2 == 0 ? staged().Approve(alice_, id).status() : staged().Reject(alice_, id);
        if (status.ok()) {
          ++(i % 2 == 0 ? approved : rejected);
        } else {
          EXPECT_EQ(status.code(), Code::kNotFound) << status.ToString();
          ++refused;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(approved + rejected, 1);
    EXPECT_EQ(refused, 5);
    EXPECT_EQ(registry_->GetManifest(alice_, Name("left"), builder.version, "").ok(), approved == 1);
  }
  ExpectVerified();
}

TEST_F(RegistryStaged, StagingAndPublishingOneNumberExactlyOneWins) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  for (int round = 1; round <= 20; ++round) {
    builder.version = "1.0." + std::to_string(round);
    std::atomic<int> won{0}, published{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        PublishBuilder mine = builder;
        mine.contents = "of " + std::to_string(i);
        const auto answer = i % 2 == 0 ? Publish(alice_, mine) : Stage(alice_, mine);
        if (answer.ok()) {
          ++won;
          if (i % 2 == 0) ++published;
        } else {
          EXPECT_EQ(answer.code(), i % 2 == 0 ? Code::kAlreadyExists : Code::kConflict) << answer.status().ToString();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(registry_->GetManifest(alice_, Name("left"), builder.version, "").ok(), published == 1);
  }
  ExpectVerified();
}

TEST_F(RegistryStaged, WaitsInBoundedNumber) {
  PublishBuilder builder;
  ASSERT_TRUE(Publish(alice_, builder).ok());
  for (size_t i = 0; i < limits::kStagedPerPackageMax; ++i) {
    builder.version = "1.1." + std::to_string(i);
    ASSERT_EQ(StageId(alice_, builder).size(), 36U);
  }
  builder.version = "2.0.0";
  const auto refused = Stage(alice_, builder);
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("100 staged versions"));
}

TEST_F(RegistryStaged, VerificationFindsWhatIsMissing) {
  PublishBuilder builder;
  const std::string id = StageId(alice_, builder);
  ExpectVerified();
  const auto view = store_.NewReadView().value();
  const std::string record = *view->Get(engine::Family::kSetting, StagedIdKey(id)).value();
  engine::Mutation lose;
  lose.changes.push_back({engine::Family::kSetting, StagedIdKey(id), std::nullopt});
  ASSERT_TRUE(store_.Commit(std::move(lose)).ok());
  EXPECT_THAT(registry_->VerifyReferences().value(), ::testing::ElementsAre(HasSubstr(id + " of left is not there")));
  ASSERT_TRUE(store_.Commit(PutMutation(engine::Family::kSetting, StagedIdKey(id), record)).ok());
  engine::Mutation unlist;
  unlist.changes.push_back({engine::Family::kSetting, StagedPackageKey("left", "alice"), std::nullopt});
  ASSERT_TRUE(store_.Commit(std::move(unlist)).ok());
  EXPECT_THAT(registry_->VerifyReferences().value(), ::testing::ElementsAre(HasSubstr(id + ": in no list of left")));
}

}  // namespace
}  // namespace tarn::registry
