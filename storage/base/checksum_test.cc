#include "storage/base/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn {
namespace {

// Of the empty input: the value xxHash's specification gives for XXH3-64 with seed 0.
TEST(Checksum64, IsXxh3WithSeedZero) { EXPECT_EQ(Checksum64(""), 0x2d06800538d394c2u); }

TEST(Checksum128, IsXxh3WithSeedZero) {
  EXPECT_EQ(Checksum128(""), (std::array<uint64_t, 2>{0x6001c324468d497fu, 0x99aa06d3014798d8u}));
}

TEST(Checksum64, IsTheSameInPiecesOfAnySize) {
  std::string bytes(1000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  Checksum64Stream stream;
  for (const size_t piece : {1u, 7u, 64u, 999u, 1000u}) {
    stream.Reset();
    for (size_t at = 0; at < bytes.size(); at += piece) stream.Update(std::string_view(bytes).substr(at, piece));
    EXPECT_EQ(stream.Sum(), Checksum64(bytes)) << "pieces of " << piece;
  }
}

}  // namespace
}  // namespace tarn
