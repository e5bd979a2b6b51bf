#include "storage/registry/htpasswd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "storage/base/limits.h"
#include "storage/testing/manual_clock.h"

namespace tarn::registry {
namespace {

// Each made by a program of somebody else: openssl passwd, libxcrypt.
constexpr const char* kHashesOfRightHorse[] = {
    "$apr1$abcdefgh$lxT04ScTFV9Vu/SVyAu3m1",
    "$1$abcdefgh$CTQfWzXR.wYfr/obo6BDZ.",
    "$5$abcdefgh$7K0jYVpn8NEY/jPJE8u2Tb/TiHnFitkVOnkon/DZhnA",
    "$6$abcdefgh$d3JU7opb2UkJZux2SwBmGX8Hkza1nQ9YCB6fmlRP0qoYXSC7r5OhNEIDazC8SzaMoIByP9GLcjGV8VBWXaMRW0",
    "$2b$05$abcdefghijklmnopqrstuuB05BVy0V7KomGh8K56xgiHLq3Wkqh46",
    "$2y$05$abcdefghijklmnopqrstuuB05BVy0V7KomGh8K56xgiHLq3Wkqh46",
    "$y$j75$abcdefgh$kOi/h.z60i6yTY6dHJKPKeFkj.x2gwgNHXaVfYTSLP7",
    "ab2CdNnlmtgyA",
    "{SHA}/KuS/jlxUFlZsIzQk7AVsVz2PMw=",
};

TEST(HtpasswdHash, EveryKindKnowsItsPassword) {
  for (const char* hash : kHashesOfRightHorse) {
    EXPECT_TRUE(IsHtpasswdHash(hash)) << hash;
    EXPECT_TRUE(MatchesHtpasswd(hash, "right horse")) << hash;
    for (const char* wrong : {"", "rigid horse", "wrong horse"}) EXPECT_FALSE(MatchesHtpasswd(hash, wrong)) << hash;
    EXPECT_FALSE(MatchesHtpasswd(hash, std::string_view("right horse\0x", 13))) << "a NUL does not end a password";
  }
  EXPECT_TRUE(MatchesHtpasswd("$apr1$ab$vCRbZwmfS.hgWzhQUeJHd1", "a-much-longer-password-than-sixteen-bytes"));
}

TEST(HtpasswdHash, OthersAreNoHashes) {
  for (const char* text : {"", "secret", "$2y$05$short", "$2y$31$abcdefghijklmnopqrstuuB05BVy0V7KomGh8K56xgiHLq3Wkqh46",
                           "$2x$05$abcdefghijklmnopqrstuuB05BVy0V7KomGh8K56xgiHLq3Wkqh46", "{SHA}AAAA", "{SHA}!",
                           "$apr1$morethaneight$x", "$argon2id$v=19$m=1", "*", "!"}) {
    EXPECT_FALSE(IsHtpasswdHash(text)) << text;
    EXPECT_FALSE(MatchesHtpasswd(text, "secret")) << text;
    EXPECT_FALSE(MatchesHtpasswd(text, text)) << "the hash itself is no password";
  }
}

TEST(Htpasswd, LinesThatCannotBeUsedArePassedOver) {
  const Htpasswd parsed = ParseHtpasswd(
      "# people\n\nalice:{SHA}/KuS/jlxUFlZsIzQk7AVsVz2PMw=\r\nalice:ab2CdNnlmtgyA\n"
      "bob:ab2CdNnlmtgyA:more\nno colon\nCarol:ab2CdNnlmtgyA\ndave:secret\n../eve:ab2CdNnlmtgyA");
  EXPECT_EQ(parsed.hashes.size(), 2u);
  EXPECT_EQ(parsed.hashes.at("alice"), "{SHA}/KuS/jlxUFlZsIzQk7AVsVz2PMw=") << "the first line counts";
  EXPECT_EQ(parsed.hashes.at("bob"), "ab2CdNnlmtgyA");
  EXPECT_THAT(parsed.problems,
              ::testing::ElementsAre(::testing::StartsWith("line 6"), ::testing::StartsWith("line 7"),
                                     ::testing::StartsWith("line 8"), ::testing::StartsWith("line 9")));
  for (const std::string& problem : parsed.problems) EXPECT_EQ(problem.find("secret"), std::string::npos);
}

TEST(HtpasswdFile, IsReadAgainWhenItChanged) {
  const std::string path = ::testing::TempDir() + "tarn-htpasswd-test";
  std::remove(path.c_str());
  ManualClock clock;
  HtpasswdFile file(path, &clock);
  EXPECT_EQ(file.Find("alice"), std::nullopt) << "no file, nobody";
  std::ofstream(path) << "alice:ab2CdNnlmtgyA\n";
  EXPECT_EQ(file.Find("alice"), std::nullopt) << "not looked at yet";
  const uint64_t before = file.generation();
  clock.AdvanceMs(limits::kHtpasswdRecheckMs);
  EXPECT_EQ(file.Find("alice"), "ab2CdNnlmtgyA");
  EXPECT_NE(file.generation(), before);
  const uint64_t unchanged = file.generation();
  clock.AdvanceMs(limits::kHtpasswdRecheckMs);
  EXPECT_EQ(file.generation(), unchanged);
  std::remove(path.c_str());
  clock.AdvanceMs(limits::kHtpasswdRecheckMs);
  EXPECT_EQ(file.Find("alice"), std::nullopt) << "gone: closed, not as it was";
}

}  // namespace
}  // namespace tarn::registry
