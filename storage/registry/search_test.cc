#include "storage/registry/search.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/records.h"
#include "storage/testing/builders.h"
#include "storage/testing/manual_clock.h"
#include "storage/testing/mem_store.h"
#include "storage/testing/test_seed.h"

namespace tarn::registry {
namespace {

class SearchTest : public ::testing::Test {
 protected:
  void Add(const std::string& name, const std::string& description, const std::vector<std::string>& keywords,
           const std::string& maintainer = "alice", void (*change)(PackageRecord*) = nullptr) {
    PackageRecord package;
    package.maintainers = {{maintainer, maintainer + "@example.com"}};
    package.version_count = 1;
    package.SetTag("latest", "1.0.0");
    package.latest = LatestSummary{};
    package.latest->version = "1.0.0";
    package.latest->description = description;
    package.latest->keywords = keywords;
    if (change != nullptr) change(&package);
    const auto committed = store_.Commit(PutMutation(engine::Family::kPackage, engine::NameKey(name), Encode(package)));
    ASSERT_TRUE(committed.ok());
    index_.Apply(name, &package);
  }
  SearchAnswer Find(const std::string& text, size_t size = 20, size_t from = 0,
                    const Principal& who = Principal::Anonymous()) {
    const auto snapshot = index_.Take(&store_);
    const auto view = store_.NewReadView();
    auto answer = SearchPackages(**view, *snapshot, &downloads_, who, {text, size, from});
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return std::move(answer).value();
  }
  std::string Names(const std::string& text, size_t size = 20, size_t from = 0) {
    std::string names;
    for (const SearchHit& hit : Find(text, size, from).hits) names += (names.empty() ? "" : " ") + hit.name;
    return names;
  }

  MemStore store_;
  ManualClock clock_;
  SearchIndex index_;
  DownloadCounts downloads_{&store_, RegistryOptions(), &clock_};
};

TEST_F(SearchTest, WordsMustAllMatchSomewhere) {
  Add("left-pad", "Pads a string", {"string", "Padding"});
  Add("right-pad", "Pads on the other side", {});
  Add("unrelated", "nothing", {"misc"});
  EXPECT_EQ(Names("pad"), "left-pad right-pad");
  EXPECT_EQ(Names("PAD left"), "left-pad");
  EXPECT_EQ(Names("padding"), "left-pad");
  EXPECT_EQ(Names("other side"), "right-pad");
  EXPECT_EQ(Names("pad nothing"), "");
  EXPECT_EQ(Names("").size(), std::string("left-pad right-pad unrelated").size());
}

TEST_F(SearchTest, ExactNameComesFirst) {
  Add("react", "ui", {});
  Add("aa-react", "react react", {"react"});
  Add("react-dom", "react", {"react"});
  EXPECT_EQ(Names("react"), "react react-dom aa-react");
}

TEST_F(SearchTest, Qualifiers) {
  Add("@corp/tool", "a tool", {"cli", "fast"}, "alice");
  Add("@corporate/tool", "a tool", {"cli"}, "bob");
  Add("tool", "a tool", {"web"}, "bob");
  EXPECT_EQ(Names("scope:corp"), "@corp/tool");
  EXPECT_EQ(Names("scope:@corp"), "@corp/tool");
  EXPECT_EQ(Names("author:bob"), "@corporate/tool tool");
  EXPECT_EQ(Names("maintainer:alice tool"), "@corp/tool");
  EXPECT_EQ(Names("keywords:cli,web"), "@corp/tool @corporate/tool tool");
  EXPECT_EQ(Names("keywords:cli+fast"), "@corp/tool");
  EXPECT_EQ(Names("keywords:cli,-fast"), "@corporate/tool");
  EXPECT_EQ(Names("keywords:CLI"), "@corp/tool @corporate/tool");
  EXPECT_EQ(Names("tool not:deprecated boost-exact:false"), "tool @corp/tool @corporate/tool");
  EXPECT_EQ(Names("tool is:insecure"), "");
  EXPECT_EQ(Names("tool not:insecure").size(), Names("tool").size());
  EXPECT_EQ(Names("tool is:deprecated"), "");
  EXPECT_EQ(Names("keywords:cli+web"), "");
  EXPECT_EQ(Names("scope:cor"), "");
}

TEST_F(SearchTest, LeavesOutWhatNobodyShouldFind) {
  Add("gone", "match", {}, "alice", [](PackageRecord* package) {
    package->latest.reset();
    package->dist_tags.clear();
    package->unpublished = Unpublished{};
  });
  Add("old", "match", {}, "alice", [](PackageRecord* package) { package->latest->is_deprecated = true; });
  Add("@alice/secret", "match", {}, "alice",
      [](PackageRecord* package) { package->access = PackageAccess::kRestricted; });
  EXPECT_EQ(Names("match"), "");
  const Principal alice{
      .kind = Principal::Kind::kUser, .user = "alice", .is_admin = false, .may_write = false, .token = std::nullopt};
  const SearchAnswer answer = Find("match", 20, 0, alice);
  ASSERT_EQ(answer.hits.size(), 1u);
  EXPECT_EQ(answer.hits[0].name, "@alice/secret");
  EXPECT_EQ(answer.hits[0].maintainers,
            (std::vector<std::pair<std::string, std::string>>{{"alice", "alice@example.com"}}));
}

TEST_F(SearchTest, PagesRepeatNothing) {
  for (int i = 0; i < 25; ++i) Add("pkg-" + std::string(1, static_cast<char>('a' + i)), "same", {});
  std::string all;
  for (size_t from = 0; from < 25; from += 7) {
    EXPECT_EQ(Find("same", 7, from).total, 25u);
    all += Names("same", 7, from) + " ";
  }
  EXPECT_EQ(all, Names("same", 250) + " ");
  EXPECT_EQ(Find("same", 0, 0).hits.size(), 0u);
  EXPECT_EQ(Find("same", 20, 1'000'000).hits.size(), 0u);
}

TEST_F(SearchTest, StateQualifiers) {
  Add("young", "x", {}, "alice", [](PackageRecord* package) { package->latest->version = "0.9.0"; });
  Add("grown", "x", {});
  Add("old", "x", {}, "alice", [](PackageRecord* package) { package->latest->is_deprecated = true; });
  EXPECT_EQ(Names("x is:unstable"), "young");
  EXPECT_EQ(Names("x not:unstable"), "grown");
  EXPECT_EQ(Names("x is:deprecated"), "old");
  EXPECT_EQ(Names("x"), "grown young");
}

TEST_F(SearchTest, RefusesMoreTermsThanAnyoneTypes) {
  std::string text;
  for (size_t i = 0; i < limits::kSearchWordsMax; ++i) text += "w ";
  EXPECT_TRUE(SearchTerms::Parse(text).ok());
  EXPECT_EQ(SearchTerms::Parse(text + "w").code(), Code::kInvalidArgument);
  std::string keywords = "keywords:";
  for (size_t i = 0; i <= limits::kSearchWordsMax; ++i) keywords += "k,";
  EXPECT_EQ(SearchTerms::Parse(keywords).code(), Code::kInvalidArgument);
}

TEST_F(SearchTest, AWordDoesNotReachOverTheEndOfAField) {
  Add("left", "right", {"up", "down"});
  EXPECT_EQ(Names("leftright"), "");
  EXPECT_EQ(Names("updown"), "");
  EXPECT_EQ(Names("tri"), "");
  EXPECT_EQ(Names("left\nright"), "left") << "a control byte parts words";
}

// The index is fed by commits; whatever the order, it must be what a fresh one reads from the store.
TEST_F(SearchTest, FollowsEveryKindOfChange) {
  const uint64_t seed = TestSeeds(1).front();
  SCOPED_TRACE(SeedTrace(seed));
  std::mt19937_64 random(seed);
  EXPECT_EQ(Names("word"), "");  // Loaded while the store is empty.
  for (int i = 0; i < 2000; ++i) {
    const std::string name = "p" + std::to_string(random() % 700);
    switch (random() % 4) {
      case 0: Add(name, "word", {}, "alice", [](PackageRecord* package) { package->latest.reset(); }); break;
      case 1:
        Add(name, "word", {}, "alice", [](PackageRecord* package) { package->access = PackageAccess::kRestricted; });
        break;
      case 2: Add(name, "other", {"k"}, "bob"); break;
      default: Add(name, "word " + std::to_string(i), {"k"}); break;
    }
  }
  SearchIndex fresh;
  for (const char* text : {"word", "other", "k", "keywords:k", "p1", "author:bob p", ""}) {
    const auto terms = SearchTerms::Parse(text);
    const auto names = [&](SearchIndex& index) {
      const auto snapshot = index.Take(&store_);
      std::multiset<std::pair<std::string, bool>> found;
      for (const SearchMatch& match : FindMatches(*snapshot, *terms)) {
        found.emplace(match.row->name + " " + std::to_string(match.score), match.row->is_restricted);
      }
      return found;
    };
    EXPECT_EQ(names(index_), names(fresh)) << text;
    EXPECT_FALSE(names(fresh).empty()) << text;
  }
  EXPECT_EQ(index_.Count(&store_)->published, fresh.Count(&store_)->published);
  EXPECT_EQ(index_.Count(&store_)->unpublished, fresh.Count(&store_)->unpublished);
}

}  // namespace
}  // namespace tarn::registry
