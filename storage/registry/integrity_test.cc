#include "storage/registry/integrity.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"

namespace tarn::registry {
namespace {

BlobHasher::Digests DigestsOf(std::string_view bytes) {
  BlobHasher hasher;
  hasher.Update(bytes);
  return hasher.Finish();
}

// Of "abc": FIPS 180-2 appendix values.
constexpr char kSha1OfAbc[] = "a9993e364706816aba3e25717850c26c9cd0d89d";
constexpr char kSha512OfAbc[] =
    "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/"
    "BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";

TEST(Integrity, FormatsAsNpmDoes) {
  const auto digests = DigestsOf("abc");
  EXPECT_EQ(FormatIntegrity(digests.sha512), kSha512OfAbc);
  EXPECT_EQ(FormatShasum(digests.sha1), kSha1OfAbc);
  EXPECT_EQ(*ParseSha512Integrity(kSha512OfAbc), digests.sha512);
  EXPECT_EQ(*ParseShasum(kSha1OfAbc), digests.sha1);
  EXPECT_EQ(*ParseShasum("A9993E364706816ABA3E25717850C26C9CD0D89D"), digests.sha1);
}

TEST(Integrity, ChecksTheStrongestHashThatIsComputed) {
  const auto abc = DigestsOf("abc");
  const auto other = DigestsOf("abd");
  const std::string sha1_of_abc = "sha1-" + Base64Encode(abc.sha1.view());
  const std::string sha1_of_other = "sha1-" + Base64Encode(other.sha1.view());
  const std::string sha512_of_other = FormatIntegrity(other.sha512);
  const std::string sha256 = "sha256-" + Base64Encode(Sha256("abc").view());
  const struct {
    std::string text;
    bool matches;
  } cases[] = {
      {kSha512OfAbc, true},
      {sha1_of_abc, true},
      {sha512_of_other, false},
      {sha1_of_other, false},
      // Any of several hashes of one algorithm.
      {sha512_of_other + " " + kSha512OfAbc, true},
      {std::string(kSha512OfAbc) + "\n\t" + sha512_of_other, true},
      // A weaker one neither saves nor spoils.
      {sha512_of_other + " " + sha1_of_abc, false},
      {std::string(kSha512OfAbc) + " " + sha1_of_other, true},
      // Options and unknown algorithms are passed over.
      {std::string(kSha512OfAbc) + "?option=1", true},
      {"sha3-AAAA " + std::string(kSha512OfAbc), true},
      // Nothing that we compute.
      {sha256, false},
  };
  for (const auto& test : cases) {
    const Result<Integrity> integrity = Integrity::Parse(test.text);
    ASSERT_TRUE(integrity.ok()) << test.text << integrity.status().ToString();
    EXPECT_EQ(integrity->Check(abc).ok(), test.matches) << test.text;
  }
}

TEST(Integrity, MismatchNamesBothSides) {
  const Status status = Integrity::Parse(kSha512OfAbc)->Check(DigestsOf("abd"));
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find(kSha512OfAbc), std::string_view::npos);
  EXPECT_NE(status.message().find(FormatIntegrity(DigestsOf("abd").sha512)), std::string_view::npos);
}

TEST(Integrity, RefusesMalformedText) {
  const std::string short_sha512 = "sha512-" + Base64Encode(std::string(63, 'x'));
  const std::string long_sha1 = "sha1-" + Base64Encode(std::string(21, 'x'));
  for (const std::string& text :
       {std::string(), std::string("   "), std::string("sha512"), std::string("sha512-"), std::string("-abcd"),
        std::string("SHA512-AAAA"), std::string("sha512-!!!!"), std::string("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J"),
        std::string("md5-1B2M2Y8AsgTpgAmY7PhCfg=="), std::string("sha512?-AAAA"), short_sha512, long_sha1,
        std::string(kSha512OfAbc) + " rubbish"}) {
    EXPECT_EQ(Integrity::Parse(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(Integrity, LengthIsLimited) {
  std::string text = kSha512OfAbc;
  text.resize(limits::kIntegrityBytesMax, ' ');
  EXPECT_TRUE(Integrity::Parse(text).ok());
  EXPECT_FALSE(Integrity::Parse(text + " ").ok());
}

TEST(Integrity, Sha512MustBeThereAndUnambiguous) {
  const std::string other = FormatIntegrity(DigestsOf("abd").sha512);
  EXPECT_TRUE(ParseSha512Integrity(std::string(kSha512OfAbc) + " " + kSha512OfAbc).ok());
  EXPECT_FALSE(ParseSha512Integrity(std::string(kSha512OfAbc) + " " + other).ok());
  EXPECT_FALSE(ParseSha512Integrity("sha1-" + Base64Encode(Sha1("abc").view())).ok());
}

TEST(Shasum, RefusesAnythingButFortyHexDigits) {
  EXPECT_TRUE(CheckShasum(kSha1OfAbc, Sha1("abc")).ok());
  EXPECT_FALSE(CheckShasum(kSha1OfAbc, Sha1("abd")).ok());
  for (const char* text : {"", "a9993e364706816aba3e25717850c26c9cd0d89", "a9993e364706816aba3e25717850c26c9cd0d89d0",
                           "g9993e364706816aba3e25717850c26c9cd0d89d"}) {
    EXPECT_EQ(CheckShasum(text, Sha1("abc")).code(), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace tarn::registry
