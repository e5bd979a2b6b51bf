#include "http/net/connection.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "http/net/testing/server_fixture.h"

namespace tarn::http {
namespace {

using testing::Answer;
using testing::TestClient;

class ConnectionTest : public testing::ServerFixture {};

TEST_F(ConnectionTest, AnswersOneRequestAfterTheOther) {
  Start();
  TestClient client(address);
  std::set<std::string> ids;
  for (const char* target : {"/fast", "/slow", "/fast"}) {
    const Answer answer = client.Get(target);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, target == std::string("/fast") ? "fast" : "GET /slow");
    EXPECT_EQ(answer.headers.at("date").size(), 29u);
    EXPECT_EQ(answer.headers.count("connection"), 0u);
    ids.insert(answer.headers.at("x-request-id"));
  }
  EXPECT_EQ(ids.size(), 3u);
  ASSERT_TRUE(Eventually([&] { return server->stats().requests == 3; }));
  EXPECT_EQ(server->stats().fast_requests, 2u);
  EXPECT_EQ(server->stats().accepted_connections, 1u);
}

TEST_F(ConnectionTest, AnswersPipelinedRequestsInOrder) {
  Start();
  TestClient client(address);
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests += i % 3 == 0 ? "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n"
                : i % 3 == 1
                    ? "PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                    : "PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n";
  }
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 100; ++i) {
    const Answer answer = client.Read();
    EXPECT_EQ(answer.body, i % 3 == 0 ? "GET /" + std::to_string(i) : i % 3 == 1 ? "abc" : "de") << i;
  }
}

TEST_F(ConnectionTest, ReadsAHeadInPieces) {
  Start();
  TestClient client(address);
  for (const char c : std::string_view("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")) ASSERT_TRUE(client.Send({&c, 1}));
  EXPECT_EQ(client.Read().body, "GET /slow");
}

TEST_F(ConnectionTest, TakesAHeadOfTheFullSize) {
  Start();
  TestClient client(address);
  const std::string start = "GET /big HTTP/1.1\r\nHost: h\r\nX: ";
  const auto head = [&](size_t bytes) { return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n"; };
  ASSERT_TRUE(client.Send(head(limits::kHeaderBytesMax)));
  EXPECT_EQ(client.Read().body, "GET /big");
  EXPECT_EQ(client.Get("/after").body, "GET /after");
  ASSERT_TRUE(client.Send(head(limits::kHeaderBytesMax + 1)));
  EXPECT_EQ(client.Read().status, 431);
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ConnectionTest, SendsNoBodyToHead) {
  Start();
  TestClient client(address);
  for (const char* target : {"/fast", "/slow"}) {
    ASSERT_TRUE(client.Send("HEAD " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"));
    const Answer answer = client.Read(TestClient::Body::kNone);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("content-length"), target == std::string("/fast") ? "4" : "10");
  }
  EXPECT_EQ(client.Get("/fast").body, "fast") << "nothing was left over";
}

TEST_F(ConnectionTest, ClosesWhenTheClientOrTheHandlerWantsIt) {
  Start();
  for (const char* request : {"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /x HTTP/1.0\r\n\r\n",
                              "GET /close HTTP/1.1\r\nHost: h\r\n\r\n"}) {
    TestClient client(address);
    ASSERT_TRUE(client.Send(request));
    const Answer answer = client.Read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("connection"), "close");
    EXPECT_TRUE(client.AtEnd());
  }
}

TEST_F(ConnectionTest, KeepsAnOldClientThatAsksForIt) {
  Start();
  TestClient client(address);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.Send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_EQ(client.Read().headers.at("connection"), "keep-alive");
  }
}

TEST_F(ConnectionTest, RefusesAMalformedRequestAndCloses) {
  Start();
  TestClient client(address);
  EXPECT_EQ(client.Get("/fine").status, 200);
  ASSERT_TRUE(
      client.Send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
  const Answer answer = client.Read();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_EQ(answer.body, "both Content-Length and Transfer-Encoding");
  EXPECT_TRUE(client.AtEnd());
  EXPECT_EQ(server->stats().refused_requests, 1u);
}

TEST_F(ConnectionTest, SurvivesClientsThatLeaveAtAnyPoint) {
  Start();
  const std::string request = "PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  for (size_t cut = 0; cut <= request.size(); ++cut) {
    TestClient client(address);
    ASSERT_TRUE(client.Send(request.substr(0, cut)));
  }
  EXPECT_TRUE(Eventually([&] { return Ended(request.size() + 1); }));
  EXPECT_EQ(TestClient(address).Get("/fast").status, 200);
}

TEST_F(ConnectionTest, TellsTheHandlerWhoIsThere) {
  options.unix_socket_path = ::testing::TempDir() + "tarn-connection-test-" + std::to_string(::getpid());
  Start();
  TestClient tcp(address);
  EXPECT_EQ(tcp.Get("/peer").body, "127.0.0.1 at " + address);
  TestClient local(options.unix_socket_path);
  EXPECT_EQ(local.Get("/peer").body, "unix " + std::to_string(::getuid()));
}

}  // namespace
}  // namespace tarn::http
