#include "storage/registry/couch_hash.h"

#include <gtest/gtest.h>

namespace tarn::registry {
namespace {

// Made by CouchDB 3.5.0 and 1.6.1 (migrate/testdata/couchdb/expected.json).
struct HashCase {
  std::string scheme, prf, iterations, salt, derived, password;
};

const HashCase kCases[] = {
    {"simple", "", "", "8494b526c7c72ddcd597b94e51e1bf6a", "f79dab1e30a8f942d8c335aa8bef176103d47e78", "bob-secret"},
    {"", "", "", "6bb308e740cfab35d5ec9378a829de88", "ab83d54880b59d5a32d95120e744ed36b5cf9bbc", "carol-secret"},
    {"pbkdf2", "", "10", "e09529e9997b1e4cfc55f51171751d36", "9aecad6239c631d0e562ccbca2c8fd71abff34a1", "dave-secret"},
    {"pbkdf2", "sha256", "50000", "a904cc7435970f243f73a71e3b9f7bf1",
     "dc59dfcd265ea4891176d5a33f65abd789cd1fd97f51db06a45da7f24a5a2a4b", "erin-secret"},
    {"pbkdf2", "sha512", "1000", "7ca1ca53e7b865eb563a08fee0a3452a",
     "a1dfbc1a7571cf0c72e15c3123b7ee7df438eb2281c55d05b4e85685aaeb26f7d524b4d7f432756160eeedb717622e4b86b2ee96c92e1e43c"
     "114"
     "f194c2ec54f5",
     "frank-secret"},
};

TEST(CouchHash, KnowsThePasswordsOfRealAccounts) {
  for (const HashCase& test : kCases) {
    const auto hash = MakeCouchHash(test.scheme, test.prf, test.iterations, test.salt, test.derived);
    ASSERT_TRUE(hash.ok()) << test.password << hash.status().ToString();
    EXPECT_TRUE(IsCouchHash(*hash));
    EXPECT_TRUE(MatchesCouch(*hash, test.password)) << test.password;
    EXPECT_FALSE(MatchesCouch(*hash, test.password + "x"));
    EXPECT_FALSE(MatchesCouch(*hash, ""));
  }
}

TEST(CouchHash, RefusesWhatItCannotCheck) {
  EXPECT_FALSE(MakeCouchHash("bcrypt", "", "", "salt", "00").ok());
  EXPECT_FALSE(MakeCouchHash("pbkdf2", "md5", "10", "salt", "00").ok());
  EXPECT_FALSE(MakeCouchHash("pbkdf2", "sha256", "0", "salt", "00").ok());
  EXPECT_FALSE(MakeCouchHash("pbkdf2", "sha256", "99999999", "salt", "00").ok());
  EXPECT_FALSE(MakeCouchHash("pbkdf2", "sha256", "ten", "salt", "00").ok());
  EXPECT_FALSE(MakeCouchHash("simple", "", "", "salt", "no hex").ok());
  EXPECT_FALSE(MakeCouchHash("simple", "", "", "salt", "").ok());
  EXPECT_FALSE(MakeCouchHash("simple", "", "", "s$lt", "00").ok());
}

TEST(CouchHash, TakesNoOtherText) {
  for (const char* text : {"", "$couch-simple$", "$couch-simple$a", "$couch-simple$a$b$c", "$couch-pbkdf2$sha$10$salt",
                           "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"}) {
    EXPECT_FALSE(IsCouchHash(text)) << text;
    EXPECT_FALSE(MatchesCouch(text, "x")) << text;
  }
}

}  // namespace
}  // namespace tarn::registry
