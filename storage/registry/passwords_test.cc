#include "storage/registry/passwords.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include "storage/testing/manual_clock.h"

namespace tarn::registry {
namespace {

class PasswordsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(sodium_init(), 0);
    hash_ = passwords_.Hash("right").value();
  }
  Code Try(std::string_view user, std::string_view password, const char* address = "") {
    GuessSource source;
    if (*address != '\0') source = GuessSource::Of(PeerAddress::Parse(address).value());
    return passwords_.Verify(user, source, hash_, password).code();
  }

  ManualClock clock_;
  Passwords passwords_{&clock_};
  std::string hash_;
};

TEST_F(PasswordsTest, HashIsArgon2idWithASaltOfItsOwn) {
  EXPECT_TRUE(hash_.starts_with("$argon2id$"));
  EXPECT_NE(passwords_.Hash("right").value(), hash_);
  EXPECT_EQ(Try("alice", "right"), Code::kOk);
  EXPECT_EQ(Try("alice", "wrong"), Code::kUnauthenticated);
  EXPECT_EQ(Try("alice", ""), Code::kUnauthenticated);
  EXPECT_EQ(passwords_.Verify("alice", {}, "", "").code(), Code::kUnauthenticated) << "an account without password";
}

TEST_F(PasswordsTest, LengthIsLimited) {
  EXPECT_EQ(passwords_.Hash("").code(), Code::kInvalidArgument);
  EXPECT_TRUE(passwords_.Hash(std::string(limits::kPasswordBytesMax, 'x')).ok());
  EXPECT_EQ(passwords_.Hash(std::string(limits::kPasswordBytesMax + 1, 'x')).code(), Code::kInvalidArgument);
}

TEST_F(PasswordsTest, GuessingIsSlowedDown) {
  for (uint32_t i = 0; i < limits::kLoginFailuresFree; ++i) EXPECT_EQ(Try("alice", "wrong"), Code::kUnauthenticated);
  uint64_t delay_ms = limits::kLoginDelayMsMin;
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(Try("alice", "right"), Code::kResourceExhausted) << "even the right one has to wait";
    clock_.AdvanceMs(delay_ms - 1);
    EXPECT_EQ(Try("alice", "right"), Code::kResourceExhausted);
    clock_.AdvanceMs(1);
    EXPECT_EQ(Try("alice", "wrong"), Code::kUnauthenticated);
    delay_ms = std::min(2 * delay_ms, limits::kLoginDelayMsMax);
  }
  EXPECT_EQ(Try("bob", "right"), Code::kOk) << "others are not concerned";
  clock_.AdvanceMs(delay_ms);
  EXPECT_EQ(Try("alice", "right"), Code::kOk);
  EXPECT_EQ(Try("alice", "wrong"), Code::kUnauthenticated) << "and all is forgotten";
  EXPECT_EQ(Try("alice", "right"), Code::kOk);
}

TEST_F(PasswordsTest, StrangersWhoGuessDoNotShutTheUserOut) {
  ASSERT_EQ(Try("alice", "right", "192.0.2.1"), Code::kOk);  // Alice at home.
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(Try("alice", "wrong", "203.0.113.9"), Code::kOk);
    clock_.AdvanceMs(10);
  }
  EXPECT_EQ(Try("alice", "right", "203.0.113.9"), Code::kResourceExhausted);
  EXPECT_EQ(Try("alice", "right", "198.51.100.7"), Code::kResourceExhausted) << "other strangers, the same count";
  EXPECT_EQ(Try("alice", "right", "192.0.2.1"), Code::kOk);
  clock_.AdvanceMs(limits::kLoginDelayMsMax);
  EXPECT_EQ(Try("alice", "right", "198.51.100.7"), Code::kOk) << "and from elsewhere when the wait is over";
}

TEST_F(PasswordsTest, AFamiliarAddressIsSlowedDownByItself) {
  ASSERT_EQ(Try("alice", "right", "2001:db8::1"), Code::kOk);
  for (uint32_t i = 0; i < limits::kLoginFailuresFree; ++i) Try("alice", "wrong", "2001:db8::2");
  EXPECT_EQ(Try("alice", "right", "2001:db8::3"), Code::kResourceExhausted) << "the same network";
  EXPECT_EQ(Try("alice", "right", "2001:db8:0:1::1"), Code::kOk) << "another one";
  EXPECT_EQ(Try("bob", "wrong", "2001:db8::1"), Code::kUnauthenticated);
}

}  // namespace
}  // namespace tarn::registry
