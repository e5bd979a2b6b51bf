#include "http/net/response_stamp.h"

#include <gtest/gtest.h>

#include <set>

#include "storage/testing/manual_clock.h"

namespace tarn::http {
namespace {

std::string Text(const RequestId& id) { return std::string(id.data(), id.size()); }

TEST(ResponseStamp, EndsAHead) {
  ManualClock clock(1'700'000'000'000);
  ResponseStamp stamp(clock, 0xdeadbeef, 3);
  const RequestId id = stamp.NextId();
  EXPECT_EQ(Text(id), "deadbeef030000000001");
  EXPECT_EQ(stamp.End(clock.MonotonicMs(), id, ConnectionHeader::kNone),
            "date: Tue, 14 Nov 2023 22:13:20 GMT\r\nx-request-id: deadbeef030000000001\r\n\r\n");
  EXPECT_TRUE(
      stamp.End(clock.MonotonicMs(), id, ConnectionHeader::kClose).ends_with("01\r\nconnection: close\r\n\r\n"));
  EXPECT_TRUE(stamp.End(clock.MonotonicMs(), id, ConnectionHeader::kKeepAlive)
                  .ends_with("01\r\nconnection: keep-alive\r\n\r\n"));
}

TEST(ResponseStamp, ChangesTheDateWithTheSecond) {
  ManualClock clock(1'700'000'000'400);
  ResponseStamp stamp(clock, 1, 0);
  const auto date = [&] {
    return std::string(stamp.End(clock.MonotonicMs(), stamp.NextId(), ConnectionHeader::kNone).substr(23, 8));
  };
  EXPECT_EQ(date(), "22:13:20");
  clock.AdvanceMs(599);
  EXPECT_EQ(date(), "22:13:20");
  clock.AdvanceMs(1);
  EXPECT_EQ(date(), "22:13:21");
}

TEST(ResponseStamp, NeverRepeatsAnId) {
  ManualClock clock;
  ResponseStamp stamp(clock, 1, 0);
  std::set<std::string> ids;
  std::string last;
  for (int i = 0; i < 5000; ++i) {
    last = Text(stamp.NextId());
    EXPECT_TRUE(ids.insert(last).second);
  }
  EXPECT_EQ(last.substr(10), "0000001388");  // 5000 in hex.
}

}  // namespace
}  // namespace tarn::http
