#include "http/api/credentials.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

using Kind = registry::Credentials::Kind;

TEST(ParseAuthorization, TakesBearerAndBasicInAnyCase) {
  EXPECT_EQ(ParseAuthorization("")->kind, Kind::kNone);
  for (const char* header : {"Bearer tok", "bearer tok", "BEARER  tok"}) {
    const auto credentials = ParseAuthorization(header);
    ASSERT_TRUE(credentials.ok()) << header;
    EXPECT_EQ(credentials->kind, Kind::kBearer);
    EXPECT_EQ(credentials->token, "tok");
  }
  const auto basic = ParseAuthorization("Basic Ym9iOnA6dw==");  // bob:p:w
  ASSERT_TRUE(basic.ok());
  EXPECT_EQ(basic->user, "bob");
  EXPECT_EQ(basic->password, "p:w");
}

TEST(ParseAuthorization, RefusesTheRestWithoutRepeatingTheSecret) {
  for (const char* header : {"Digest sesame", "Bearer", "Bearer ", "Basic sesame!", "Basic c2VzYW1l", "sesame"}) {
    const auto credentials = ParseAuthorization(header);
    EXPECT_EQ(credentials.code(), Code::kInvalidArgument) << header;
    EXPECT_EQ(credentials.status().message().find("sesame"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace tarn::http
