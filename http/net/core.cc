#include "http/net/core.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "http/net/connection.h"
#include "storage/base/check.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr auto kDescriptorPause = std::chrono::milliseconds(100);  // Before accepting again when out of descriptors.
constexpr size_t kRefusingMax = 256;                               // Per core; over it connections are just closed.
constexpr size_t kSpareWorkspacesMax = 128;
constexpr size_t kSpareBodyBuffersMax = 8;

// Deadlines are late by at most a quarter of the shortest of them.
uint64_t TickMs(const ConnectionOptions& options) {
  const uint64_t shortest =
      std::min({options.header_ms, options.idle_ms, options.rate_window_ms, options.linger_ms, uint64_t{1000}});
  return std::max<uint64_t>(1, shortest / 4);
}

Peer PeerOf(int fd, const sockaddr_storage& address) {
  Peer peer;
  peer.local_address = LocalAddress(fd);
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    peer.port = ntohs(v4.sin_port);
    peer.ip[10] = peer.ip[11] = 0xff;
    std::memcpy(peer.ip.data() + 12, &v4.sin_addr, 4);
    peer.address = ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    peer.port = ntohs(v6.sin6_port);
    std::memcpy(peer.ip.data(), &v6.sin6_addr, 16);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    peer.address = mapped ? ::inet_ntop(AF_INET, peer.ip.data() + 12, text, sizeof(text))
                          : ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  } else {
    peer.is_unix_socket = true;
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) peer.uid = credentials.uid;
  }
  return peer;
}

// An exception that leaves a coroutine is a bug of ours; there is no state to go on from.
void OnCoroutineEnd(std::exception_ptr error) {
  if (error == nullptr) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    CheckFailed(__FILE__, __LINE__, "exception left a coroutine: ", e.what());
  }
}

}  // namespace

Core::Core(ServerContext& server, uint8_t index)
    : server_(server),
      context_(1),
      work_guard_(context_.get_executor()),
      tick_timer_(context_),
      tick_ms_(TickMs(server.options.connection)),
      stamp_(server.clock, server.run, index),
      access_log_(server.clock, server.handler) {}

Core::~Core() { CHECK(connections_.empty()); }

void Core::Listen(OwnedFd socket) {
  listeners_.push_back(std::make_unique<boost::asio::posix::stream_descriptor>(context_, socket.Release()));
  boost::asio::co_spawn(context_, AcceptLoop(listeners_.back().get()), OnCoroutineEnd);
}

void Core::Run() {
  context_.run();
  access_log_.Flush();
}

void Core::StartDrain() {
  boost::asio::post(context_, [this] { Drain(); });
}

void Core::StartCut() {
  boost::asio::post(context_, [this] {
    Drain();
    for (Connection* connection : connections_) connection->Cut();
  });
}

void Core::Ping() {
  uint64_t answered = 0;
  const uint64_t now_ms = std::max<uint64_t>(server_.clock.MonotonicMs(), 1);
  if (!asked_ms_.compare_exchange_strong(answered, now_ms)) return;
  boost::asio::post(context_, [this] { asked_ms_.store(0, std::memory_order_release); });
}

uint64_t Core::silent_ms() const {
  const uint64_t asked_ms = asked_ms_.load(std::memory_order_acquire);
  const uint64_t now_ms = server_.clock.MonotonicMs();
  return asked_ms == 0 ? 0 : now_ms - std::min(now_ms, asked_ms);
}

void Core::Drain() {
  draining_ = true;
  boost::system::error_code ignored;
  for (const auto& listener : listeners_) listener->cancel(ignored);
  for (Connection* connection : connections_) connection->StartDrain();
  work_guard_.reset();
}

Task<void> Core::AcceptLoop(boost::asio::posix::stream_descriptor* listener) {
  const int fd = listener->native_handle();
  boost::asio::steady_timer pause(context_);
  bool said_so = false;
  while (!draining_) {
    if (AcceptReady(fd) == AcceptState::kOutOfDescriptors) {
      if (!said_so) Log(LogLevel::kError, "cannot accept connections: out of file descriptors or memory");
      said_so = true;
      pause.expires_after(kDescriptorPause);
      co_await pause.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
      continue;
    }
    said_so = false;
    co_await listener->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                  boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  AcceptReady(fd);  // Those in the kernel's queue were promised a connection.
  boost::system::error_code ignored;
  listener->close(ignored);
}

Core::AcceptState Core::AcceptReady(int listener_fd) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    OwnedFd socket(::accept4(listener_fd, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() >= 0) {
      Peer peer = PeerOf(socket.get(), address);
      Adopt(std::move(socket), std::move(peer));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return AcceptState::kOutOfDescriptors;
    }
    // Anything else concerns that one connection, which is gone (accept(2), "Error handling").
  }
  return AcceptState::kTookAll;
}

void Core::Adopt(OwnedFd socket, Peer peer) {
  counters_.accepted.Add(1);
  auto purpose = Connection::Purpose::kServe;
  if (server_.open_connections.fetch_add(1, std::memory_order_relaxed) >= options().connections_max &&
      !peer.is_unix_socket) {
    counters_.refused_connections.Add(1);
    if (refusing_ == kRefusingMax) {
      server_.open_connections.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    ++refusing_;
    purpose = Connection::Purpose::kRefuse;
  }
  auto connection = std::make_unique<Connection>(*this, socket.Release(), std::move(peer), purpose);
  boost::asio::co_spawn(context_, Serve(std::move(connection)), OnCoroutineEnd);
}

Task<void> Core::Serve(std::unique_ptr<Connection> connection) {
  connections_.insert(connection.get());
  deadlines_.Add(connection.get());
  StartTicking();
  co_await connection->Run();
  deadlines_.Remove(connection.get());
  connections_.erase(connection.get());
  if (deadlines_.empty()) tick_timer_.cancel();  // Ticks once more, and stops: a drain need not wait for it.
  if (connection->purpose() == Connection::Purpose::kRefuse) --refusing_;
  server_.open_connections.fetch_sub(1, std::memory_order_relaxed);
}

void Core::StartTicking() {
  if (std::exchange(ticking_, true)) return;
  Tick();
}

void Core::Tick() {
  deadlines_.Expire(NowUs() / 1000);
  access_log_.Flush();
  if (deadlines_.empty()) {  // Nothing to wait for; the next connection starts it again.
    ticking_ = false;
    return;
  }
  tick_timer_.expires_after(std::chrono::milliseconds(tick_ms_));
  tick_timer_.async_wait([this](const boost::system::error_code&) { Tick(); });
}

void Core::OnRequestDone(const RequestSummary& summary) {
  counters_.requests.Add(1);
  counters_.received_bytes.Add(summary.received_bytes);
  counters_.sent_bytes.Add(summary.sent_bytes);
  if (options().access_log) access_log_.Add(summary);
  handler().OnRequestDone(summary);
}

std::unique_ptr<Workspace> Core::TakeWorkspace() {
  if (spare_workspaces_.empty()) return std::make_unique<Workspace>(options().connection.header_bytes_max);
  std::unique_ptr<Workspace> workspace = std::move(spare_workspaces_.back());
  spare_workspaces_.pop_back();
  return workspace;
}

void Core::GiveBack(std::unique_ptr<Workspace> workspace) {
  if (spare_workspaces_.size() == kSpareWorkspacesMax || workspace->parser.refusal().http_status != 0 ||
      workspace->input.capacity() > limits::kReadBufferBytes) {
    return;
  }
  workspace->parser.Reset();
  workspace->input.Clear();
  workspace->response.Clear();
  spare_workspaces_.push_back(std::move(workspace));
}

std::unique_ptr<char[]> Core::TakeBodyBuffer() {
  if (spare_body_buffers_.empty()) return std::unique_ptr<char[]>(new char[limits::kBodyChunkBytes]);
  std::unique_ptr<char[]> buffer = std::move(spare_body_buffers_.back());
  spare_body_buffers_.pop_back();
  return buffer;
}

void Core::GiveBack(std::unique_ptr<char[]> body_buffer) {
  if (spare_body_buffers_.size() < kSpareBodyBuffersMax) spare_body_buffers_.push_back(std::move(body_buffer));
}

}  // namespace tarn::http
