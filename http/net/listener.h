#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/result.h"

namespace tarn::http {

// Sockets that listen, as plain descriptors, non-blocking and close-on-exec. Sans Asio.

// An open descriptor; closed with the object.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.Release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  ~OwnedFd() { Reset(-1); }

  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  void Reset(int fd);
  int fd_ = -1;
};

// `count` sockets on one address, for the kernel to spread connections over (SO_REUSEPORT). `address` is "host:port" with a
// numeric host, "[v6]:port" or "localhost:port"; with port 0 all share the port that the first one is given.
// kAlreadyExists when somebody else listens there: SO_REUSEPORT alone would let two servers share a port unnoticed.
Result<std::vector<OwnedFd>> ListenTcp(const std::string& address, size_t count);

// A Unix socket at `path`, mode 0600 before anyone can connect; a file that is there is replaced.
Result<OwnedFd> ListenUnix(const std::string& path);

// `count` descriptors of one socket that listens already. kInvalidArgument if it is none.
Result<std::vector<OwnedFd>> AdoptListening(int fd, size_t count);

// "127.0.0.1:4873", "[::1]:4873" or the path of a Unix socket: where the socket is bound. "" if that fails.
std::string LocalAddress(int fd);

}  // namespace tarn::http
