#include "http/net/server.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "http/net/core.h"
#include "storage/base/bytes.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"

namespace tarn::http {

class Server::Impl {
 public:
  Impl(ServerOptions options, Handler& handler, Executor& executor, Clock& clock, uint32_t run)
      : context_{std::move(options), handler, executor, clock, run} {}
  ~Impl() { Stop(); }

  Status Start();
  Status Drain(uint64_t deadline_ms);
  std::vector<uint64_t> CoreSilencesMs();
  void Stop();
  ServerStats stats() const;
  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  Status Bind();
  void RunCore(Core* core);
  bool WaitForCores(uint64_t deadline_ms);

  ServerContext context_;
  std::vector<std::unique_ptr<Core>> cores_;
  std::vector<std::thread> threads_;
  std::vector<std::string> addresses_;

  Mutex mutex_;
  CondVar core_ended_;
  size_t running_ GUARDED_BY(mutex_) = 0;
};

Status Server::Impl::Start() {
  size_t count = context_.options.cores;
  if (count == 0) count = std::max(1u, std::thread::hardware_concurrency());
  if (count > 255) return InvalidArgument("more than 255 cores");
  for (size_t i = 0; i < count; ++i) cores_.push_back(std::make_unique<Core>(context_, static_cast<uint8_t>(i)));
  Status bound = Bind();
  if (!bound.ok()) {
    cores_.clear();
    return bound;
  }
  for (const std::unique_ptr<Core>& core : cores_) {
    MutexLock lock(mutex_);
    ++running_;
    threads_.emplace_back([this, core = core.get()] { RunCore(core); });
    pthread_setname_np(threads_.back().native_handle(), "tarn-core");
  }
  return OkStatus();
}

Status Server::Impl::Bind() {
  const auto spread = [this](std::vector<OwnedFd> sockets) {
    const std::string address = LocalAddress(sockets.front().get());
    if (!address.empty() && address.front() != '/') addresses_.push_back(address);
    for (size_t i = 0; i < sockets.size(); ++i) cores_[i]->Listen(std::move(sockets[i]));
  };
  for (const int fd : context_.options.listen_sockets) {
    ASSIGN_OR_RETURN(std::vector<OwnedFd> sockets, AdoptListening(fd, cores_.size()));
    spread(std::move(sockets));
  }
  for (const std::string& address : context_.options.listen) {
    ASSIGN_OR_RETURN(std::vector<OwnedFd> sockets, ListenTcp(address, cores_.size()));
    spread(std::move(sockets));
  }
  if (!context_.options.unix_socket_path.empty()) {
    ASSIGN_OR_RETURN(OwnedFd socket, ListenUnix(context_.options.unix_socket_path));
    cores_.front()->Listen(std::move(socket));
  }
  return OkStatus();
}

void Server::Impl::RunCore(Core* core) {
  // sendfile has no MSG_NOSIGNAL: to a client that left it would end the process. Blocked for this thread alone, the signal
  // stays pending for ever and the call answers EPIPE.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  core->Run();
  MutexLock lock(mutex_);
  --running_;
  core_ended_.NotifyAll();
}

bool Server::Impl::WaitForCores(uint64_t deadline_ms) {
  const uint64_t end_ms = context_.clock.MonotonicMs() + deadline_ms;
  MutexLock lock(mutex_);
  while (running_ > 0) {
    const uint64_t now_ms = context_.clock.MonotonicMs();
    if (now_ms >= end_ms) return false;
    core_ended_.WaitForMs(mutex_, std::min<uint64_t>(end_ms - now_ms, 1000));
  }
  return true;
}

Status Server::Impl::Drain(uint64_t deadline_ms) {
  for (const std::unique_ptr<Core>& core : cores_) core->StartDrain();
  const bool in_time = WaitForCores(deadline_ms);
  Stop();
  return in_time ? OkStatus() : DeadlineExceeded("connections were cut: they did not end in time");
}

void Server::Impl::Stop() {
  for (const std::unique_ptr<Core>& core : cores_) core->StartCut();
  if (threads_.empty()) return;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  context_.executor.Settle();
  if (!context_.options.unix_socket_path.empty()) ::unlink(context_.options.unix_socket_path.c_str());
}

std::vector<uint64_t> Server::Impl::CoreSilencesMs() {
  std::vector<uint64_t> silences;
  for (const std::unique_ptr<Core>& core : cores_) {
    silences.push_back(core->silent_ms());
    core->Ping();
  }
  return silences;
}

ServerStats Server::Impl::stats() const {
  ServerStats stats;
  stats.open_connections = context_.open_connections.load(std::memory_order_relaxed);
  for (const std::unique_ptr<Core>& core : cores_) {
    const CoreCounters& counters = core->counters();
    stats.accepted_connections += counters.accepted.value();
    stats.refused_connections += counters.refused_connections.value();
    stats.requests += counters.requests.value();
    stats.fast_requests += counters.fast_requests.value();
    stats.refused_requests += counters.refused_requests.value();
    stats.timed_out_connections += counters.timed_out.value();
    stats.cold_reads += counters.cold_reads.value();
    stats.received_bytes += counters.received_bytes.value();
    stats.sent_bytes += counters.sent_bytes.value();
  }
  return stats;
}

Server::Server(ServerOptions options, Handler& handler, Executor& executor, Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), handler, executor, clock,
                                   LoadLittleEndian<uint32_t>(SystemRandom().Bytes(4).data()))) {}
Server::~Server() = default;
Status Server::Start() { return impl_->Start(); }
Status Server::Drain(uint64_t deadline_ms) { return impl_->Drain(deadline_ms); }
void Server::Stop() { impl_->Stop(); }
ServerStats Server::stats() const { return impl_->stats(); }
std::vector<uint64_t> Server::CoreSilencesMs() { return impl_->CoreSilencesMs(); }
const std::vector<std::string>& Server::addresses() const { return impl_->addresses(); }

std::vector<int> InheritedListenSockets() {
  const auto number = [](const char* name) {
    const char* const text = std::getenv(name);
    const std::string_view value = text == nullptr ? "" : text;
    int result = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    return error == std::errc() && end == value.data() + value.size() ? result : 0;
  };
  constexpr int kFirst = 3;  // SD_LISTEN_FDS_START.
  std::vector<int> sockets;
  if (number("LISTEN_PID") != ::getpid()) return sockets;
  for (int i = 0; i < number("LISTEN_FDS"); ++i) sockets.push_back(kFirst + i);
  return sockets;
}

}  // namespace tarn::http
