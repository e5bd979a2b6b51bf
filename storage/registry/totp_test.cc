#include "storage/registry/totp.h"

#include <gtest/gtest.h>

namespace tarn::registry {
namespace {

constexpr std::string_view kRfcSecret = "12345678901234567890";

TEST(Totp, MatchesTheVectorsOfRfc6238) {  // Appendix B, SHA1; the last six of its eight digits.
  const std::pair<uint64_t, const char*> rows[] = {{59, "287082"},         {1111111109, "081804"},
                                                   {1111111111, "050471"}, {1234567890, "005924"},
                                                   {2000000000, "279037"}, {20000000000, "353130"}};
  for (const auto& [seconds, code] : rows) {
    EXPECT_EQ(TotpCode(kRfcSecret, TotpStepAt(seconds * 1000)), code) << seconds;
  }
}

TEST(Totp, MatchesTheVectorsOfRfc4226) {  // Appendix D.
  const char* codes[] = {"755224", "287082", "359152", "969429", "338314",
                         "254676", "287922", "162583", "399871", "520489"};
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(TotpCode(kRfcSecret, i), codes[i]);
}

TEST(Totp, AcceptsOneStepOnEitherSide) {
  constexpr uint64_t kNowMs = 1'234'567'890'000;
  const uint64_t now = TotpStepAt(kNowMs);
  for (const uint64_t step : {now - 1, now, now + 1}) {
    EXPECT_EQ(FindTotpStep(kRfcSecret, TotpCode(kRfcSecret, step), kNowMs), step);
  }
  for (const uint64_t step : {now - 2, now + 2}) {
    EXPECT_EQ(FindTotpStep(kRfcSecret, TotpCode(kRfcSecret, step), kNowMs), std::nullopt);
  }
  const std::string code = TotpCode(kRfcSecret, now);
  for (const std::string& wrong : {std::string(), code.substr(1), code + "0", " " + code, std::string("00592x")}) {
    EXPECT_EQ(FindTotpStep(kRfcSecret, wrong, kNowMs), std::nullopt) << wrong;
  }
  EXPECT_EQ(FindTotpStep(kRfcSecret, TotpCode(kRfcSecret, 0), 0), 0u) << "at the beginning of time";
}

TEST(Base32, MatchesTheVectorsOfRfc4648) {  // Section 10, without padding.
  const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                      {"f", "MY"},
                                                      {"fo", "MZXQ"},
                                                      {"foo", "MZXW6"},
                                                      {"foob", "MZXW6YQ"},
                                                      {"fooba", "MZXW6YTB"},
                                                      {"foobar", "MZXW6YTBOI"}};
  for (const auto& [plain, encoded] : rows) {
    EXPECT_EQ(Base32Encode(plain), encoded);
    EXPECT_EQ(Base32Decode(encoded).value(), plain);
  }
  EXPECT_EQ(Base32Decode("mzxw6===").value(), "foo");
  for (const char* bad : {"M", "MZX", "MZXW6Y", "MZXW0", "MZ W", "M1"}) {
    EXPECT_EQ(Base32Decode(bad).code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Totp, UrlHoldsNothingThatCouldEndAPart) {
  EXPECT_EQ(OtpauthUrl("tarn", "al.ice&secret=x", "JBSWY3DP"),
            "otpauth://totp/tarn:al%2Eice%26secret%3Dx?secret=JBSWY3DP&issuer=tarn");
}

}  // namespace
}  // namespace tarn::registry
