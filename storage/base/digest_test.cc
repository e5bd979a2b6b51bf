#include "storage/base/digest.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/md5_stream.h"

namespace tarn {
namespace {

TEST(Digest, MatchesPublishedVectors) {  // FIPS 180-4 "abc", RFC 4231 case 2.
  EXPECT_EQ(HexEncode(Sha1("abc").view()), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(HexEncode(Sha256("abc").view()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(HmacSha256("Jefe", "what do ya want for nothing?").view()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexEncode(HmacSha1("Jefe", "what do ya want for nothing?").view()),  // RFC 2202, case 2.
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(HexEncode(Md5("abc")), "900150983cd24fb0d6963f7d28e17f72");  // RFC 1321.
}

TEST(BlobHasher, GivesTheSameInPieces) {
  BlobHasher hasher;
  hasher.Update("a");
  hasher.Update("");
  hasher.Update("bc");
  const auto digests = hasher.Finish();
  EXPECT_EQ(digests.sha512, Sha512("abc"));
  EXPECT_EQ(digests.sha1, Sha1("abc"));
}

TEST(Md5Stream, GivesTheSameInPiecesAndBeginsAnew) {
  Md5Stream stream;
  stream.Update("a");
  stream.Update("");
  stream.Update("bc");
  EXPECT_EQ(stream.Finish(), Md5("abc"));
  EXPECT_EQ(stream.Finish(), Md5(""));
}

}  // namespace
}  // namespace tarn
