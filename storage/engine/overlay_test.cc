#include "storage/engine/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/random.h"
#include "storage/testing/builders.h"
#include "storage/testing/mem_store.h"

namespace tarn::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using Entries = std::vector<std::pair<std::string, std::string>>;

Entries ScanAll(const ReadView& view, std::string_view lower, std::string_view upper, size_t count_max = 1000) {
  Entries entries;
  EXPECT_TRUE(view.Scan(Family::kUser, lower, upper,
                        [&](std::string_view key, std::string_view value) {
                          entries.emplace_back(key, value);
                          return entries.size() < count_max;
                        })
                  .ok());
  return entries;
}

TEST(Overlay, ChangesHideTheBase) {
  MemStore store;
  ASSERT_TRUE(store.Commit(MutationOf({Put(Family::kUser, "a", "1"), Put(Family::kUser, "b", "1")})).ok());
  const auto base = store.NewReadView();
  Overlay overlay(**base);
  const Change changes[] = {Delete(Family::kUser, "a"), Put(Family::kUser, "c", "2"), Put(Family::kOrg, "b", "2")};
  for (const Change& change : changes) overlay.Apply(change);
  EXPECT_EQ(*overlay.Get(Family::kUser, "a"), std::nullopt);
  EXPECT_EQ(**overlay.Get(Family::kUser, "b"), "1");
  EXPECT_EQ(**overlay.Get(Family::kOrg, "b"), "2");
  EXPECT_THAT(ScanAll(overlay, "", ""), ElementsAre(Pair("b", "1"), Pair("c", "2")));
  EXPECT_EQ(overlay.lsn(), Lsn(1));
}

TEST(Overlay, ALaterChangeOfAKeyWins) {
  MemStore store;
  const auto base = store.NewReadView();
  Overlay overlay(**base);
  const Change first = Put(Family::kUser, "a", "1");
  const Change second = Delete(Family::kUser, "a");
  overlay.Apply(first);
  EXPECT_EQ(**overlay.Get(Family::kUser, "a"), "1");
  overlay.Apply(second);
  EXPECT_EQ(*overlay.Get(Family::kUser, "a"), std::nullopt);
}

// The merged view equals a store in which the changes were committed.
TEST(Overlay, ScansLikeAStoreWithTheChangesCommitted) {
  SeededRandom random(3);
  const auto random_key = [&random] { return std::string(1, static_cast<char>('a' + random.Below(10))); };
  for (int round = 0; round < 300; ++round) {
    MemStore before, after;
    std::vector<Change> changes;
    for (uint64_t n = random.Below(10); n > 0; --n) {
      const std::string key = random_key();
      ASSERT_TRUE(before.Commit(PutMutation(Family::kUser, key, "old")).ok());
      ASSERT_TRUE(after.Commit(PutMutation(Family::kUser, key, "old")).ok());
    }
    for (uint64_t n = random.Below(10); n > 0; --n) {
      changes.push_back(random.Below(3) == 0 ? Delete(Family::kUser, random_key())
                                             : Put(Family::kUser, random_key(), "new"));
      ASSERT_TRUE(after.Commit(MutationOf({changes.back()})).ok());
    }
    const auto base = before.NewReadView();
    const auto expected = after.NewReadView();
    Overlay overlay(**base);
    for (const Change& change : changes) overlay.Apply(change);
    const std::string lower = random.Below(2) == 0 ? "" : random_key();
    const std::string upper = random.Below(2) == 0 ? "" : random_key();
    const size_t count_max = 1 + random.Below(12);
    ASSERT_EQ(ScanAll(overlay, lower, upper, count_max), ScanAll(**expected, lower, upper, count_max));
  }
}

}  // namespace
}  // namespace tarn::engine
