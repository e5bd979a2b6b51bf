// Two leaders that know nothing of each other, and what of the one's work may still be done at the other.

#include "storage/registry/reapply_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/registry/package_state.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using engine::Family;
using ::testing::HasSubstr;

// registry_ leads now; old_ led before, and what it wrote after Part() nobody else has.
class Reapplying : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
    bob_ = AddUser("bob");
    ASSERT_TRUE(Publish(alice_, Version_("1.0.0")).ok());
  }

  // From here on each goes its own way.
  void Part() {
    for (uint64_t lsn = 1; lsn <= store_.last_lsn().value(); ++lsn) {
      const auto record = store_.log().Read(Lsn(lsn)).value();
      ASSERT_TRUE(old_store_.Commit(Copy(record, record.event, store_, old_store_)).ok());
    }
    common_ = old_store_.last_lsn();
    auto opened = Registry::Open(&old_store_, options_, &clock_, &old_random_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    old_ = std::move(opened).value();
    clock_.AdvanceMs(1000);
  }

  static engine::Mutation Copy(const engine::LogRecord& record, const engine::Event& event, engine::Store& from,
                               engine::Store& to) {
    engine::Mutation mutation;
    mutation.event = event;
    for (const engine::Change& change : record.changes) {
      if (change.family != Family::kBlob) mutation.changes.push_back(change);
    }
    for (const engine::BlobInfo& blob : record.blobs) {
      mutation.blobs.push_back(StageBlob(to, ReadBlob(from, blob.sha512).value()));
    }
    return mutation;
  }

  PublishBuilder Version_(const std::string& version, const std::string& contents = "") {
    PublishBuilder builder;
    builder.version = version;
    if (!contents.empty()) builder.contents = contents;
    return builder;
  }
  void PublishToOld(const Principal& principal, const PublishBuilder& builder) {
    auto upload = old_->BeginPackageWrite(principal, Name(builder.name), std::nullopt);
    ASSERT_TRUE(upload.ok()) << upload.status().ToString();
    ASSERT_TRUE((*upload)->Consume(builder.Body()).ok());
    const auto answer = (*upload)->Finish();
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  }
  void PublishHere(const Principal& principal, const PublishBuilder& builder) {
    const auto answer = Publish(principal, builder);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  }

  // Of the old leader's last record on a key before this one.
  Result<std::optional<std::string>> Before(Lsn lsn, Family family, const std::string& key) {
    const auto keys = KeysBefore(old_store_.log().Read(lsn).value()).value();
    EXPECT_TRUE(std::ranges::count(keys, std::pair(family, key))) << key;
    for (uint64_t at = lsn.value() - 1; at > 0; --at) {
      ASSIGN_OR_RETURN(const engine::LogRecord record, old_store_.log().Read(Lsn(at)));
      for (const engine::Change& change : record.changes) {
        if (change.family == family && change.key == key) return change.value;
      }
    }
    return std::optional<std::string>();
  }
  // Each of the old leader's own records in its turn; one line for each, "reapplied", "there" or "cannot", and why.
  std::vector<std::string> Reapply() {
    std::vector<std::string> results;
    for (uint64_t lsn = common_.value() + 1; lsn <= old_store_.last_lsn().value(); ++lsn) {
      const auto record = old_store_.log().Read(Lsn(lsn)).value();
      const auto view = store_.NewReadView().value();
      const auto before = [&](Family family, const std::string& key) { return Before(Lsn(lsn), family, key); };
      auto decision = DecideReapply(record, *view, before, {clock_.NowMs(), 77});
      EXPECT_TRUE(decision.ok()) << decision.status().ToString();
      if (!decision.ok()) continue;
      switch (decision->verdict) {
        case ReapplyVerdict::kAlreadyThere: results.push_back("there " + decision->reason); continue;
        case ReapplyVerdict::kCannot: results.push_back("cannot " + decision->reason); continue;
        case ReapplyVerdict::kReapply: results.push_back("reapplied " + decision->reason); break;
      }
      for (const engine::BlobInfo& blob : record.blobs) {
        decision->mutation->blobs.push_back(StageBlob(store_, ReadBlob(old_store_, blob.sha512).value()));
      }
      EXPECT_EQ(decision->mutation->event.idempotency_key, ReapplyMark(record.chain_hash));
      const auto committed = store_.Commit(*std::move(decision->mutation));
      EXPECT_TRUE(committed.ok()) << committed.status().ToString();
    }
    ExpectVerified();
    return results;
  }
  std::optional<VersionRecord> Stored(engine::Store& store, const std::string& version) {
    const auto view = store.NewReadView().value();
    return *ReadVersion(*view, Name("left"), Version::Parse(version).value());
  }

  SeededRandom old_random_{8};
  MemStore old_store_{&clock_};
  std::unique_ptr<Registry> old_;
  Lsn common_;
  Principal alice_;
  Principal bob_;
};

TEST_F(Reapplying, GivesAVersionBackAsItWas) {
  Part();
  PublishToOld(alice_, Version_("1.1.0"));
  clock_.AdvanceMs(5000);
  EXPECT_THAT(Reapply(), ::testing::ElementsAre("reapplied "));
  EXPECT_EQ(Stored(store_, "1.1.0"), Stored(old_store_, "1.1.0"));
  EXPECT_EQ(ValueOf(store_, Family::kPackage, "left"), ValueOf(old_store_, Family::kPackage, "left"));
  EXPECT_EQ(TarballBytes(alice_, "left", "left-1.1.0.tgz").value(), Version_("1.1.0").Tarball());
  EXPECT_THAT(Reapply(), ::testing::ElementsAre("there "));
}

TEST_F(Reapplying, GivesANewPackageWithAllThatCameAfterIt) {
  Part();
  PublishBuilder builder = Version_("1.0.0");
  builder.name = "new";
  PublishToOld(bob_, builder);
  ASSERT_TRUE(old_->SetDistTag(bob_, Name("new"), "beta", "1.0.0").ok());
  builder.version = "1.1.0";
  PublishToOld(bob_, builder);
  EXPECT_THAT(Reapply(), ::testing::ElementsAre("reapplied ", "reapplied ", "reapplied "));
  EXPECT_EQ(TagsOf("new"), "beta=1.0.0 latest=1.1.0 ");
}

TEST_F(Reapplying, JoinsAVersionToAPackageThatHasMovedOn) {
  Part();
  PublishToOld(alice_, Version_("1.1.0"));
  PublishHere(alice_, Version_("1.2.0"));
  const auto results = Reapply();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0], "reapplied the dist-tag latest stays: it is at 1.2.0 meanwhile");
  EXPECT_EQ(TagsOf("left"), "latest=1.2.0 ");
  const auto version = Stored(store_, "1.1.0");
  ASSERT_TRUE(version.has_value());
  EXPECT_EQ(version->manifest, Stored(old_store_, "1.1.0")->manifest);
  EXPECT_EQ(version->time_ms, Stored(old_store_, "1.1.0")->time_ms);
  EXPECT_EQ(version->ordinal, 2u) << "behind the one that came meanwhile";
  EXPECT_THAT(Packument(alice_, "left").value(), HasSubstr("left-1.1.0.tgz"));
}

TEST_F(Reapplying, MovesATagThatNobodyElseMoved) {
  Part();
  PublishBuilder next = Version_("2.0.0");
  next.dist_tag = "next";
  PublishToOld(alice_, next);
  PublishBuilder other = Version_("1.0.1");
  other.dist_tag = "patch";
  PublishHere(alice_, other);
  EXPECT_THAT(Reapply(), ::testing::ElementsAre("reapplied "));
  EXPECT_EQ(TagsOf("left"), "latest=1.0.0 next=2.0.0 patch=1.0.1 ");
}

TEST_F(Reapplying, PutsNoTagOnAVersionOfSomebodyElse) {
  Part();
  PublishBuilder mine = Version_("1.1.0", "ours");
  mine.dist_tag = "beta";
  PublishToOld(alice_, mine);
  ASSERT_TRUE(old_->SetDistTag(alice_, Name("left"), "best", "1.1.0").ok());
  PublishHere(alice_, Version_("1.1.0", "theirs"));
  const auto results = Reapply();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_THAT(results[0], HasSubstr("cannot 1.1.0 was published by alice meanwhile"));
  EXPECT_EQ(results[1], "cannot the dist-tag best names 1.1.0, which is not here as it was there");
  EXPECT_EQ(TagsOf("left"), "latest=1.1.0 ");
}

TEST_F(Reapplying, LeavesATagThatSomebodyElseMoved) {
  PublishHere(alice_, Version_("1.1.0"));
  ASSERT_TRUE(registry_->SetDistTag(alice_, Name("left"), "beta", "1.0.0").ok());
  Part();
  ASSERT_TRUE(old_->SetDistTag(alice_, Name("left"), "beta", "1.1.0").ok());
  ASSERT_TRUE(registry_->RemoveDistTag(alice_, Name("left"), "beta").ok());
  EXPECT_THAT(Reapply(), ::testing::ElementsAre("cannot the dist-tag beta is gone, moved meanwhile"));
  EXPECT_EQ(TagsOf("left"), "latest=1.1.0 ");
}

TEST_F(Reapplying, NeverTouchesAVersionOfSomebodyElse) {
  Part();
  PublishToOld(alice_, Version_("1.1.0", "ours"));
  PublishHere(alice_, Version_("1.1.0", "theirs"));
  const Lsn before = store_.last_lsn();
  EXPECT_THAT(Reapply(), ::testing::ElementsAre("cannot 1.1.0 was published by alice meanwhile, with another tarball"));
  EXPECT_EQ(store_.last_lsn(), before);
}

TEST_F(Reapplying, TakesEqualBytesForTheSame) {
  Part();
  PublishToOld(alice_, Version_("1.1.0"));
  PublishToOld(alice_, Version_("1.2.0"));
  PublishHere(alice_, Version_("1.1.0"));  // In the same millisecond: the records are equal too.
  clock_.AdvanceMs(60'000);
  PublishHere(alice_, Version_("1.2.0"));
  const std::string there = "there published again by alice meanwhile, the same bytes";
  EXPECT_THAT(Reapply(), ::testing::ElementsAre(there, there));
}

TEST_F(Reapplying, TakesAnotherManifestForAnotherVersion) {
  Part();
  PublishToOld(alice_, Version_("1.1.0"));
  PublishBuilder other = Version_("1.1.0");
  other.manifest_members = R"("description":"another one")";
  PublishHere(alice_, other);
  EXPECT_THAT(Reapply(), ::testing::ElementsAre(HasSubstr("with the same tarball and another manifest")));
}

TEST_F(Reapplying, NeverUsesANumberAgain) {
  Part();
  PublishToOld(alice_, Version_("1.1.0"));
  PublishHere(alice_, Version_("1.1.0", "theirs"));
  const std::string without = R"({"name":"left","versions":{"1.0.0":{}}})";
  ASSERT_TRUE(Put(alice_, "left", without, RevOf("left")).ok());
  ASSERT_FALSE(Stored(store_, "1.1.0").has_value());
  const auto results = Reapply();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_THAT(results[0], HasSubstr("cannot left@1.1.0 was published and unpublished meanwhile"));
}

TEST_F(Reapplying, LeavesAPackageThatIsSomebodyElsesByNow) {
  Part();
  PublishBuilder mine = Version_("1.0.0");
  mine.name = "wanted";
  PublishToOld(alice_, mine);
  mine.version = "2.0.0";
  PublishHere(bob_, mine);
  EXPECT_THAT(Reapply(), ::testing::ElementsAre("cannot the package wanted was made meanwhile, and belongs to bob"));
}

TEST_F(Reapplying, LeavesAnUnpublishToAPersonOnceThePackageHasMovedOn) {
  Part();
  ASSERT_TRUE(old_->UnpublishPackage(alice_, Name("left"), RevOf("left")).ok());
  PublishHere(alice_, Version_("1.1.0"));
  EXPECT_THAT(Reapply(), ::testing::ElementsAre(HasSubstr("is for a person to say")));
  EXPECT_TRUE(Stored(store_, "1.0.0").has_value());
}

TEST_F(Reapplying, GivesAnAccountBackWhereItsNameIsFree) {
  Part();
  const auto add = [&](Registry& registry, const std::string& name) {
    ASSERT_TRUE(
        registry.CreateUser(Principal::System(), name, "secret-" + name, name + "@example.com", Registry::Admin::kNo)
            .ok());
  };
  add(*old_, "carol");
  add(*old_, "dave");
  add(*registry_, "erin");
  add(*registry_, "dave");
  EXPECT_THAT(Reapply(), ::testing::ElementsAre("reapplied ", "cannot the user \"dave\" was made meanwhile"));
  EXPECT_EQ(ValueOf(store_, Family::kUser, "carol"), ValueOf(old_store_, Family::kUser, "carol"));
  const auto counts = Decode<AccountsRecord>(*ValueOf(store_, Family::kSetting, kAccountsSetting));
  EXPECT_EQ(counts->user_count, 3u) << "carol, erin and one dave";
}

TEST_F(Reapplying, DoesNothingForAnAccountThatIsGone) {
  Part();
  PublishToOld(bob_, [this] {
    PublishBuilder builder = Version_("1.0.0");
    builder.name = "new";
    return builder;
  }());
  UserRecord gone = *Decode<UserRecord>(*ValueOf(store_, Family::kUser, "bob"));
  gone.removed_ms = clock_.NowMs();
  ASSERT_TRUE(store_.Commit(PutMutation(Family::kUser, "bob", Encode(gone))).ok());
  EXPECT_THAT(Reapply(), ::testing::ElementsAre("cannot the account of bob is gone, or is another one by now"));
}

TEST_F(Reapplying, LeavesOutASignatureThatNobodyCouldVerify) {
  Part();
  PublishToOld(alice_, Version_("1.1.0"));
  // As a leader with a key of its own would have signed it.
  VersionRecord version = *Stored(old_store_, "1.1.0");
  version.signatures = {{"SHA256:unknown", "c2lnbmVk"}};
  auto record = old_store_.log().Read(old_store_.last_lsn()).value();
  for (engine::Change& change : record.changes) {
    if (change.family == Family::kVersion) change.value = Encode(version);
  }
  const auto view = store_.NewReadView().value();
  const auto before = [&](Family family, const std::string& key) { return Before(record.lsn, family, key); };
  const auto decision = DecideReapply(record, *view, before, {clock_.NowMs(), 77});
  ASSERT_TRUE(decision.ok()) << decision.status().ToString();
  ASSERT_EQ(decision->verdict, ReapplyVerdict::kReapply);
  EXPECT_THAT(decision->reason, HasSubstr("without its signature"));
  for (const engine::Change& change : decision->mutation->changes) {
    if (change.family != Family::kVersion) continue;
    EXPECT_TRUE(Decode<VersionRecord>(*change.value)->signatures.empty());
  }
}

TEST_F(Reapplying, RestsOnEverythingThatItRead) {
  Part();
  PublishToOld(alice_, Version_("1.1.0"));
  const auto record = old_store_.log().Read(old_store_.last_lsn()).value();
  const auto view = store_.NewReadView().value();
  const auto before = [&](Family family, const std::string& key) { return Before(record.lsn, family, key); };
  auto decision = DecideReapply(record, *view, before, {clock_.NowMs(), 77});
  ASSERT_EQ(decision->verdict, ReapplyVerdict::kReapply);
  // Somebody is quicker.
  PublishHere(alice_, Version_("1.1.0", "theirs"));
  for (const engine::BlobInfo& blob : record.blobs) {
    decision->mutation->blobs.push_back(StageBlob(store_, ReadBlob(old_store_, blob.sha512).value()));
  }
  EXPECT_EQ(store_.Commit(*std::move(decision->mutation)).code(), Code::kConflict);
}

}  // namespace
}  // namespace tarn::registry
