#include <gtest/gtest.h>

#include "storage/base/result.h"

namespace tarn {
namespace {

TEST(Status, IsOnePointer) { EXPECT_EQ(sizeof(Status), sizeof(void*)); }

TEST(Status, KeepsCodeAndMessageThroughCopyAndContext) {
  const Status status = NotFound("package x");
  const Status copy = status.WithContext("read");
  EXPECT_EQ(copy.code(), Code::kNotFound);
  EXPECT_EQ(copy.ToString(), "NotFound: read: package x");
  EXPECT_TRUE(OkStatus().WithContext("read").ok());
}

Result<int> Half(int number) {
  if (number % 2 != 0) return InvalidArgument("odd");
  return number / 2;
}
Result<int> Quarter(int number) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

TEST(Result, PropagatesTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().ToString(), "InvalidArgument: odd");
}

TEST(ResultDeathTest, ValueOfAnErrorAborts) { EXPECT_DEATH((void)Half(1).value(), "odd"); }

}  // namespace
}  // namespace tarn
