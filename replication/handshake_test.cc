#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "replication/follower.h"
#include "replication/leader.h"
#include "storage/base/bytes.h"
#include "storage/testing/loopback_server.h"
#include "storage/testing/temp_directory.h"

// The first words between two nodes of different versions, as bytes: those of other releases do not change with this one.
namespace tarn::replication {
namespace {

constexpr uint64_t kWaitMs = 20'000;
constexpr size_t kHelloBytes = 90;

// What every release so far greets with, from an empty store.
constexpr char kHelloOfFormatOne[] =
    "4a00000001010000"
    "0de1ae465d8fd008"  // Length, HELLO, version 1; checksum.
    "01000000"
    "01000000"      // Protocol, log format.
    "040065617374"  // "east"
    "0000000000000000"
    "01000000"  // LSN, epoch.
    "0000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000";

std::string HexOfHello(uint32_t protocol, uint32_t log_format) {
  std::string bytes;
  AppendFrame(Hello{protocol, log_format, "east", {}}, &bytes);
  return HexEncode(bytes);
}

std::unique_ptr<engine::Store> OpenStore(const std::string& directory, NodeRole role, engine::CommitShipper* shipper) {
  engine::StoreOptions options;
  options.directory = directory;
  options.role = role;
  options.shipper = shipper;
  options.ballast_bytes = 0;
  auto store = engine::Store::Open(options);
  EXPECT_TRUE(store.ok()) << store.status().ToString();
  return store.ok() ? *std::move(store) : nullptr;
}

Leader::Options LeaderOptions() {
  Leader::Options options;
  options.node_id = "east";
  options.save = [](const std::vector<std::string>&) { return OkStatus(); };
  return options;
}

class LeaderHandshake : public ::testing::Test {
 protected:
  LeaderHandshake()
      : leader_(LeaderOptions(), &SystemClock()), store_(OpenStore(directory_.path(), NodeRole::kLeader, &leader_)) {
    leader_.Attach(store_.get());
  }
  ~LeaderHandshake() override { leader_.Stop(); }

  // The leader's first bytes to a follower that knows these versions.
  LeaderSession::Step Greet(uint32_t protocol, uint32_t log_format) {
    FollowRequest request;
    request.node_id = "west";
    request.epoch = Epoch(1);
    request.protocol = protocol;
    request.log_format = log_format;
    auto step = LeaderSession(&leader_, request).Next();
    EXPECT_TRUE(step.ok());
    return step.ok() ? *step : LeaderSession::Step();
  }

  TempDirectory directory_;
  Leader leader_;
  std::unique_ptr<engine::Store> store_;
};

TEST_F(LeaderHandshake, GreetsAFollowerOfItsVersionWithTheBytesOfFormatOne) {
  const LeaderSession::Step step = Greet(1, 1);
  EXPECT_FALSE(step.is_over);
  EXPECT_EQ(HexEncode(step.bytes).substr(0, sizeof(kHelloOfFormatOne) - 1), kHelloOfFormatOne);
}

TEST_F(LeaderHandshake, AFollowerThatKnowsMoreKeepsFollowing) {
  EXPECT_EQ(Greet(1, 2).bytes.substr(0, kHelloBytes), Greet(1, 1).bytes.substr(0, kHelloBytes));
  EXPECT_FALSE(Greet(2, 2).is_over);
}

TEST_F(LeaderHandshake, AFollowerThatKnowsLessIsRefusedWithBothVersionsNamed) {
  const LeaderSession::Step step = Greet(1, 0);
  EXPECT_TRUE(step.is_over);
  std::string expected;
  AppendFrame(
      Refused{Refused::Why::kVersion,
              "this node speaks protocol 1 and writes log format 1, the follower knows protocol 1 and log format "
              "0; upgrade the follower"},
      &expected);
  EXPECT_EQ(HexEncode(step.bytes), HexEncode(expected));
  EXPECT_TRUE(Greet(0, 1).is_over);
}

// A follower of this release, before a leader that says `hex` to everybody.
class FollowerHandshake : public ::testing::Test {
 protected:
  std::string ErrorAfter(const std::string& hex) {
    const std::string bytes = *HexDecode(hex);
    testing::LoopbackServer server(
        [bytes](const std::string&, const std::string&) { return testing::LoopbackServer::Ok(bytes); });
    Follower::Options options;
    options.leader = {server.Url(), "a-secret-of-a-test"};
    options.node_id = "west";
    options.promise = [](Epoch) { return OkStatus(); };
    Follower follower(std::move(options), &SystemClock());
    const auto store = OpenStore(directory_.path(), NodeRole::kFollower, &follower);
    follower.Start(store.get());
    const uint64_t end_ms = SystemClock().MonotonicMs() + kWaitMs;
    while (follower.state().error.empty() && SystemClock().MonotonicMs() < end_ms) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const std::string error = follower.state().error;
    readiness_ = follower.Complete();
    follower.Stop();
    return error;
  }
  // A follower that was refused is not ready, and says why.
  void ExpectNotReadyFor(const std::string& error) {
    EXPECT_FALSE(readiness_.ok());
    EXPECT_NE(readiness_.message().find(error), std::string_view::npos);
  }

  TempDirectory directory_;
  Status readiness_;
};

TEST_F(FollowerHandshake, UnderstandsTheGreetingOfFormatOne) {
  EXPECT_EQ(HexOfHello(1, 1), kHelloOfFormatOne);
  // The stream ends behind it, which is all that is wrong.
  EXPECT_NE(ErrorAfter(kHelloOfFormatOne).find("the leader ended the stream"), std::string::npos);
}

TEST_F(FollowerHandshake, RefusesALeaderOfANewerLogFormatWithBothVersionsNamed) {
  const std::string error = ErrorAfter(HexOfHello(1, 2));
  EXPECT_NE(error.find("writes log format 2"), std::string::npos) << error;
  EXPECT_NE(error.find("knows protocol 1 and log format 1; upgrade this node"), std::string::npos) << error;
  ExpectNotReadyFor(error);
}

TEST_F(FollowerHandshake, NamesBothVersionsWhenTheLeaderRefuses) {
  std::string refusal;
  AppendFrame(Refused{Refused::Why::kVersion, "this node writes log format 2, the follower knows log format 1"},
              &refusal);
  const std::string error = ErrorAfter(HexEncode(refusal));
  EXPECT_NE(error.find("writes log format 2, the follower knows log format 1"), std::string::npos) << error;
  ExpectNotReadyFor(error);
}

}  // namespace
}  // namespace tarn::replication
