#include "storage/engine/state_hash.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "storage/base/random.h"

namespace tarn::engine {
namespace {

TEST(StateHash, GoldenWords) {
  const StateHash hash = HashEntry(Family::kSetting, "color", "green");
  EXPECT_EQ(hash.words()[0], 6236529177154186520u);
  EXPECT_EQ(hash.words()[1], 14502463305641317914u);
}

TEST(StateHash, CarriesBetweenTheWords) {
  StateHash sum({~uint64_t{0}, 1});
  sum.Add(StateHash({1, 0}));
  EXPECT_EQ(sum, StateHash({0, 2}));
  sum.Subtract(StateHash({1, 0}));
  EXPECT_EQ(sum, StateHash({~uint64_t{0}, 1}));
  sum = StateHash();
  sum.Subtract(StateHash({1, 0}));
  EXPECT_EQ(sum, StateHash({~uint64_t{0}, ~uint64_t{0}}));
}

TEST(StateHash, DependsOnTheLiveEntriesAloneNotOnHowTheyCameAbout) {
  SeededRandom random(11);
  for (int round = 0; round < 50; ++round) {
    StateHash running;
    std::map<std::string, std::string> model;
    for (int step = 0; step < 200; ++step) {
      const std::string key(1, static_cast<char>('a' + random.Below(8)));
      if (const auto old = model.find(key); old != model.end()) {
        running.Subtract(HashEntry(Family::kPackage, key, old->second));
        model.erase(old);
      }
      if (random.Below(3) == 0) continue;
      model[key] = random.Bytes(random.Below(1200));
      running.Add(HashEntry(Family::kPackage, key, model[key]));
    }
    StateHash fresh;
    for (const auto& [key, value] : model) fresh.Add(HashEntry(Family::kPackage, key, value));
    ASSERT_EQ(running, fresh);
  }
}

TEST(StateHash, EntriesDifferWhereverABoundaryMoves) {
  EXPECT_NE(HashEntry(Family::kPackage, "ab", "c"), HashEntry(Family::kPackage, "a", "bc"));
  EXPECT_NE(HashEntry(Family::kPackage, "a", "b"), HashEntry(Family::kVersion, "a", "b"));
}

}  // namespace
}  // namespace tarn::engine
