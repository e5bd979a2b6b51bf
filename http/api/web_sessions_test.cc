#include "http/api/web_sessions.h"

#include <gtest/gtest.h>

#include "storage/base/limits.h"
#include "storage/testing/manual_clock.h"

namespace tarn::http {
namespace {

using Outcome = WebSessions::Poll::Outcome;

class WebSessionsTest : public ::testing::Test {
 protected:
  WebSessions::Names Begin(const std::string& address = "192.0.2.1") {
    WebSessions::Origin origin;
    origin.address = address;
    const auto names = sessions_.Begin(origin);
    EXPECT_TRUE(names.ok());
    return names.ok() ? *names : WebSessions::Names();
  }

  ManualClock clock_;
  SeededRandom random_{7};
  WebSessions sessions_{clock_, random_};
};

TEST_F(WebSessionsTest, WhatWasApprovedIsHandedOutOnce) {
  const auto names = Begin();
  EXPECT_NE(names.page, names.done);
  EXPECT_EQ(sessions_.Take(names.done).outcome, Outcome::kWaiting);
  EXPECT_EQ(sessions_.Take(names.page).outcome, Outcome::kUnknown) << "who sees the page cannot collect";
  EXPECT_EQ(sessions_.Find(names.done), std::nullopt);
  ASSERT_TRUE(sessions_.Claim(names.page));
  EXPECT_FALSE(sessions_.Claim(names.page)) << "one attempt at a time";
  sessions_.Release(names.page);
  ASSERT_TRUE(sessions_.Claim(names.page));
  sessions_.Approve(names.page, "secret");
  EXPECT_FALSE(sessions_.Claim(names.page));
  sessions_.Approve(names.page, "another");
  const auto poll = sessions_.Take(names.done);
  EXPECT_EQ(poll.outcome, Outcome::kDone);
  EXPECT_EQ(poll.token, "secret");
  EXPECT_EQ(sessions_.Take(names.done).outcome, Outcome::kUnknown);
  EXPECT_EQ(sessions_.Find(names.page), std::nullopt);
}

TEST_F(WebSessionsTest, EndAfterTheirTime) {
  const auto names = Begin();
  ASSERT_TRUE(sessions_.Claim(names.page));
  clock_.AdvanceMs(limits::kWebSessionMs - 1);
  EXPECT_NE(sessions_.Find(names.page), std::nullopt);
  clock_.AdvanceMs(1);
  EXPECT_EQ(sessions_.Find(names.page), std::nullopt);
  sessions_.Approve(names.page, "too late");
  EXPECT_EQ(sessions_.Take(names.done).outcome, Outcome::kUnknown);
}

TEST_F(WebSessionsTest, AreLimitedByAddressAndAltogether) {
  for (size_t i = 0; i < limits::kWebSessionsPerAddressMax; ++i) Begin("192.0.2.1");
  WebSessions::Origin again;
  again.address = "192.0.2.1";
  EXPECT_EQ(sessions_.Begin(again).code(), Code::kResourceExhausted);
  for (size_t i = limits::kWebSessionsPerAddressMax; i < limits::kWebSessionsMax; ++i) Begin(std::to_string(i));
  again.address = "203.0.113.9";
  EXPECT_EQ(sessions_.Begin(again).code(), Code::kResourceExhausted);
  clock_.AdvanceMs(limits::kWebSessionMs);
  EXPECT_TRUE(sessions_.Begin(again).ok()) << "the old ones are gone";
}

}  // namespace
}  // namespace tarn::http
