#include "storage/base/compress.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(Zstd, RoundTripsAndAppends) {
  const std::string plain(10'000, 'x');
  for (const std::string_view text : {std::string_view(), std::string_view("a"), std::string_view(plain)}) {
    std::string out = "head";
    ZstdAppend(text, 3, &out);
    ASSERT_EQ(out.substr(0, 4), "head");
    std::string back;
    ASSERT_TRUE(ZstdExtract(std::string_view(out).substr(4), text.size(), &back).ok());
    EXPECT_EQ(back, text);
  }
}

TEST(Zstd, RefusesAFrameOfAnotherSizeOrCutShort) {
  std::string frame;
  ZstdAppend("some text", 3, &frame);
  std::string out;
  EXPECT_EQ(ZstdExtract(frame, 8, &out).code(), Code::kCorruption);
  EXPECT_EQ(ZstdExtract(frame, 10, &out).code(), Code::kCorruption);
  EXPECT_EQ(ZstdExtract(frame.substr(0, frame.size() - 1), 9, &out).code(), Code::kCorruption);
  EXPECT_EQ(ZstdExtract("", 0, &out).ok(), true) << "no frame holds no bytes";
  EXPECT_EQ(ZstdExtract("not a frame", 9, &out).code(), Code::kCorruption);
}

}  // namespace
}  // namespace tarn
