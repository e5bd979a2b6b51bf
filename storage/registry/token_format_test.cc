#include "storage/registry/token_format.h"

#include <gtest/gtest.h>

#include <set>

namespace tarn::registry {
namespace {

TEST(TokenFormat, TokensAreWellFormedUrlSafeAndDifferent) {
  SeededRandom random(1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = MakeToken(&random);
    EXPECT_EQ(token.size(), 54u);
    EXPECT_TRUE(token.starts_with("tarn_"));
    EXPECT_EQ(token.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"),
              std::string::npos);
    EXPECT_TRUE(IsTokenWellFormed(token));
    EXPECT_TRUE(token.starts_with(PreviewOfToken(token)));
    EXPECT_LT(PreviewOfToken(token).size(), 12u);
    seen.insert(token);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(TokenFormat, EveryChangedCharacterIsNoticed) {
  SeededRandom random(2);
  const std::string token = MakeToken(&random);
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(IsTokenWellFormed(changed)) << i;
  }
  EXPECT_FALSE(IsTokenWellFormed(token.substr(0, token.size() - 1)));
  EXPECT_FALSE(IsTokenWellFormed(token + "x"));
  EXPECT_FALSE(IsTokenWellFormed(""));
}

}  // namespace
}  // namespace tarn::registry
