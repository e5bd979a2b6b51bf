#include "storage/base/base64url.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/random.h"

namespace tarn {
namespace {

TEST(Base64Url, DecodesWhatIsEncoded) {
  SeededRandom random(7);
  for (size_t size = 0; size < 70; ++size) {
    const std::string bytes = random.Bytes(size);
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(bytes)).value(), bytes) << size;
  }
  EXPECT_EQ(Base64UrlDecode("-_8").value(), "\xfb\xff");
}

TEST(Base64Url, HasOneTextForEveryBytes) {
  for (const char* text : {"A", "AAAAA", "AA==", "AA=", "A A", "AA\n", "+/8", "AB", "AAB", "-_9"}) {
    EXPECT_EQ(Base64UrlDecode(text).code(), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace tarn
