#include "http/api/error_response.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

TEST(ErrorResponse, SatisfiesEveryGenerationOfClients) {
  const Response response = ErrorResponse(Conflict("say \"again\""));
  EXPECT_EQ(response.status(), 409);
  EXPECT_EQ(response.text(),
            R"({"error":"say \"again\"","message":"say \"again\"","reason":"say \"again\"","code":"conflict"})");
  EXPECT_EQ(response.FindHeader("content-type"), "application/json");
  EXPECT_EQ(response.FindHeader("cache-control"), "no-store");
}

TEST(ErrorResponse, AddsWhatTheStatusCallsFor) {
  EXPECT_EQ(ErrorResponse(Unavailable("x")).FindHeader("retry-after"), "5");
  EXPECT_NE(ErrorResponse(Unauthenticated("x")).FindHeader("www-authenticate"), "");
  EXPECT_EQ(ErrorResponse(OutOfSpace("x")).status(), 507);
  const Response one_time = ErrorResponse(SecondFactorNeeded("x"));
  EXPECT_EQ(one_time.status(), 401);
  EXPECT_EQ(one_time.FindHeader("www-authenticate"), "OTP") << "the token that npm, pnpm and yarn look for";
}

TEST(ErrorResponse, KeepsInternalsInside) {
  const Response response = ErrorResponse(IoError("write /secret/path: Input/output error"));
  EXPECT_EQ(response.status(), 500);
  EXPECT_EQ(response.text().find("secret"), std::string_view::npos);
}

}  // namespace
}  // namespace tarn::http
