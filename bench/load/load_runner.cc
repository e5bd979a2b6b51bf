#include "bench/load/load_runner.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace tarn::bench {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int kTickMs = 50;
constexpr int kEventsMax = 256;
constexpr uint64_t kTimerTag = ~uint64_t{0};

int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

int ConnectTo(const Options& options) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(options.port);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(options.port);
  const bool is_v4 = inet_pton(AF_INET, options.address.c_str(), &v4.sin_addr) == 1;
  if (!is_v4) inet_pton(AF_INET6, options.address.c_str(), &v6.sin6_addr);
  const int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr* address = is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  const socklen_t address_bytes = is_v4 ? sizeof(v4) : sizeof(v6);
  const int yes = 1;
  if (fd < 0 || connect(fd, address, address_bytes) != 0) {
    if (fd >= 0) close(fd);
    return -1;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  return fd;
}

}  // namespace

LoadRunner::LoadRunner(const Options& options, RequestSet& requests)
    : options_(options), requests_(requests), connections_(options.connection_count) {
  if (requests.lengths_repeat()) body_bytes_of_target_.resize(requests.target_count());
}

LoadRunner::~LoadRunner() {
  for (Connection& connection : connections_) Close(connection);
  if (timer_fd_ >= 0) close(timer_fd_);
  if (epoll_fd_ >= 0) close(epoll_fd_);
}

bool LoadRunner::Run(RunResult* result, std::string* error) {
  result_ = result;
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  bool ready = epoll_fd_ >= 0 && StartTimer();
  for (Connection& connection : connections_) ready = ready && Open(connection);
  if (!ready) {
    *error = std::string("cannot connect: ") + std::strerror(errno);
    return false;
  }
  begin_ns_ = NowNs();
  if (!options_.first_body_file.empty()) capturing_ = &connections_.front();
  Loop();
  result_->seconds = static_cast<double>(NowNs() - begin_ns_) / static_cast<double>(kNsPerSecond);
  return true;
}

bool LoadRunner::Open(Connection& connection) {
  // Blocking connect: on loopback it is over as soon as the kernel has queued the other end.
  connection.fd = ConnectTo(options_);
  if (connection.fd < 0) return false;
  const auto index = static_cast<uint64_t>(&connection - connections_.data());
  epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
  return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, connection.fd, &event) == 0;
}

void LoadRunner::Close(Connection& connection) {
  if (connection.fd >= 0) close(connection.fd);
  if (connection.busy) --busy_count_;
  connection = Connection{};
}

void LoadRunner::Reopen(Connection& connection) {
  Close(connection);
  ++result_->reconnect_count;
  if (!Open(connection)) stopping_ = true;
}

bool LoadRunner::StartTimer() {
  if (options_.requests_per_second == 0) return true;
  // Requests that came due between two ticks are sent together, so a tick of a millisecond is fine
  // enough.
  const int64_t interval_ns =
      std::max<int64_t>(kNsPerSecond / static_cast<int64_t>(options_.requests_per_second), kNsPerMs);
  const timespec period{.tv_sec = interval_ns / kNsPerSecond, .tv_nsec = interval_ns % kNsPerSecond};
  const itimerspec spec{.it_interval = period, .it_value = period};
  timer_fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kTimerTag}};
  return timer_fd_ >= 0 && timerfd_settime(timer_fd_, 0, &spec, nullptr) == 0 &&
         epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, timer_fd_, &event) == 0;
}

void LoadRunner::Loop() {
  const auto budget_ns = static_cast<int64_t>(options_.seconds_max * static_cast<double>(kNsPerSecond));
  const int64_t end_ns = begin_ns_ + budget_ns;
  int64_t next_check_ns = begin_ns_;
  std::array<epoll_event, kEventsMax> events{};
  StartDueRequests();
  while (busy_count_ > 0 || may_issue()) {
    const int ready = epoll_wait(epoll_fd_, events.data(), kEventsMax, kTickMs);
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.u64 == kTimerTag) {
        OnTimer();
      } else {
        OnConnection(connections_[event.data.u64], event.events);
      }
    }
    const int64_t now_ns = NowNs();
    if (now_ns >= end_ns || result_->error_count >= kErrorsMax) stopping_ = true;
    if (timer_fd_ < 0 && busy_count_ < connections_.size() && may_issue()) StartDueRequests();
    if (now_ns >= next_check_ns) {
      FailLateRequests(now_ns);
      next_check_ns = now_ns + kTickMs * kNsPerMs;
    }
  }
}

void LoadRunner::OnTimer() {
  uint64_t expirations = 0;
  if (read(timer_fd_, &expirations, sizeof(expirations)) > 0) StartDueRequests();
}

void LoadRunner::OnConnection(Connection& connection, uint32_t events) {
  if (!connection.busy) return OnIdleEvent(connection);
  if ((events & EPOLLOUT) != 0 && connection.wants_write) Send(connection);
  if (connection.busy && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) Receive(connection);
}

// A server may close an idle connection, but not talk on it. An event that is left over from a
// socket closed earlier in the same batch finds nothing to read.
void LoadRunner::OnIdleEvent(Connection& connection) {
  const ssize_t peeked = recv(connection.fd, buffer_.data(), 1, MSG_PEEK | MSG_DONTWAIT);
  if (peeked < 0 && errno == EAGAIN) return;
  if (peeked > 0) return Fail(connection, "bytes nobody asked for");
  Reopen(connection);
}

// Gives every idle connection a request, as far as requests are left and due.
void LoadRunner::StartDueRequests() {
  const int64_t now_ns = NowNs();
  for (Connection& connection : connections_) {
    if (connection.busy) continue;
    if (!may_issue() || DueNs(issued_count_) > now_ns) return;
    if (!StartRequest(connection)) return;
  }
}

// When the request with this number should leave. In a closed loop that is at once.
int64_t LoadRunner::DueNs(uint64_t request_number) const {
  if (options_.requests_per_second == 0) return 0;
  const double seconds = static_cast<double>(request_number) / static_cast<double>(options_.requests_per_second);
  return begin_ns_ + static_cast<int64_t>(seconds * static_cast<double>(kNsPerSecond));
}

bool LoadRunner::StartRequest(Connection& connection) {
  const std::optional<RequestView> request = requests_.Next();
  if (!request) {
    stopping_ = true;
    return false;
  }
  connection.request = *request;
  connection.sent_bytes = 0;
  connection.busy = true;
  // With a rate, time spent waiting for a free connection belongs to the latency: leaving it out
  // would hide every stall of the server behind the requests that were not sent meanwhile.
  connection.start_ns = timer_fd_ >= 0 ? DueNs(issued_count_) : NowNs();
  ++busy_count_;
  ++issued_count_;
  Send(connection);
  return true;
}

void LoadRunner::Send(Connection& connection) {
  const RequestView& request = connection.request;
  const size_t total = request.head.size() + request.body.size();
  while (connection.sent_bytes < total) {
    std::array<iovec, 2> parts{};
    const size_t head_sent = std::min(connection.sent_bytes, request.head.size());
    const size_t body_sent = connection.sent_bytes - head_sent;
    parts[0] = {const_cast<char*>(request.head.data() + head_sent), request.head.size() - head_sent};
    parts[1] = {const_cast<char*>(request.body.data() + body_sent), request.body.size() - body_sent};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = sendmsg(connection.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) return Fail(connection, "send");
    connection.sent_bytes += static_cast<size_t>(sent);
  }
  const bool wants_write = connection.sent_bytes < total;
  if (wants_write == connection.wants_write) return;
  connection.wants_write = wants_write;
  const auto index = static_cast<uint64_t>(&connection - connections_.data());
  epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
  if (wants_write) event.events |= EPOLLOUT;
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, connection.fd, &event);
}

void LoadRunner::Receive(Connection& connection) {
  ResponseParser& parser = connection.parser;
  while (connection.busy) {
    const bool captured = &connection == capturing_;
    ssize_t received = 0;
    if (parser.state() == ResponseParser::State::kBody && !captured) {
      // MSG_TRUNC drops bytes of a TCP stream without copying them, so that the generator stays
      // cheaper than the server it measures. It is counted, hence the length is still checked.
      received = recv(connection.fd, nullptr, parser.body_remaining(), MSG_TRUNC | MSG_DONTWAIT);
      if (received > 0) parser.SkipBody(static_cast<uint64_t>(received));
    } else {
      received = recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (received > 0) {
        const std::string_view data(buffer_.data(), static_cast<size_t>(received));
        std::string_view body;
        const size_t taken = parser.Feed(data, &body);
        if (captured) result_->first_body.append(body);
        if (parser.state() == ResponseParser::State::kBad) return Fail(connection, parser.problem());
        if (taken < data.size()) return Fail(connection, "bytes after the body");
      }
    }
    if (received < 0 && errno == EAGAIN) return;
    if (received < 0) return Fail(connection, "receive");
    if (received == 0) return Fail(connection, "closed");
    if (parser.state() == ResponseParser::State::kDone) return OnResponse(connection);
  }
}

void LoadRunner::OnResponse(Connection& connection) {
  ++result_->statuses[connection.parser.status()];
  const std::string_view problem = CheckResponse(connection);
  if (!problem.empty()) return Fail(connection, problem);
  const int64_t latency_ns = NowNs() - connection.start_ns;
  result_->latency.Record(static_cast<uint64_t>(std::max<int64_t>(latency_ns, 0)));
  result_->body_bytes += connection.parser.content_length();
  ++result_->right_count;
  if (&connection == capturing_) capturing_ = nullptr;
  const bool reopen = connection.parser.close_announced();
  connection.parser.Reset();
  connection.busy = false;
  --busy_count_;
  if (reopen) Reopen(connection);
  if (may_issue() && (timer_fd_ < 0 || DueNs(issued_count_) <= NowNs())) StartRequest(connection);
}

std::string_view LoadRunner::CheckResponse(const Connection& connection) {
  const ResponseParser& parser = connection.parser;
  const auto& expected = options_.expected_statuses;
  if (std::find(expected.begin(), expected.end(), parser.status()) == expected.end()) return "status";
  if (connection.sent_bytes < connection.request.head.size() + connection.request.body.size()) {
    return "answered before the request ended";
  }
  if (body_bytes_of_target_.empty()) return {};
  std::optional<uint64_t>& known = body_bytes_of_target_[connection.request.target_index];
  if (!known) known = parser.content_length();
  return *known == parser.content_length() ? std::string_view{} : std::string_view{"body length changed"};
}

void LoadRunner::Fail(Connection& connection, std::string_view reason) {
  ++result_->error_count;
  ++result_->errors[std::string(reason)];
  if (&connection == capturing_) {
    capturing_ = nullptr;
    result_->first_body.clear();
  }
  // The next request is left to Loop: a server that refuses everything at once would make this
  // recurse.
  Reopen(connection);
}

void LoadRunner::FailLateRequests(int64_t now_ns) {
  const int64_t timeout_ns = int64_t{options_.timeout_ms} * kNsPerMs;
  for (Connection& connection : connections_) {
    if (connection.busy && now_ns - connection.start_ns > timeout_ns) Fail(connection, "timeout");
  }
}

}  // namespace tarn::bench
