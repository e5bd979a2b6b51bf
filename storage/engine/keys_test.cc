#include "storage/engine/keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/random.h"

namespace tarn::engine {
namespace {

// Names over a tiny alphabet, so that prefixes of each other and 0x01 beside the terminator are common.
std::string SmallName(SeededRandom* random) {
  std::string name;
  for (uint64_t size = random->Below(4); size > 0; --size)
    name +=
        "\x01"
        "a\xff"[random->Below(3)];
  return name;
}

TEST(Keys, GoldenBytes) {
  EXPECT_EQ(HexEncode(NameKey("@a/b")), "40612f62");
  EXPECT_EQ(HexEncode(NameAndRestKey("tarn", "1.0.0")), "7461726e00312e302e30");
  EXPECT_EQ(HexEncode(LsnKey(Lsn(258))), "0000000000000102");
  EXPECT_EQ(HexEncode(ByUserKey("ann", ByUserKind::kMaintains, "tarn")), "616e6e00017461726e");
  EXPECT_EQ(HexEncode(ByUserKey("ann", ByUserKind::kToken, "\x07")), "616e6e000207");
}

TEST(Keys, NameAndRestOrdersAsThePairDoes) {
  SeededRandom random(1);
  for (int round = 0; round < 20'000; ++round) {
    const std::string name_a = SmallName(&random), rest_a = random.Bytes(random.Below(3));
    const std::string name_b = SmallName(&random), rest_b = random.Bytes(random.Below(3));
    ASSERT_EQ(NameAndRestKey(name_a, rest_a) < NameAndRestKey(name_b, rest_b),
              std::tie(name_a, rest_a) < std::tie(name_b, rest_b));
  }
}

TEST(Keys, NameAndRestRoundTripsEvenWhenTheRestHoldsZeros) {
  SeededRandom random(2);
  for (int round = 0; round < 1'000; ++round) {
    const std::string name = SmallName(&random), rest = random.Bytes(random.Below(5)) + std::string(1, '\0');
    const std::string key = NameAndRestKey(name, rest);
    const auto parsed = ParseNameAndRestKey(key);
    ASSERT_TRUE(parsed.ok());
    ASSERT_EQ(parsed->name, name);
    ASSERT_EQ(parsed->rest, rest);
  }
  EXPECT_EQ(ParseNameAndRestKey("no terminator").code(), Code::kCorruption);
}

TEST(Keys, PrefixRangeHoldsExactlyTheKeysOfThatName) {
  SeededRandom random(3);
  for (int round = 0; round < 20'000; ++round) {
    const std::string name = SmallName(&random), other = SmallName(&random);
    const std::string key = NameAndRestKey(other, random.Bytes(random.Below(3)));
    const std::string prefix = NamePrefix(name);
    ASSERT_EQ(key >= prefix && key < PrefixEnd(prefix), name == other);
  }
}

TEST(Keys, PrefixEndSkipsTrailingFf) {
  EXPECT_EQ(PrefixEnd("a"), "b");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

TEST(Keys, LsnOrdersAsANumberAndRoundTrips) {
  SeededRandom random(4);
  for (int round = 0; round < 1'000; ++round) {
    const uint64_t a = random.Next() >> random.Below(64), b = random.Next() >> random.Below(64);
    ASSERT_EQ(LsnKey(Lsn(a)) < LsnKey(Lsn(b)), a < b);
    ASSERT_EQ(*ParseLsnKey(LsnKey(Lsn(a))), Lsn(a));
  }
  EXPECT_EQ(ParseLsnKey("1234567").code(), Code::kCorruption);
}

TEST(Keys, ByUserKeepsKindsApartAndGivesTheItemBack) {
  const std::string key = ByUserKey("ann", ByUserKind::kToken, std::string("\0x", 2));
  EXPECT_TRUE(key.starts_with(ByUserPrefix("ann", ByUserKind::kToken)));
  EXPECT_FALSE(key.starts_with(ByUserPrefix("ann", ByUserKind::kMaintains)));
  EXPECT_EQ(*ParseByUserItem(key, "ann"), std::string("\0x", 2));
  EXPECT_EQ(ParseByUserItem("ann", "ann").code(), Code::kCorruption);
}

TEST(Keys, ChangesOrderByLsnThenPackageAndGiveBothBack) {
  SeededRandom random(5);
  for (int round = 0; round < 1'000; ++round) {
    const auto a = std::pair(Lsn(random.Below(4)), SmallName(&random)),
               b = std::pair(Lsn(random.Below(4)), SmallName(&random));
    if (a.second.empty() || b.second.empty()) continue;
    const std::string key = ChangeKey(a.first, a.second);
    ASSERT_EQ(key < ChangeKey(b.first, b.second), a < b);
    ASSERT_LT(ChangeKey(a.first, ""), key);
    ASSERT_TRUE(key.starts_with(ChangePrefix(ChangeKind::kByLsn)));
    ASSERT_EQ(ParseChangeKey(key)->lsn, a.first);
    ASSERT_EQ(ParseChangeKey(key)->package, a.second);
    ASSERT_EQ(ParseChangeKey(LastChangeKey(a.second + "123456789")).code(), Code::kCorruption);
  }
  EXPECT_EQ(HexEncode(ChangeKey(Lsn(258), "ab")), "0100000000000001026162");
  EXPECT_EQ(HexEncode(LastChangeKey("ab")), "026162");
  EXPECT_EQ(ParseChangeKey(ChangeKey(Lsn(1), "")).code(), Code::kCorruption) << "of no package";
}

TEST(KeysDeathTest, RefusesAStringWithTheTerminatorInside) {
  EXPECT_DEATH(NamePrefix(std::string_view("a\0b", 3)), "CHECK failed");
}

}  // namespace
}  // namespace tarn::engine
