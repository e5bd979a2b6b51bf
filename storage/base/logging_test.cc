#include "storage/base/logging.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(JsonString, EscapesControlBytesAndQuotes) {
  EXPECT_EQ(JsonString("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\n\\u0001\"");
  EXPECT_EQ(JsonString("grün 🎉"), "\"grün 🎉\"");
}

TEST(JsonString, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(JsonString("a\xff"), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(JsonString("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");                  // Overlong.
  EXPECT_EQ(JsonString("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // A surrogate.
  EXPECT_EQ(JsonString("\xf0\x9f"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");                  // Cut off.
}

}  // namespace
}  // namespace tarn
