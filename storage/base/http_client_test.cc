#include "storage/base/http_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "storage/base/mutex.h"
#include "storage/testing/loopback_server.h"

namespace tarn {
namespace {

using testing::LoopbackServer;

HttpRequest Get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

// Never answers; ends with the server.
std::string Hang(const std::atomic<bool>& released) {
  while (!released.load()) std::this_thread::yield();
  return {};
}

TEST(HttpClient, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  std::string head, body;
  LoopbackServer server([&](const std::string& h, const std::string& b) {
    head = h;
    body = b;
    return "HTTP/1.1 201 Created\r\nX-Two:  a b \r\nContent-Length: 4\r\n\r\ndone";
  });
  HttpClient client({});
  HttpRequest request = Get(server.Url("/a/../b?q=1"));
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}, {"X-Signature", "sha256=ab"}};
  request.body = std::string("{\"a\":\0}", 7);
  auto answer = client.Send(request);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "done");
  EXPECT_EQ(answer->Header("x-two"), "a b");
  EXPECT_EQ(answer->Header("x-three"), "");
  EXPECT_TRUE(head.starts_with("POST /a/../b?q=1 HTTP/1.1\r\n")) << head;
  for (const char* line : {"Content-Type: application/json\r\n", "X-Empty:\r\n", "X-Signature: sha256=ab\r\n",
                           "User-Agent: tarn\r\n", "Content-Length: 7\r\n"}) {
    EXPECT_NE(head.find(line), std::string::npos) << line << head;
  }
  EXPECT_EQ(head.find("Expect"), std::string::npos);
  EXPECT_EQ(body, request.body);
}

TEST(HttpClient, AnswersOfFourHundredAndMoreAreAnswers) {
  LoopbackServer server([](const std::string&, const std::string&) {
    return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno";
  });
  HttpClient client({});
  auto answer = client.Send(Get(server.Url()));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "no");
}

TEST(HttpClient, KeepsTheConnectionForTheNextRequest) {
  LoopbackServer server([](const std::string& head, const std::string&) {
    return head.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" : LoopbackServer::Ok("x");
  });
  HttpClient client({});
  for (int i = 0; i < 5; i++) ASSERT_TRUE(client.Send(Get(server.Url())).ok());
  HttpRequest head = Get(server.Url());
  head.method = "HEAD";
  auto answer = client.Send(head);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->body, "");
  HttpRequest remove = Get(server.Url());
  remove.method = "DELETE";
  ASSERT_TRUE(client.Send(remove).ok());
  EXPECT_EQ(server.connections(), 1);
}

class Collector final : public HttpBodySink {
 public:
  Status Start(const HttpAnswer& head) override {
    starts++;
    status = head.status;
    return OkStatus();
  }
  Status Piece(std::string_view bytes) override {
    pieces++;
    largest = std::max(largest, bytes.size());
    total += bytes.size();
    return total > stop_after ? Corruption("enough") : OkStatus();
  }
  int starts = 0, status = 0, pieces = 0;
  size_t largest = 0, total = 0, stop_after = SIZE_MAX;
};

TEST(HttpClient, HandsALargeBodyOutInPieces) {
  const std::string large(3 * limits::kMiB, 'x');
  LoopbackServer server([&](const std::string&, const std::string&) { return LoopbackServer::Ok(large); });
  HttpClient client({});
  HttpRequest request = Get(server.Url());
  request.body_bytes_max = large.size();
  Collector sink;
  auto answer = client.Stream(request, sink);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(sink.starts, 1);
  EXPECT_EQ(sink.status, 200);
  EXPECT_EQ(sink.total, large.size());
  EXPECT_GT(sink.pieces, 1);
  EXPECT_LE(sink.largest, static_cast<size_t>(limits::kOutboundReceiveBytes));

  request.body_bytes_max--;
  Collector second;
  EXPECT_EQ(client.Stream(request, second).code(), Code::kTooLarge);
  Collector third;
  third.stop_after = 1000;
  EXPECT_EQ(client.Stream(request, third).code(), Code::kCorruption);
}

TEST(HttpClient, StartsTheSinkForAnEmptyBody) {
  LoopbackServer server([](const std::string&, const std::string&) {
    return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n";
  });
  HttpClient client({});
  Collector sink;
  auto answer = client.Stream(Get(server.Url()), sink);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(sink.starts, 1);
  EXPECT_EQ(sink.status, 204);
  EXPECT_EQ(answer->Header("x-a"), "1");
}

TEST(HttpClient, ChunkedBodiesAndTrailers) {
  LoopbackServer server([](const std::string&, const std::string&) {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n";
  });
  HttpClient client({});
  auto answer = client.Send(Get(server.Url()));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->body, "abcde");
  EXPECT_EQ(answer->Header("x-trailer"), "");
}

TEST(HttpClient, RedirectsAreAnswersUnlessAskedFor) {
  std::atomic<int> asked{0};
  LoopbackServer server([&](const std::string& head, const std::string&) -> std::string {
    asked++;
    if (head.starts_with("GET /end ")) return LoopbackServer::Ok("end");
    if (head.starts_with("GET /loop ")) return "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 3\r\n\r\nbye";
    if (head.starts_with("GET /file "))
      return "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n";
    return "HTTP/1.1 307 Temporary Redirect\r\nLocation: end\r\nContent-Length: 3\r\n\r\nbye";
  });
  HttpClient client({});
  HttpRequest request = Get(server.Url("/start"));
  auto answer = client.Send(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 307);
  EXPECT_EQ(answer->body, "bye");
  request.redirects_max = 3;
  answer = client.Send(request);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->body, "end");

  request.url = server.Url("/loop");
  asked = 0;
  EXPECT_EQ(client.Send(request).code(), Code::kFailedPrecondition);
  EXPECT_EQ(asked, 4);
  request.url = server.Url("/file");
  EXPECT_EQ(client.Send(request).code(), Code::kFailedPrecondition);
  request.method = "POST";
  request.url = server.Url("/start");
  answer = client.Send(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 307);
}

TEST(HttpClient, CredentialsStayWithTheHostTheyWereGivenFor) {
  std::string seen;
  LoopbackServer other([&](const std::string& head, const std::string&) {
    seen = head;
    return LoopbackServer::Ok("x");
  });
  std::string first, second;
  LoopbackServer server([&](const std::string& head, const std::string&) -> std::string {
    if (head.starts_with("GET /away ")) {
      first = head;
      return "HTTP/1.1 302 Found\r\nLocation: " + other.Url() + "\r\nContent-Length: 0\r\n\r\n";
    }
    if (head.starts_with("GET /here ")) {
      return "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
    }
    second = head;
    return LoopbackServer::Ok("x");
  });
  HttpClient client({});
  HttpRequest request = Get(server.Url("/away"));
  request.url.insert(7, "me:secret@");
  request.headers = {{"X-Token", "t"}, {"Cookie", "c"}, {"Accept", "application/json"}};
  request.redirects_max = 1;
  ASSERT_TRUE(client.Send(request).ok());
  EXPECT_NE(first.find("Authorization: Basic bWU6c2VjcmV0"), std::string::npos) << first;
  EXPECT_NE(first.find("X-Token: t"), std::string::npos);
  EXPECT_NE(seen.find("Accept: application/json"), std::string::npos) << seen;
  for (const char* secret : {"Authorization", "X-Token", "Cookie"})
    EXPECT_EQ(seen.find(secret), std::string::npos) << seen;

  request.url = server.Url("/here");
  request.headers[0] = {"Authorization", "Bearer t"};
  ASSERT_TRUE(client.Send(request).ok());
  EXPECT_NE(second.find("Authorization: Bearer t"), std::string::npos) << second;
}

TEST(HttpClient, RefusesPrivateAddressesAfterTheNameWasResolved) {
  LoopbackServer server([](const std::string&, const std::string&) { return LoopbackServer::Ok("x"); });
  HttpClient::Options options;
  options.public_addresses_only = true;
  HttpClient client(options);
  for (const char* host : {"127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"}) {
    auto answer = client.Send(Get(std::string("http://") + host + ":" + std::to_string(server.port()) + "/"));
    EXPECT_EQ(answer.code(), Code::kPermissionDenied) << host << " " << answer.status().ToString();
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpClient, NamesWhatFailedButNoSecrets) {
  HttpClient client({});
  uint16_t closed_port = 0;
  {
    LoopbackServer server([](const std::string&, const std::string&) { return std::string(); });
    auto broken = client.Send(Get(server.Url("/p")));
    EXPECT_EQ(broken.code(), Code::kUnavailable);
    EXPECT_TRUE(client.may_have_arrived());
    closed_port = server.port();
  }
  const std::string host = "127.0.0.1:" + std::to_string(closed_port);
  auto answer = client.Send(Get("http://me:secret@" + host + "/path?token=hidden"));
  EXPECT_EQ(answer.code(), Code::kUnavailable);
  EXPECT_FALSE(client.may_have_arrived());  // Nor does it remember the request before.
  const std::string text(answer.status().message());
  EXPECT_NE(text.find("GET http://" + host + "/path: "), std::string::npos) << text;
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
}

TEST(HttpClient, AnswersThatAreNotHttpAreErrors) {
  std::string bytes;
  LoopbackServer server([&](const std::string&, const std::string&) { return bytes; });
  HttpClient client({});
  for (const std::string& text :
       {std::string("hello Connection: close"), std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"
                                                            "Connection: close\r\n\r\nshort")}) {
    bytes = text;
    EXPECT_EQ(client.Send(Get(server.Url())).code(), Code::kUnavailable) << text;
  }
  bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
  for (int i = 0; i < 100; i++) bytes += "X-Filler: " + std::string(1000, 'f') + "\r\n";
  bytes += "\r\n";
  EXPECT_EQ(client.Send(Get(server.Url())).code(), Code::kTooLarge);
}

TEST(HttpClient, SilenceAndSlownessEndInTime) {
  std::atomic<bool> released{false};
  LoopbackServer server([&](const std::string&, const std::string&) { return Hang(released); });
  HttpClient client({});
  HttpRequest request = Get(server.Url());
  request.idle_timeout_ms = 50;
  auto answer = client.Send(request);
  EXPECT_EQ(answer.code(), Code::kDeadlineExceeded) << answer.status().ToString();
  request.idle_timeout_ms = 60'000;
  request.total_timeout_ms = 50;
  EXPECT_EQ(client.Send(request).code(), Code::kDeadlineExceeded);
  released = true;
}

TEST(HttpClient, CancelEndsARequestThatIsUnderWayAndAllLaterOnes) {
  std::atomic<bool> released{false};
  std::atomic<bool> arrived{false};
  LoopbackServer server([&](const std::string&, const std::string&) {
    arrived = true;
    return Hang(released);
  });
  HttpClient client({});
  Status status;
  std::thread sender([&] { status = client.Send(Get(server.Url())).status(); });
  while (!arrived.load()) std::this_thread::yield();
  client.Cancel();
  sender.join();
  EXPECT_EQ(status.code(), Code::kCancelled);
  EXPECT_EQ(client.Send(Get(server.Url())).code(), Code::kCancelled);
  released = true;
}

TEST(HttpClient, RefusesRequestsThatWouldNotMeanWhatTheySay) {
  HttpClient client({});
  for (const char* url : {"", "example", "/path", "ftp://registry.example/", "file:///etc/passwd", "http:/x",
                          "http:///x", "http://", "http://a b/", "http://a/\r\nX: y", "http://a:99999/", "gopher://x",
                          "javascript:alert(1)", "http://106%35321/", "http://0%7f.x/", "http://%%33f/"}) {
    EXPECT_EQ(client.Send(Get(url)).code(), Code::kInvalidArgument) << url;
    EXPECT_EQ(ParseHttpUrl(url).code(), Code::kInvalidArgument) << url;
  }
  EXPECT_EQ(client.Send(Get("http://a/" + std::string(limits::kOutboundUrlBytesMax, 'x'))).code(),
            Code::kInvalidArgument);
  HttpRequest request = Get("http://127.0.0.1:1/");
  request.method = "GET /other";
  EXPECT_EQ(client.Send(request).code(), Code::kInvalidArgument);
  request.method = "GET";
  for (const HttpHeader& header : {HttpHeader{"X-A", "b\r\nX-C: d"}, HttpHeader{"X A", "b"}, HttpHeader{"", "b"},
                                   HttpHeader{"Content-Length", "3"}, HttpHeader{"Transfer-Encoding", "chunked"}}) {
    request.headers = {header};
    EXPECT_EQ(client.Send(request).code(), Code::kInvalidArgument) << header.name;
  }
}

// libcurl refuses such a host only once the request is under way, which left its handle useless.
TEST(HttpClient, GoesOnAfterAHostThatIsNoName) {
  HttpClient client({});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(client.Send(Get("http://\xff\xfe.example:1/")).ok());
  LoopbackServer server([](const std::string&, const std::string&) { return LoopbackServer::Ok("x"); });
  EXPECT_TRUE(client.Send(Get(server.Url())).ok());
}

TEST(HttpClient, TakesUrlsApart) {
  auto url = ParseHttpUrl("HTTPS://Me@Registry.Example/x");
  ASSERT_TRUE(url.ok()) << url.status().ToString();
  EXPECT_TRUE(url->is_https);
  EXPECT_TRUE(url->has_credentials);
  EXPECT_EQ(url->host, "registry.example");
  EXPECT_EQ(url->port, 443);
  url = ParseHttpUrl("http://[::1]:8080");
  ASSERT_TRUE(url.ok());
  EXPECT_FALSE(url->has_credentials);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8080);
  url = ParseHttpUrl("http://user:p%40ss@1065321/");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->host, "0.16.65.105") << "a number is an address";
}

}  // namespace
}  // namespace tarn
