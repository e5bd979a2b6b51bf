#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/base/mutex.h"

namespace tarn::testing {

// A server on a loopback port of its own that answers with whatever bytes the test returns: the other end of clients of
// ours. One thread for each connection; reads a request's head and as much body as its Content-Length says.
class LoopbackServer {
 public:
  // Gets head and body of a request as they came, returns the bytes of the answer. Runs on the connection's thread. An
  // answer that has "Connection: close" in it, or is empty, ends the connection.
  using Handler = std::function<std::string(const std::string& head, const std::string& body)>;

  explicit LoopbackServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 64), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~LoopbackServer() {
    closing_.store(true);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
  }

  std::string Url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  uint16_t port() const { return port_; }
  int connections() const { return connections_.load(); }
  bool closing() const { return closing_.load(); }

  // "HTTP/1.1 200 OK" with this body and its length.
  static std::string Ok(const std::string& body, const std::string& headers = {}) {
    return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

 private:
  static constexpr int kPollMs = 20;

  bool Readable(int socket_fd) const {
    while (!closing_.load()) {
      pollfd entry{socket_fd, POLLIN, 0};
      if (poll(&entry, 1, kPollMs) > 0) return true;
    }
    return false;
  }

  void Accept() {
    while (Readable(listener_)) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      connections_++;
      threads_.emplace_back([this, connection] {
        Serve(connection);
        close(connection);
      });
    }
  }

  void Serve(int connection) {
    std::string input;
    for (;;) {
      size_t end = 0;
      size_t length = 0;
      for (;;) {
        end = input.find("\r\n\r\n");
        if (end != std::string::npos) {
          const size_t at = input.find("Content-Length: ");
          length = at < end ? std::stoul(input.substr(at + 16)) : 0;
          if (input.size() >= end + 4 + length) break;
        }
        char buffer[16384];
        if (!Readable(connection)) return;
        const ssize_t got = recv(connection, buffer, sizeof(buffer), 0);
        if (got <= 0) return;
        input.append(buffer, static_cast<size_t>(got));
      }
      const std::string answer = handler_(input.substr(0, end + 4), input.substr(end + 4, length));
      input.erase(0, end + 4 + length);
      for (size_t sent = 0; sent < answer.size();) {
        const ssize_t put = send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (put <= 0) return;
        sent += static_cast<size_t>(put);
      }
      if (answer.empty() || answer.find("Connection: close") != std::string::npos) return;
    }
  }

  const Handler handler_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> closing_{false};
  std::atomic<int> connections_{0};
  std::thread acceptor_;
  std::vector<std::thread> threads_;  // Of the acceptor thread, until it was joined.
};

}  // namespace tarn::testing
