#include "http/net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace tarn::http {
namespace {

constexpr int kBacklog = 4096;  // The kernel cuts it to net.core.somaxconn.

struct HostPort {
  std::string host;
  std::string port;
};

Result<HostPort> SplitHostPort(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size() ||
      address.find_first_not_of("0123456789", colon + 1) != std::string::npos) {
    return InvalidArgument("listen address " + address + ": expected HOST:PORT, such as 127.0.0.1:4873");
  }
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos) {
    return InvalidArgument("listen address " + address + ": put the IPv6 address in brackets");
  }
  if (host == "localhost") host = "127.0.0.1";
  return HostPort{std::move(host), address.substr(colon + 1)};
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> Resolve(const std::string& address) {
  ASSIGN_OR_RETURN(const HostPort parts, SplitHostPort(address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(parts.host.empty() ? nullptr : parts.host.c_str(), parts.port.c_str(), &hints, &list);
  if (error != 0) return InvalidArgument("listen address " + address + ": " + ::gai_strerror(error));
  return Addresses(list);
}

enum class Share : uint8_t { kNo, kYes };

Result<OwnedFd> Bind(const sockaddr* address, socklen_t size, Share share, const std::string& name) {
  OwnedFd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return FromErrno(errno, "socket for " + name);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (share == Share::kYes) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  // Accepted sockets inherit it. Answers are sent whole, so there is nothing for Nagle's algorithm to gather.
  if (address->sa_family != AF_UNIX) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (address->sa_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  if (::bind(fd.get(), address, size) != 0) {
    if (errno == EADDRINUSE) return AlreadyExists("listen address " + name + " is in use");
    if (errno == EADDRNOTAVAIL) return InvalidArgument("listen address " + name + " is not an address of this machine");
    return FromErrno(errno, "bind " + name);
  }
  return fd;
}

// The bound address of `fd`: with the port the kernel chose.
socklen_t BoundAddress(int fd, sockaddr_storage* address) {
  socklen_t size = sizeof(*address);
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(address), &size) == 0 ? size : 0;
}

}  // namespace

void OwnedFd::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::vector<OwnedFd>> ListenTcp(const std::string& address, size_t count) {
  ASSIGN_OR_RETURN(const Addresses resolved, Resolve(address));
  sockaddr_storage bound{};
  socklen_t size = resolved->ai_addrlen;
  std::memcpy(&bound, resolved->ai_addr, size);
  const auto* const bound_address = reinterpret_cast<const sockaddr*>(&bound);
  {
    // Alone first, which fails if anyone listens here, and settles the port.
    ASSIGN_OR_RETURN(const OwnedFd probe, Bind(bound_address, size, Share::kNo, address));
    size = BoundAddress(probe.get(), &bound);
  }
  std::vector<OwnedFd> sockets;
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(OwnedFd fd, Bind(bound_address, size, Share::kYes, address));
    sockets.push_back(std::move(fd));
  }
  // Only now: the kernel must not give connections to some of them while others are still to come.
  for (const OwnedFd& fd : sockets) {
    if (::listen(fd.get(), kBacklog) != 0) return FromErrno(errno, "listen " + address);
  }
  return sockets;
}

Result<OwnedFd> ListenUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return InvalidArgument("Unix socket " + path + ": the path is longer than " +
                           std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FromErrno(errno, "unlink " + path);
  ASSIGN_OR_RETURN(OwnedFd fd, Bind(reinterpret_cast<const sockaddr*>(&address), sizeof(address), Share::kNo, path));
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) return FromErrno(errno, "chmod " + path);
  if (::listen(fd.get(), kBacklog) != 0) return FromErrno(errno, "listen " + path);
  return fd;
}

Result<std::vector<OwnedFd>> AdoptListening(int fd, size_t count) {
  OwnedFd adopted(fd);
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return InvalidArgument("descriptor " + std::to_string(fd) + " is not a listening socket");
  }
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  std::vector<OwnedFd> sockets;
  sockets.push_back(std::move(adopted));
  while (sockets.size() < count) {
    OwnedFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (copy.get() < 0) return FromErrno(errno, "duplicate a listening socket");
    sockets.push_back(std::move(copy));
  }
  return sockets;
}

std::string LocalAddress(int fd) {
  sockaddr_storage address{};
  const socklen_t size = BoundAddress(fd, &address);
  char text[INET6_ADDRSTRLEN];
  if (size == 0) return "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return address.ss_family == AF_UNIX ? reinterpret_cast<const sockaddr_un&>(address).sun_path : "";
}

}  // namespace tarn::http
