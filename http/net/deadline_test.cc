#include "http/net/deadline.h"

#include <gtest/gtest.h>

#include <vector>

#include "http/net/rate_window.h"
#include "http/net/warm_parts.h"

namespace tarn::http {
namespace {

class Alarm final : public Deadline {
 public:
  explicit Alarm(uint64_t repeat_ms = 0) : repeat_ms_(repeat_ms) {}
  std::vector<uint64_t> rang_ms;

 protected:
  void OnDeadline(uint64_t now_ms) override {
    rang_ms.push_back(now_ms);
    if (repeat_ms_ > 0) Arm(now_ms + repeat_ms_);
  }

 private:
  const uint64_t repeat_ms_;
};

TEST(DeadlineList, RingsWhatIsDueOnce) {
  DeadlineList list;
  Alarm early, late, off, again(10);
  for (Alarm* alarm : {&early, &late, &off, &again}) list.Add(alarm);
  early.Arm(100);
  late.Arm(200);
  again.Arm(50);
  for (uint64_t now_ms = 0; now_ms <= 150; now_ms += 5) list.Expire(now_ms);
  EXPECT_EQ(early.rang_ms, std::vector<uint64_t>{100});
  EXPECT_TRUE(late.rang_ms.empty());
  EXPECT_TRUE(off.rang_ms.empty());
  EXPECT_EQ(again.rang_ms.size(), 11u);
  for (Alarm* alarm : {&late, &early, &again, &off}) list.Remove(alarm);
  EXPECT_TRUE(list.empty());
}

TEST(DeadlineList, FollowsADeadlineThatMoves) {
  DeadlineList list;
  Alarm alarm;
  list.Add(&alarm);
  alarm.Arm(100);
  alarm.Arm(300);
  list.Expire(200);
  EXPECT_TRUE(alarm.rang_ms.empty());
  alarm.Arm(150);
  list.Expire(200);
  EXPECT_EQ(alarm.rang_ms.size(), 1u);
  alarm.Arm(400);
  alarm.Disarm();
  list.Expire(500);
  EXPECT_EQ(alarm.rang_ms.size(), 1u);
  list.Remove(&alarm);
}

TEST(RateWindow, PassesAClientThatIsJustFastEnough) {
  RateWindow window(/*window_ms=*/1000, /*bytes_per_second=*/100);
  window.BeginWait(5000);
  EXPECT_EQ(window.deadline_ms(), 6000u);
  window.Add(100);
  EXPECT_TRUE(window.Pass(6000));
  EXPECT_EQ(window.deadline_ms(), 7000u) << "a new window";
  window.Add(99);
  EXPECT_FALSE(window.Pass(7000));
}

TEST(RateWindow, CountsOnlyTheTimeSpentWaiting) {
  RateWindow window(1000, 100);
  window.BeginWait(0);
  window.EndWait(400);
  // The handler is busy for an hour.
  window.BeginWait(3'600'000);
  EXPECT_EQ(window.deadline_ms(), 3'600'600u);
  window.EndWait(3'600'500);
  window.BeginWait(4'000'000);
  EXPECT_EQ(window.deadline_ms(), 4'000'100u);
}

TEST(RateWindow, WantsAtLeastOneByte) {
  RateWindow window(10, 1);
  window.BeginWait(0);
  EXPECT_FALSE(window.Pass(10));
  window.Add(1);
  EXPECT_TRUE(window.Pass(10));
}

TEST(WarmParts, ForgetsAfterASecond) {
  WarmParts parts;
  EXPECT_FALSE(parts.Contains(3, 0, 1, 0));
  parts.Add(3, 4096, 1000, 10);
  EXPECT_TRUE(parts.Contains(3, 4096, 1000, 1009));
  EXPECT_TRUE(parts.Contains(3, 4096, 10, 10));
  EXPECT_FALSE(parts.Contains(3, 4096, 1001, 10)) << "longer than what was seen";
  EXPECT_FALSE(parts.Contains(3, 8192, 10, 10));
  EXPECT_FALSE(parts.Contains(4, 4096, 10, 10));
  EXPECT_FALSE(parts.Contains(3, 4096, 1000, 1010));
}

}  // namespace
}  // namespace tarn::http
