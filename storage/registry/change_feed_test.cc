#include "storage/registry/change_feed.h"

#include <gtest/gtest.h>

#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/change_rows.h"
#include "storage/registry/sequence.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

TEST(Sequence, OfTheFirstEpochIsTheLsn) {
  EXPECT_EQ(SequenceOf(Epoch(1), Lsn(17)), 17u);
  EXPECT_EQ(SequenceOf(Epoch(0), Lsn(17)), 17u);
  EXPECT_GT(SequenceOf(Epoch(2), Lsn(1)), SequenceOf(Epoch(1), Lsn(1'000'000)));
  EXPECT_EQ(EpochOfSequence(SequenceOf(Epoch(3), Lsn(9))), Epoch(3));
  EXPECT_EQ(LsnOfSequence(SequenceOf(Epoch(3), Lsn(9))), Lsn(9));
  EXPECT_LT(SequenceOf(Epoch(8192), Lsn((uint64_t{1} << 40) - 1)), uint64_t{1} << 53) << "exact in JavaScript";
}

TEST(ChangeRow, RoundTripsAndRefusesOtherSizes) {
  const ChangeRow row{
      .is_restricted = true, .is_unpublished = true, .epoch = Epoch(7), .rev_counter = 9, .rev_hash = 10};
  const std::string payload = Encode(row);
  const auto decoded = DecodeChangeRow(payload);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, row);
  EXPECT_EQ(DecodeChangeRow(payload.substr(1)).code(), Code::kCorruption);
  EXPECT_EQ(DecodeChangeRow(payload + "x").code(), Code::kCorruption);
  EXPECT_EQ(row.rev(), "9-000000000000000a");
}

class ChangeFeedTest : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    alice_ = AddUser("alice");
  }
  void Add(const std::string& name, const std::string& version = "1.0.0", const std::string& access = "") {
    PublishBuilder builder;
    builder.name = name;
    builder.version = version;
    builder.access = access;
    const auto published = Publish(alice_, builder);
    ASSERT_TRUE(published.ok()) << published.status().ToString();
  }
  ChangesPiece Read(const ChangesQuery& query, const Principal& who = Principal::Anonymous()) {
    auto piece = registry_->changes().Read(who, query);
    EXPECT_TRUE(piece.ok()) << piece.status().ToString();
    return std::move(piece).value();
  }
  static std::string NamesOf(const std::vector<ChangedPackage>& packages) {
    std::string names;
    for (const ChangedPackage& package : packages) {
      names += (names.empty() ? "" : " ") + package.name + (package.is_unpublished ? "!" : "");
    }
    return names;
  }
  std::string Names(ChangesQuery query, const Principal& who = Principal::Anonymous()) {
    if (query.rows_max == 0) query.rows_max = 100;
    return NamesOf(Read(query, who).packages);
  }
  // The whole feed, read in pieces of `rows`.
  std::string Paged(size_t rows, bool descending, const Principal& who = Principal::Anonymous()) {
    ChangesQuery query{.descending = descending, .rows_max = rows};
    std::vector<ChangedPackage> all;
    for (int i = 0; i < 1000; ++i) {
      const ChangesPiece piece = Read(query, who);
      EXPECT_LE(piece.packages.size(), rows);
      all.insert(all.end(), piece.packages.begin(), piece.packages.end());
      if (piece.is_last) return NamesOf(all);
      if (descending)
        query.before = piece.next;
      else
        query.after = piece.next;
    }
    return "does not end";
  }

  Principal alice_;
};

TEST_F(ChangeFeedTest, HasEachPackageOnceAtItsLatestChange) {
  Add("a");
  Add("b");
  Add("c");
  Add("a", "1.0.1");
  EXPECT_EQ(Names({}), "b c a");
  EXPECT_EQ(Names({.descending = true}), "a c b");
  const ChangesPiece piece = Read({.rows_max = 100});
  EXPECT_TRUE(piece.is_last);
  EXPECT_EQ(piece.next, registry_->changes().CurrentSequence());
  EXPECT_EQ(piece.packages.back().rev, RevOf("a"));
  ExpectVerified();
}

TEST_F(ChangeFeedTest, GoesOnWhereAPieceEnded) {
  std::string expected, reversed;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "p" + std::to_string(i);
    Add(name);
    expected += (expected.empty() ? "" : " ") + name;
    reversed = name + (reversed.empty() ? "" : " ") + reversed;
  }
  for (const size_t rows : {1, 2, 7, 19, 20, 21}) {
    EXPECT_EQ(Paged(rows, false), expected) << rows;
    EXPECT_EQ(Paged(rows, true), reversed) << rows;
  }
}

TEST_F(ChangeFeedTest, AfterTheEndThereIsWhatComesLater) {
  Add("a");
  const uint64_t end = registry_->changes().CurrentSequence();
  EXPECT_EQ(Names({.after = end}), "");
  Add("b");
  EXPECT_EQ(Names({.after = end}), "b");
  EXPECT_EQ(*registry_->changes().CountAfter(Principal::Anonymous(), 0), 2u);
  EXPECT_EQ(*registry_->changes().CountAfter(Principal::Anonymous(), end), 1u);
}

TEST_F(ChangeFeedTest, ShowsRestrictedPackagesToTheirReadersAlone) {
  Add("a");
  Add("@alice/secret", "1.0.0", "restricted");
  Add("@alice/open", "1.0.0", "public");
  const Principal bob = AddUser("bob");
  for (const Principal& stranger : {Principal::Anonymous(), bob}) {
    EXPECT_EQ(Names({}, stranger), "a @alice/open");
    EXPECT_EQ(Paged(1, false, stranger), "a @alice/open");
    EXPECT_EQ(Paged(1, true, stranger), "@alice/open a");
    EXPECT_EQ(Names({.names = {"@alice/secret", "a"}}, stranger), "a");
    EXPECT_EQ(*registry_->changes().CountAfter(stranger, 0), 2u);
    const auto piece = registry_->changes().ListPackages(stranger, {.rows_max = 10});
    EXPECT_EQ(NamesOf(piece->packages), "@alice/open a");
    EXPECT_EQ(registry_->changes().GetDocument(stranger, Name("@alice/secret"), "http://r").status().ToString(),
              registry_->changes().GetDocument(stranger, Name("@alice/nothing"), "http://r").status().ToString());
  }
  EXPECT_EQ(Names({}, alice_), "a @alice/secret @alice/open");
  EXPECT_EQ(Names({.names = {"@alice/secret", "a"}}, alice_), "a @alice/secret");
  ASSERT_TRUE(registry_->SetAccess(alice_, Name("@alice/open"), "restricted").ok());
  EXPECT_EQ(Names({}), "a") << "gone without a word";
  ExpectVerified();
}

TEST_F(ChangeFeedTest, SaysThatAPackageIsUnpublished) {
  Add("a");
  Add("b");
  ASSERT_TRUE(registry_->UnpublishPackage(alice_, Name("a"), RevOf("a")).ok());
  EXPECT_EQ(Names({}), "b a!");
  const auto piece = registry_->changes().ListPackages(Principal::Anonymous(), {.rows_max = 10});
  EXPECT_EQ(NamesOf(piece->packages), "b");
  const auto document = registry_->changes().GetDocument(Principal::Anonymous(), Name("a"), "http://r");
  ASSERT_TRUE(document.ok());
  EXPECT_TRUE(document->is_unpublished);
  ExpectVerified();
}

TEST_F(ChangeFeedTest, ListsByNameInAnyPart) {
  for (const char* name : {"a", "b", "c", "d"}) Add(name);
  const auto list = [&](const PackageRange& range) {
    return NamesOf(registry_->changes().ListPackages(Principal::Anonymous(), range)->packages);
  };
  EXPECT_EQ(list({.first = "b", .last = "c", .rows_max = 9}), "b c");
  EXPECT_EQ(list({.first = "bb", .rows_max = 9}), "c d");
  EXPECT_EQ(list({.skip = 1, .rows_max = 2}), "b c");
  EXPECT_EQ(registry_->changes().ListPackages(Principal::Anonymous(), {.rows_max = 2})->next, "c");
}

TEST_F(ChangeFeedTest, StartsAgainForASequenceThatIsNotOfThisJournal) {
  Add("a");
  const uint64_t now = registry_->changes().CurrentSequence();
  EXPECT_EQ(*registry_->changes().Resume(now), now);
  EXPECT_EQ(*registry_->changes().Resume(0), 0u);
  EXPECT_EQ(*registry_->changes().Resume(now + 1), 0u) << "from the future";
  EXPECT_EQ(*registry_->changes().Resume(SequenceOf(Epoch(9), Lsn(1))), 0u) << "from another epoch";
  EXPECT_EQ(*registry_->changes().Resume(UINT64_MAX), 0u);
}

TEST_F(ChangeFeedTest, KeepsTheLastRevisionsForFollowers) {
  Add("a");
  std::vector<std::string> revs = {RevOf("a")};
  for (size_t i = 1; i < limits::kRevisionsKept + 3; ++i) {
    ASSERT_TRUE(registry_->SetDistTag(alice_, Name("a"), "t" + std::to_string(i), "1.0.0").ok());
    revs.insert(revs.begin(), RevOf("a"));
  }
  const auto document = registry_->changes().GetDocument(Principal::Anonymous(), Name("a"), "http://r");
  ASSERT_TRUE(document.ok());
  ASSERT_EQ(document->rev_hashes.size(), limits::kRevisionsKept);
  for (size_t i = 0; i < limits::kRevisionsKept; ++i) {
    EXPECT_EQ(std::to_string(document->rev_counter - i) + "-" + document->rev_hashes[i], revs[i]);
  }
}

TEST_F(ChangeFeedTest, VerificationNoticesARowThatIsNotTheLastChange) {
  Add("a");
  Add("b");
  class Silent final : public engine::CommitObserver {
   public:
    void Derive(const engine::LogRecord&, const engine::ReadView&, std::vector<engine::Change>*) override {}
    void Applied(const engine::LogRecord&) override {}
  } silent;
  store_.SetObserver(&silent);
  ASSERT_TRUE(registry_->SetDistTag(alice_, Name("a"), "beta", "1.0.0").ok());
  const auto findings = registry_->VerifyReferences();
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 2u);
  EXPECT_NE(findings->front().find("package a"), std::string::npos) << findings->front();
}

TEST_F(ChangeFeedTest, OfAPrivateRegistryIsForTheAuthenticated) {
  Add("a");
  options_.read_access = RegistryOptions::ReadAccess::kAuthenticated;
  Open();
  EXPECT_EQ(registry_->changes().Read(Principal::Anonymous(), {.rows_max = 9}).code(), Code::kUnauthenticated);
  EXPECT_EQ(Names({}, alice_), "a");
}

}  // namespace
}  // namespace tarn::registry
