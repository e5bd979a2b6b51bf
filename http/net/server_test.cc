#include "http/net/server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/net/listener.h"
#include "http/net/testing/server_fixture.h"
#include "storage/testing/temp_directory.h"

namespace tarn::http {
namespace {

using testing::Answer;
using testing::TestClient;

class ServerTest : public testing::ServerFixture {};

TEST_F(ServerTest, ListensWhereItIsTold) {
  options.listen = {"127.0.0.1:0", "[::1]:0", "localhost:0"};
  Start();
  const std::vector<std::string> addresses = server->addresses();
  ASSERT_EQ(addresses.size(), 3u);
  EXPECT_TRUE(addresses[1].starts_with("[::1]:"));
  EXPECT_FALSE(addresses[0].ends_with(":0"));
  EXPECT_EQ(TestClient(addresses[0]).Get("/fast").status, 200);
  EXPECT_EQ(TestClient(addresses[2]).Get("/fast").status, 200);
}

TEST_F(ServerTest, RefusesAnAddressThatIsInUse) {
  Start();
  ServerOptions same = options;
  same.listen = {address};
  Server other(same, handler, executor);
  EXPECT_EQ(other.Start().code(), Code::kAlreadyExists);
  EXPECT_EQ(TestClient(address).Get("/fast").status, 200);
}

TEST_F(ServerTest, RefusesAnAddressThatIsNone) {
  for (const char* bad :
       {"", "4873", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "::1:80", "host.invalid:80", "1.2.3.4:0"}) {
    options.listen = {bad};
    Server other(options, handler, executor);
    EXPECT_EQ(other.Start().code(), Code::kInvalidArgument) << bad;
  }
}

TEST_F(ServerTest, TakesOverListeningSockets) {
  Result<std::vector<OwnedFd>> listening = ListenTcp("127.0.0.1:0", 1);
  ASSERT_TRUE(listening.ok());
  options.listen.clear();
  options.listen_sockets = {listening->front().Release()};
  Start();
  EXPECT_EQ(TestClient(address).Get("/fast").status, 200);
}

TEST_F(ServerTest, RefusesADescriptorThatDoesNotListen) {
  options.listen_sockets = {::socket(AF_INET, SOCK_STREAM, 0)};
  Server other(options, handler, executor);
  EXPECT_EQ(other.Start().code(), Code::kInvalidArgument);
}

TEST_F(ServerTest, KeepsItsUnixSocketToItsUser) {
  TempDirectory directory;
  options.unix_socket_path = directory.path() + "/tarn.sock";
  Start();
  struct stat info {};
  ASSERT_EQ(::stat(options.unix_socket_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(TestClient(options.unix_socket_path).Get("/fast").status, 200);
  server->Stop();
  EXPECT_NE(::stat(options.unix_socket_path.c_str(), &info), 0) << "it is removed";
  Start();  // And a stale one is replaced.
  EXPECT_EQ(TestClient(options.unix_socket_path).Get("/fast").status, 200);
}

TEST_F(ServerTest, RefusesAUnixSocketPathThatIsTooLong) {
  options.unix_socket_path = "/tmp/" + std::string(200, 'x');
  Server other(options, handler, executor);
  EXPECT_EQ(other.Start().code(), Code::kInvalidArgument);
}

TEST_F(ServerTest, TellsClientsOverTheLimitToComeBack) {
  options.connections_max = 2;
  Start();
  TestClient first(address), second(address);
  EXPECT_EQ(first.Get("/fast").status, 200);
  EXPECT_EQ(second.Get("/fast").status, 200);
  TestClient third(address);
  const Answer answer = third.Get("/fast");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(third.AtEnd());
  EXPECT_EQ(first.Get("/fast").status, 200);
  EXPECT_EQ(server->stats().refused_connections, 1u);
}

TEST_F(ServerTest, DrainFinishesWhatIsInHand) {
  Start();
  TestClient idle(address), busy(address);
  EXPECT_EQ(idle.Get("/fast").status, 200);
  ASSERT_TRUE(busy.Send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n"));
  handler.entered.get_future().wait();
  std::future<Status> drained = std::async(std::launch::async, [this] { return server->Drain(10'000); });
  handler.unblock.set_value();
  const Answer answer = busy.Read();
  EXPECT_EQ(answer.body, "unblocked");
  EXPECT_TRUE(busy.AtEnd());
  EXPECT_TRUE(idle.AtEnd());
  EXPECT_TRUE(drained.get().ok());
  EXPECT_FALSE(TestClient(address).connected());
  EXPECT_EQ(server->stats().open_connections, 0u);
}

TEST_F(ServerTest, DrainSaysThatTheConnectionEnds) {
  options.cores = 1;
  Start();
  TestClient client(address);
  // The head is half there when the drain begins, so the request counts as in hand.
  ASSERT_TRUE(client.Send("GET /fast HTTP/1.1\r\n"));
  TestClient idle(address);
  EXPECT_EQ(idle.Get("/fast").status, 200);  // The one core has read the half head by now.
  std::future<Status> drained = std::async(std::launch::async, [this] { return server->Drain(10'000); });
  EXPECT_TRUE(idle.AtEnd());
  ASSERT_TRUE(client.Send("Host: h\r\n\r\n"));
  EXPECT_EQ(client.Read().headers.at("connection"), "close");
  EXPECT_TRUE(drained.get().ok());
}

TEST_F(ServerTest, DrainCutsWhatDoesNotEndInTime) {
  Start();
  TestClient stuck(address);
  ASSERT_TRUE(stuck.Send("PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf"));
  ASSERT_TRUE(Eventually([&] { return server->stats().open_connections == 1; }));
  ::usleep(20'000);  // Until the body is being waited for.
  EXPECT_EQ(server->Drain(50).code(), Code::kDeadlineExceeded);
  EXPECT_EQ(server->stats().open_connections, 0u);
}

TEST_F(ServerTest, StopsInTheMiddleOfEverything) {
  Start();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (const char* bytes : {"", "GET / HT", "PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n",
                            "GET /large HTTP/1.1\r\nHost: h\r\n\r\n"}) {
    clients.push_back(std::make_unique<TestClient>(address, 4096));
    ASSERT_TRUE(clients.back()->Send(bytes));
  }
  ASSERT_TRUE(Eventually([&] { return server->stats().open_connections == clients.size(); }));
  server->Stop();
  EXPECT_EQ(server->stats().open_connections, 0u);
  server->Stop();
}

TEST_F(ServerTest, WritesAnAccessLog) {
  options.access_log = true;
  ::testing::internal::CaptureStderr();
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send("GET /fast HTTP/1.1\r\nHost: h\r\nUser-Agent: npm/\"12\"\r\n\r\n"));
  const std::string id = client.Read().headers.at("x-request-id");
  ASSERT_TRUE(client.Send("nonsense\r\n"));
  EXPECT_EQ(client.Read().status, 400);
  server->Stop();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find(R"("id":")" + id + R"(","peer":"127.0.0.1","method":"GET","target":"/fast","status":200,)"),
            std::string::npos)
      << log;
  EXPECT_NE(log.find(R"("user_agent":"npm/\"12\""})"), std::string::npos) << log;
  EXPECT_NE(log.find(R"("peer":"127.0.0.1","status":400,)"), std::string::npos) << log;
}

TEST_F(ServerTest, ServesManyClientsOnAllCores) {
  Start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int connection = 0; connection < 10; ++connection) {
        TestClient client(address);
        for (int request = 0; request < 5; ++request) {
          const std::string target = "/" + std::to_string(i) + "/" + std::to_string(request);
          EXPECT_EQ(client.Get(target).body, "GET " + target);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(Eventually([&] { return server->stats().requests == 200; }));
}

}  // namespace
}  // namespace tarn::http
