#include "storage/base/bytes.h"

#include <gtest/gtest.h>

#include "storage/base/random.h"

namespace tarn {
namespace {

TEST(Hex, RoundTripsAndNamesTheBadOffset) {
  EXPECT_EQ(HexEncode(std::string_view("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(*HexDecode("00FF10"), std::string("\x00\xff\x10", 3));
  EXPECT_EQ(HexDecode("0").code(), Code::kInvalidArgument);
  EXPECT_EQ(HexDecode("0g").code(), Code::kInvalidArgument);
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  EXPECT_EQ(Base64Encode(""), "");
  EXPECT_EQ(Base64Encode("f"), "Zg==");
  EXPECT_EQ(Base64Encode("fo"), "Zm8=");
  EXPECT_EQ(Base64Encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Base64UrlEncode("\xfb\xff"), "-_8");
}

TEST(Base64, RefusesWhatIsNotCanonicalLength) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "=", "Z=g=", "Zg==Zg==", "Zm 8=", "Zm8=\n", "Zm-_"}) {
    EXPECT_FALSE(Base64Decode(text).ok()) << text;
  }
}

TEST(Base64, DecodesTheSameInWhateverPiecesItComes) {
  SeededRandom random(7);
  for (size_t size = 0; size < 70; ++size) {
    const std::string plain = random.Bytes(size);
    const std::string text = Base64Encode(plain);
    for (size_t step = 1; step < 9; ++step) {
      Base64StreamDecoder decoder;
      std::string out;
      for (size_t i = 0; i < text.size(); i += step) {
        ASSERT_TRUE(decoder.Decode(std::string_view(text).substr(i, step), &out).ok());
      }
      ASSERT_TRUE(decoder.Finish().ok());
      ASSERT_EQ(out, plain);
    }
  }
}

TEST(Base64, NothingMayFollowThePaddingWhereverThePiecesEnd) {
  const std::string_view text = "Zm9vZg==AAAA";
  for (size_t step = 1; step <= text.size(); ++step) {
    Base64StreamDecoder decoder;
    std::string out;
    Status status;
    for (size_t i = 0; i < text.size() && status.ok(); i += step) status = decoder.Decode(text.substr(i, step), &out);
    EXPECT_EQ(status.message(), "base64: unexpected character at offset 8") << step;
  }
}

TEST(Base64, ErrorNamesTheOffsetInTheStream) {
  Base64StreamDecoder decoder;
  std::string out;
  ASSERT_TRUE(decoder.Decode("Zm9v", &out).ok());
  EXPECT_EQ(decoder.Decode("Zm*v", &out).message(), "base64: unexpected character at offset 6");
}

TEST(BigEndian, OrdersAsNumbers) {
  std::string small, large;
  AppendBigEndian64(&small, 255);
  AppendBigEndian64(&large, 256);
  EXPECT_LT(small, large);
  EXPECT_EQ(LoadBigEndian64(large.data()), 256u);
}

}  // namespace
}  // namespace tarn
