#include "http/api/content_decoder.h"

#include <gtest/gtest.h>

#include "storage/base/limits.h"
#include "storage/testing/gzip.h"

namespace tarn::http {
namespace {

TEST(ContentDecoder, DecodesInAnyPieces) {
  const std::string plain(50'000, 'a');
  const std::string packed = Gzip(plain);
  for (const size_t step : {size_t{1}, size_t{7}, packed.size()}) {
    auto decoder = ContentDecoder::Create("x-gzip", plain.size());
    ASSERT_TRUE(decoder.ok());
    std::string out;
    for (size_t i = 0; i < packed.size(); i += step) {
      ASSERT_TRUE(decoder->Decode(std::string_view(packed).substr(i, step), &out).ok());
    }
    EXPECT_TRUE(decoder->Finish().ok());
    EXPECT_EQ(out, plain);
  }
}

TEST(ContentDecoder, BoundsWhatComesOut) {
  const std::string packed = Gzip(std::string(50'000, 'a'));
  auto decoder = ContentDecoder::Create("gzip", 49'999);
  std::string out;
  EXPECT_EQ(decoder->Decode(packed, &out).code(), Code::kTooLarge);
  auto plain = ContentDecoder::Create("", 3);
  EXPECT_TRUE(plain->Decode("abc", &out).ok());
  EXPECT_EQ(plain->Decode("d", &out).code(), Code::kTooLarge);
}

TEST(ContentDecoder, HandsABombOnInSmallPieces) {
  const std::string packed = Gzip(std::string(16 * limits::kMiB, '\0'));
  ASSERT_LT(packed.size(), 100'000u);
  auto decoder = ContentDecoder::Create("gzip", limits::kGiB);
  uint64_t total = 0;
  size_t largest = 0;
  const auto count = [&](std::string_view piece) {
    total += piece.size();
    largest = std::max(largest, piece.size());
    return OkStatus();
  };
  EXPECT_TRUE(decoder->Decode(packed, count).ok());
  EXPECT_EQ(total, 16 * limits::kMiB);
  EXPECT_LE(largest, 64 * limits::kKiB);
  EXPECT_TRUE(decoder->Finish().ok());
}

TEST(ContentDecoder, EndsWithTheFirstErrorOfItsReader) {
  const std::string packed = Gzip(std::string(limits::kMiB, 'a'));
  auto decoder = ContentDecoder::Create("gzip", limits::kGiB);
  int calls = 0;
  const auto refuse = [&](std::string_view) {
    ++calls;
    return Conflict("enough");
  };
  EXPECT_EQ(decoder->Decode(packed, refuse).code(), Code::kConflict);
  EXPECT_EQ(calls, 1);
}

TEST(ContentDecoder, RefusesWhatIsBroken) {
  const std::string packed = Gzip("hello");
  std::string out;
  auto truncated = ContentDecoder::Create("gzip", 100);
  ASSERT_TRUE(truncated->Decode(packed.substr(0, packed.size() - 1), &out).ok());
  EXPECT_EQ(truncated->Finish().code(), Code::kInvalidArgument);
  auto trailing = ContentDecoder::Create("gzip", 100);
  EXPECT_EQ(trailing->Decode(packed + "x", &out).code(), Code::kInvalidArgument);
  auto garbage = ContentDecoder::Create("gzip", 100);
  EXPECT_EQ(garbage->Decode("not gzip at all", &out).code(), Code::kInvalidArgument);
  EXPECT_EQ(ContentDecoder::Create("br", 100).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tarn::http
