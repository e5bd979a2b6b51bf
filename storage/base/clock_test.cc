#include "storage/base/clock.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(IsoTime, RoundTrips) {
  EXPECT_EQ(FormatIsoTime(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatIsoTime(1732413292123), "2024-11-24T01:54:52.123Z");
  for (const uint64_t time_ms : {uint64_t{0}, uint64_t{1732413292123}, uint64_t{951782400000}}) {
    EXPECT_EQ(*ParseIsoTime(FormatIsoTime(time_ms)), time_ms);
  }
}

TEST(IsoTime, AcceptsMissingMillisecondsAndRefusesTheRest) {
  EXPECT_EQ(*ParseIsoTime("2024-11-24T01:54:52Z"), 1732413292000u);
  for (const char* text : {"", "2024-11-24", "2024-02-30T00:00:00.000Z", "2024-11-24T01:54:52.123",
                           "2024-13-01T00:00:00Z", "2024-11-24T01:54:52.123Zx", "2024-11-24T25:00:00Z"}) {
    EXPECT_FALSE(ParseIsoTime(text).ok()) << text;
  }
}

TEST(HttpDate, RoundTripsAndRefusesOtherForms) {
  EXPECT_EQ(FormatHttpDate(784111777000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(*ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000u);
  EXPECT_FALSE(ParseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT").ok());
  EXPECT_FALSE(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT x").ok());
}

}  // namespace
}  // namespace tarn
