#include <gtest/gtest.h>

#include <string>

#include "http/net/testing/server_fixture.h"
#include "storage/base/clock.h"

// Slow clients, with deadlines of a tenth of a second.
namespace tarn::http {
namespace {

using testing::Answer;
using testing::TestClient;

class ConnectionDeadlineTest : public testing::ServerFixture {
 protected:
  ConnectionDeadlineTest() {
    options.connection.header_ms = 100;
    options.connection.idle_ms = 100;
    options.connection.rate_window_ms = 100;
    options.connection.body_rate_min = 1000;
    options.connection.send_rate_min = 1000;
    options.connection.linger_ms = 100;
  }
  const uint64_t started_ms_ = SystemClock().MonotonicMs();
  uint64_t ElapsedMs() const { return SystemClock().MonotonicMs() - started_ms_; }
};

TEST_F(ConnectionDeadlineTest, AHeadThatNeverEndsIsAnswered408) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: h\r\nX-Slow: "));
  const Answer answer = client.Read();
  EXPECT_EQ(answer.status, 408);
  EXPECT_TRUE(client.AtEnd());
  EXPECT_GE(ElapsedMs(), 100u);
  EXPECT_EQ(server->stats().timed_out_connections, 1u);
}

// The deadline is for the whole head: a byte now and then does not move it.
TEST_F(ConnectionDeadlineTest, AHeadThatTricklesIsAnswered408) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: h\r\n"));
  while (ElapsedMs() < 10'000 && client.Send("X: y\r\n")) ::usleep(20'000);
  EXPECT_LT(ElapsedMs(), 10'000u);
  EXPECT_EQ(server->stats().timed_out_connections, 1u);
}

TEST_F(ConnectionDeadlineTest, AnIdleConnectionIsClosedWithoutAWord) {
  Start();
  TestClient client(address);
  EXPECT_EQ(client.Get("/fast").status, 200);
  EXPECT_TRUE(client.AtEnd());
  EXPECT_GE(ElapsedMs(), 100u);
  EXPECT_EQ(server->stats().timed_out_connections, 0u);
}

TEST_F(ConnectionDeadlineTest, ABodyThatStopsIsAnswered408) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send("PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nsome"));
  const Answer answer = client.Read();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(client.AtEnd());
  EXPECT_EQ(server->stats().timed_out_connections, 1u);
}

TEST_F(ConnectionDeadlineTest, ASlowBodyAtTheMinimumRatePasses) {
  options.connection.rate_window_ms = 300;
  options.connection.body_rate_min = 4;  // One byte in each window.
  Start();
  TestClient client(address);
  std::string sent;
  ASSERT_TRUE(client.Send("PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n"));
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(client.Send("x"));
    ::usleep(25'000);
  }
  EXPECT_EQ(client.Read().body, std::string(40, 'x'));
  EXPECT_GT(ElapsedMs(), 3 * options.connection.rate_window_ms);
}

TEST_F(ConnectionDeadlineTest, AReaderThatStopsIsCut) {
  Start();
  TestClient client(address, /*receive_buffer_bytes=*/4096);
  ASSERT_TRUE(client.Send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n"));
  ASSERT_TRUE(Eventually([&] { return Ended(1); }));
  EXPECT_EQ(server->stats().timed_out_connections, 1u);
  EXPECT_EQ(handler.statuses(), std::vector<int>{0});
  EXPECT_FALSE(client.Read().complete);
}

TEST_F(ConnectionDeadlineTest, ASlowReaderAtTheMinimumRatePasses) {
  options.connection.rate_window_ms = 1000;
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n"));
  ::usleep(200'000);  // Less than a window.
  const Answer answer = client.Read();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body.size(), 64u << 20);
}

// After an answer that ends the connection, a client that sends on is listened to for a while only.
TEST_F(ConnectionDeadlineTest, LingeringEnds) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send("PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"));
  EXPECT_EQ(client.Read().status, 413);
  EXPECT_TRUE(Eventually([&] { return Ended(1); }));
  EXPECT_GE(ElapsedMs(), 100u);
}

}  // namespace
}  // namespace tarn::http
