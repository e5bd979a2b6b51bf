#include "storage/engine/value_frame.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"

namespace tarn::engine {
namespace {

TEST(ValueFrame, GoldenBytes) { EXPECT_EQ(HexEncode(FrameValue(Family::kSetting, "on")), "0a016f6e681eb6ee5a901109"); }

TEST(ValueFrame, RoundTripsFromNothingUpwards) {
  for (const size_t size : {0, 1, 16, 240, 241, 5000}) {
    const std::string payload(size, 'x');
    const std::string value = FrameValue(Family::kPackage, payload);
    EXPECT_EQ(value.size(), size + kValueHeaderBytes + kValueTrailerBytes);
    EXPECT_EQ(*UnframeValue(Family::kPackage, value), payload);
  }
}

TEST(ValueFrame, NoticesEveryFlippedBitAndEveryMissingByte) {
  const std::string value = FrameValue(Family::kPackage, "payload");
  for (size_t bit = 0; bit < value.size() * 8; ++bit) {
    std::string damaged = value;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(UnframeValue(Family::kPackage, damaged).code(), Code::kCorruption) << "bit " << bit;
  }
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(UnframeValue(Family::kPackage, value.substr(0, size)).code(), Code::kCorruption) << size;
  }
}

TEST(ValueFrame, NoticesAValueOfAnotherFamily) {
  EXPECT_EQ(UnframeValue(Family::kVersion, FrameValue(Family::kPackage, "x")).code(), Code::kCorruption);
}

}  // namespace
}  // namespace tarn::engine
