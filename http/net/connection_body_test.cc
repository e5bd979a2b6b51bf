#include "http/net/connection_body.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "http/net/testing/server_fixture.h"

namespace tarn::http {
namespace {

using testing::Answer;
using testing::TestClient;

class ConnectionBodyTest : public testing::ServerFixture {
 protected:
  static std::string Put(const std::string& target, const std::string& headers) {
    return "PUT " + target + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
  }
  static std::string Length(size_t bytes) { return "Content-Length: " + std::to_string(bytes) + "\r\n"; }
  static constexpr const char* kChunked = "Transfer-Encoding: chunked\r\n";
};

std::string Pattern(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + (i * i + i / 251) % 26);
  return text;
}

TEST_F(ConnectionBodyTest, ArrivesWholeWithALength) {
  Start();
  TestClient client(address);
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{100'000}, size_t{3'000'000}}) {
    const std::string body = Pattern(bytes);
    std::thread sender([&] { EXPECT_TRUE(client.Send(Put("/echo", Length(bytes)) + body)); });
    const Answer answer = client.Read();
    sender.join();
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.body == body) << bytes;
  }
}

TEST_F(ConnectionBodyTest, ArrivesWholeInChunks) {
  Start();
  TestClient client(address);
  const std::string body = Pattern(1'000'000);
  std::string wire = Put("/echo", kChunked);
  for (size_t at = 0; at < body.size();) {
    const size_t size = std::min<size_t>(at % 7919 + 1, body.size() - at);
    char line[16];
    std::snprintf(line, sizeof(line), "%zx\r\n", size);
    wire += line + body.substr(at, size) + "\r\n";
    at += size;
  }
  wire += "0\r\n\r\n" + Put("/echo", Length(4)) + "next";
  std::thread sender([&] { EXPECT_TRUE(client.Send(wire)); });
  const Answer answer = client.Read();
  sender.join();
  EXPECT_TRUE(answer.body == body);
  EXPECT_EQ(client.Read().body, "next") << "what follows a chunked body is the next request";
}

TEST_F(ConnectionBodyTest, IsAskedForWhenTheClientExpectsThat) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send(Put("/echo", Length(5) + "Expect: 100-continue\r\n")));
  EXPECT_EQ(client.Read().status, 100);
  ASSERT_TRUE(client.Send("hello"));
  EXPECT_EQ(client.Read().body, "hello");
  EXPECT_EQ(client.Get("/fast").status, 200);
}

TEST_F(ConnectionBodyTest, IsNotAskedForWhenItIsRefused) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send(Put("/refuse", Length(5'000'000) + "Expect: 100-continue\r\n")));
  const Answer answer = client.Read();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.headers.at("connection"), "close");
}

TEST_F(ConnectionBodyTest, IsNotAskedForWhenItIsThereAlready) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send(Put("/echo", Length(5) + "Expect: 100-continue\r\n") + "hello"));
  EXPECT_EQ(client.Read().body, "hello");
}

TEST_F(ConnectionBodyTest, IsSkippedWhenShortAndUnread) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send(Put("/ignored", Length(60'000)) + Pattern(60'000)));
  EXPECT_EQ(client.Read().body, "PUT /ignored");
  ASSERT_TRUE(client.Send(Put("/ignored", kChunked) + "5\r\nhello\r\n0\r\n\r\n"));
  EXPECT_EQ(client.Read().body, "PUT /ignored");
  EXPECT_EQ(client.Get("/fast").body, "fast");
  EXPECT_EQ(server->stats().accepted_connections, 1u);
}

// The client sends on and on, and still has to see why it was refused.
TEST_F(ConnectionBodyTest, IsDiscardedWhenRefusedEarly) {
  Start();
  TestClient client(address);
  const std::string body = Pattern(20'000'000);
  std::thread sender([&] { client.Send(Put("/refuse", Length(body.size())) + body); });
  const Answer answer = client.Read();
  sender.join();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "too large, says the handler");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ConnectionBodyTest, IsHeldToTheHandlersLimit) {
  Start();
  for (const char* framing :
       {"Content-Length: 10\r\n\r\n0123456789", "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"}) {
    TestClient client(address);
    ASSERT_TRUE(client.Send("PUT /limited HTTP/1.1\r\nHost: h\r\n" + std::string(framing)));
    EXPECT_EQ(client.Read().body, "0123456789");
    EXPECT_EQ(client.Get("/fast").status, 200);
  }
  for (const char* framing :
       {"Content-Length: 11\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n"}) {
    TestClient client(address);
    ASSERT_TRUE(client.Send("PUT /limited HTTP/1.1\r\nHost: h\r\n" + std::string(framing)));
    EXPECT_EQ(client.Read().status, 413);
    client.FinishSending();
    EXPECT_TRUE(client.AtEnd());
  }
}

TEST_F(ConnectionBodyTest, EndsTheConnectionWhenTheChunksAreBroken) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send(Put("/echo", kChunked) + "5\r\nhelloXX0\r\n\r\n"));
  const Answer answer = client.Read();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "malformed chunked body");
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ConnectionBodyTest, FailsWhenTheClientEndsItEarly) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send(Put("/echo", Length(10)) + "hello"));
  client.FinishSending();
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ConnectionBodyTest, MayBeLeftInTheMiddle) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send(Put("/first", kChunked) + "5\r\nhello\r\n"));
  EXPECT_EQ(client.Read().body, "hello");
  ASSERT_TRUE(client.Send("5\r\nworld\r\n0\r\n\r\n"));
  EXPECT_EQ(client.Get("/fast").body, "fast") << "the rest was skipped";
}

}  // namespace
}  // namespace tarn::http
