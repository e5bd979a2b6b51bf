#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/check.h"

namespace tarn::http::testing {

// One answer as a client sees it.
struct Answer {
  int status = 0;  // 0: the connection ended before a whole head.
  std::map<std::string, std::string> headers;
  std::string body;
  bool complete = false;  // The body is as long as content-length says.
};

// A blocking HTTP client for tests: raw bytes out, answers in. Gives up after ten seconds of silence.
class TestClient {
 public:
  // "127.0.0.1:port", or the path of a Unix socket. `receive_buffer_bytes` makes a reader whose kernel buffers little.
  explicit TestClient(const std::string& address, int receive_buffer_bytes = 0) {
    const bool is_path = address.find('/') != std::string::npos;
    fd_ = ::socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd_ >= 0);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (receive_buffer_bytes > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
    }
    connected_ = is_path ? ConnectUnix(address) : ConnectTcp(address);
  }
  ~TestClient() { ::close(fd_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool connected() const { return connected_; }

  // False if the other end does not take it all.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void FinishSending() { ::shutdown(fd_, SHUT_WR); }

  // The next answer; to a HEAD request none has a body.
  enum class Body : unsigned char { kExpected, kNone };
  Answer Read(Body body = Body::kExpected) {
    Answer answer;
    size_t head_end;
    while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!Receive()) return answer;
    }
    ParseHead(received_.substr(0, head_end + 2), &answer);
    received_.erase(0, head_end + 4);
    const auto length = answer.headers.find("content-length");
    const size_t size = body == Body::kNone || length == answer.headers.end()
                            ? 0
                            : static_cast<size_t>(std::strtoull(length->second.c_str(), nullptr, 10));
    while (received_.size() < size && Receive()) {
    }
    answer.body = received_.substr(0, size);
    answer.complete = answer.body.size() == size;
    received_.erase(0, size);
    return answer;
  }
  Answer Get(const std::string& target) {
    Send("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return Read();
  }
  // The next chunk of a body that comes in chunks; empty for the last one, nullopt when the connection ends before it is whole.
  std::optional<std::string> ReadChunk() {
    size_t line_end;
    while ((line_end = received_.find("\r\n")) == std::string::npos) {
      if (!Receive()) return std::nullopt;
    }
    const size_t size = std::strtoull(received_.c_str(), nullptr, 16);
    while (received_.size() < line_end + 2 + size + 2) {
      if (!Receive()) return std::nullopt;
    }
    const std::string chunk = received_.substr(line_end + 2, size);
    received_.erase(0, line_end + 2 + size + 2);
    return chunk;
  }
  // True if the other end closes without another byte.
  bool AtEnd() { return received_.empty() && !Receive(); }
  std::string_view unread() const { return received_; }

 private:
  bool ConnectTcp(const std::string& address) {
    const size_t colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
    CHECK(::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) == 1);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
  }
  bool ConnectUnix(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    CHECK(path.size() < sizeof(to.sun_path));
    std::memcpy(to.sun_path, path.data(), path.size());
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
  }
  bool Receive() {
    char buffer[64 * 1024];
    const ssize_t size = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (size <= 0) return false;
    received_.append(buffer, static_cast<size_t>(size));
    return true;
  }
  static void ParseHead(std::string_view head, Answer* answer) {
    answer->status = std::atoi(std::string(head.substr(9, 3)).c_str());
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const size_t end = head.find("\r\n");
      const std::string_view line = head.substr(0, end);
      const size_t colon = line.find(": ");
      answer->headers[std::string(line.substr(0, colon))] = std::string(line.substr(colon + 2));
      head.remove_prefix(end + 2);
    }
  }

  int fd_ = -1;
  bool connected_ = false;
  std::string received_;
};

}  // namespace tarn::http::testing
