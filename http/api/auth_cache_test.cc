#include "http/api/auth_cache.h"

#include <gtest/gtest.h>

#include "storage/testing/manual_clock.h"

namespace tarn::http {
namespace {

using registry::PeerAddress;
using registry::Principal;

Principal User(const std::string& name) {
  return {.kind = Principal::Kind::kUser, .user = name, .is_admin = false, .may_write = true, .token = std::nullopt};
}

class AuthCacheTest : public ::testing::Test {
 protected:
  std::string Find(std::string_view header) {
    const auto principal = cache_.Find(header, here_);
    return principal ? principal->user : "";
  }

  ManualClock clock_;
  AuthCache cache_{clock_};
  const PeerAddress here_ = *PeerAddress::Parse("192.0.2.1");
};

TEST_F(AuthCacheTest, KnowsWhoWasBelievedAMomentAgo) {
  cache_.Insert(cache_.TakeTicket(), "Bearer a", here_, User("alice"));
  EXPECT_EQ(Find("Bearer a"), "alice");
  EXPECT_EQ(Find("Bearer b"), "");
  EXPECT_EQ(Find("bearer a"), "") << "another spelling is only slower";
}

TEST_F(AuthCacheTest, ForgetsAfterItsTime) {
  cache_.Insert(cache_.TakeTicket(), "Bearer a", here_, User("alice"));
  clock_.AdvanceMs(AuthCache::kKeepMs);
  EXPECT_EQ(Find("Bearer a"), "alice");
  clock_.AdvanceMs(1);
  EXPECT_EQ(Find("Bearer a"), "");
}

TEST_F(AuthCacheTest, AMovedWallClockChangesNothing) {
  cache_.Insert(cache_.TakeTicket(), "Bearer a", here_, User("alice"));
  clock_.SetNowMs(0);
  EXPECT_EQ(Find("Bearer a"), "alice");
}

TEST_F(AuthCacheTest, ForgetsEverybodyWhenAccessChanges) {
  cache_.Insert(cache_.TakeTicket(), "Bearer a", here_, User("alice"));
  cache_.Clear();
  EXPECT_EQ(Find("Bearer a"), "");
}

TEST_F(AuthCacheTest, RefusesWhatWasAskedBeforeTheChange) {
  const uint64_t ticket = cache_.TakeTicket();
  cache_.Clear();
  cache_.Insert(ticket, "Bearer a", here_, User("alice"));
  EXPECT_EQ(Find("Bearer a"), "");
}

TEST_F(AuthCacheTest, TheAddressIsPartOfTheQuestion) {
  // A token that is limited to a network was believed for one address.
  cache_.Insert(cache_.TakeTicket(), "Bearer a", here_, User("alice"));
  EXPECT_FALSE(cache_.Find("Bearer a", *PeerAddress::Parse("192.0.2.2")));
  EXPECT_FALSE(cache_.Find("Bearer a", PeerAddress()));
  cache_.Insert(cache_.TakeTicket(), "Bearer b", PeerAddress(), User("bob"));
  EXPECT_TRUE(cache_.Find("Bearer b", PeerAddress()));
  EXPECT_FALSE(cache_.Find("Bearer b", here_));
}

TEST_F(AuthCacheTest, StaysWithinItsLimit) {
  for (size_t i = 0; i <= AuthCache::kEntriesMax; ++i) {
    cache_.Insert(cache_.TakeTicket(), "Bearer " + std::to_string(i), here_, User("alice"));
  }
  EXPECT_EQ(Find("Bearer " + std::to_string(AuthCache::kEntriesMax)), "alice") << "the newest is there";
  EXPECT_EQ(Find("Bearer 0"), "") << "room was made";
}

}  // namespace
}  // namespace tarn::http
