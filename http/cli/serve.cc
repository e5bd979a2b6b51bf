#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iterator>
#include <optional>
#include <thread>

#include "http/api/api.h"
#include "http/api/operator_jobs.h"
#include "http/cli/commands.h"
#include "http/cli/download_flusher.h"
#include "http/cli/elector.h"
#include "http/cli/job_kinds.h"
#include "http/cli/local_node.h"
#include "http/cli/operator_client.h"
#include "http/cli/peering.h"
#include "http/cli/periodic_work.h"
#include "http/cli/preparing_server.h"
#include "http/cli/watchdog.h"
#include "http/net/listener.h"
#include "http/net/server.h"
#include "storage/base/file_system.h"
#include "storage/base/stage_limits.h"
#include "storage/registry/derived_families.h"
#include "storage/registry/hook_dispatcher.h"
#include "storage/registry/hooks.h"
#include "storage/registry/package_listing.h"
#include "storage/registry/staged_versions.h"

namespace tarn::cli {
namespace {

constexpr uint64_t kLockMs = 5'000;
constexpr uint64_t kLockAgainMs = 50;

constexpr size_t kIoThreads = 4;
constexpr size_t kAdminThreads = 2;
// Beside the connections: segments that are being read, RocksDB's files.
constexpr uint64_t kDescriptorsBeside = 65'536;
constexpr uint64_t kDescriptorsBesideMin = 1'024;

http::ApiOptions ApiOptionsOf(const Config& config) {
  http::ApiOptions options;
  options.base_urls.public_urls = config.public_urls;
  options.base_urls.is_loopback_only = IsPrivateToThisMachine(config);
  for (const std::string& text : config.trusted_proxies) {
    auto cidr = registry::Cidr::Parse(text);
    CHECK(cidr.ok());  // The configuration was checked.
    options.base_urls.trusted_proxies.push_back(std::move(*cidr));
  }
  options.hot_cache_bytes = config.body_cache_bytes;
  options.hot_file_folder = config.data;
  options.tarball_bytes_max = config.tarball_bytes_max;
  options.metadata_bytes_max = config.metadata_bytes_max;
  options.reads_are_private = config.read_access == "authenticated";
  options.web_login = config.web_login;
  options.admission.write.wait_ms_max = config.queue_wait_ms;
  return options;
}

http::Executor::Options ExecutorOptionsOf(const Config& config) {
  http::Executor::Options options;
  options.read = {config.read_threads, limits::kReadQueueMax, config.queue_wait_ms};
  options.write = {config.write_threads, limits::kWriteQueueMax, config.queue_wait_ms};
  options.io = {kIoThreads, limits::kIoQueueMax, config.queue_wait_ms};
  options.admin = {kAdminThreads, limits::kAdminQueueMax, config.queue_wait_ms};
  return options;
}

http::ServerOptions ServerOptionsOf(const Config& config, std::vector<int> inherited_sockets) {
  http::ServerOptions options;
  options.listen_sockets = std::move(inherited_sockets);
  if (options.listen_sockets.empty()) options.listen = config.listen;
  options.unix_socket_path = SocketPath(config);
  options.cores = config.threads;
  options.connections_max = config.connections_max;
  options.access_log = config.access_log;
  options.connection.header_bytes_max = config.header_bytes_max;
  options.connection.header_ms = config.header_ms;
  options.connection.idle_ms = config.idle_ms;
  options.connection.rate_window_ms = config.stall_ms;
  options.connection.body_rate_min = config.bytes_per_second_min;
  options.connection.send_rate_min = config.bytes_per_second_min;
  return options;
}

void AppendEngineMetrics(const engine::Store& store, const http::Api& api, const http::HotCache& hot,
                         const http::Executor& executor, const http::Server& server, std::string* out) {
  using http::Metrics;
  const engine::StoreStats stats = store.Stats();
  Metrics::AppendGauge(out, "log_head_lsn", stats.last_lsn.value());
  Metrics::AppendGauge(out, "segment_count", stats.segment_count);
  Metrics::AppendGauge(out, "segment_bytes", stats.segment_bytes);
  Metrics::AppendCounter(out, "commit_groups", stats.groups_written);
  Metrics::AppendCounter(out, "segment_syncs", stats.segment_syncs);
  Metrics::AppendGauge(out, "commit_queue_length", stats.commit_queue_length);
  Metrics::AppendGauge(out, "commit_group_age_milliseconds", stats.last_group_age_ms);
  Metrics::AppendGauge(out, "upload_budget_used_bytes", stats.upload_budget_used_bytes);
  Metrics::AppendGauge(out, "disk_free_bytes", stats.disk_free_bytes);
  Metrics::AppendGauge(out, "store_writable", store.CanCommit().ok() ? 1 : 0);
  Metrics::AppendGauge(out, "hot_cache_bytes", hot.bytes());
  Metrics::AppendCounter(out, "hot_cache_hits", hot.hits());
  Metrics::AppendCounter(out, "hot_cache_misses", hot.misses());
  Metrics::AppendGauge(out, "feed_followers", api.followers().count());
  constexpr std::string_view kPools[http::kWorkClassCount] = {"read", "write", "io", "admin"};
  for (size_t i = 0; i < http::kWorkClassCount; ++i) {
    const auto pool = executor.stats(static_cast<http::WorkClass>(i));
    Metrics::AppendGauge(out, "executor_" + std::string(kPools[i]) + "_queued", pool.queued);
    Metrics::AppendGauge(out, "executor_" + std::string(kPools[i]) + "_running", pool.running);
    Metrics::AppendCounter(out, "executor_" + std::string(kPools[i]) + "_refused", pool.refused);
  }
  const http::ServerStats net = server.stats();
  Metrics::AppendGauge(out, "open_connections", net.open_connections);
  Metrics::AppendCounter(out, "accepted_connections", net.accepted_connections);
  Metrics::AppendCounter(out, "refused_connections", net.refused_connections);
  Metrics::AppendCounter(out, "refused_requests", net.refused_requests);
  Metrics::AppendCounter(out, "timed_out_connections", net.timed_out_connections);
  Metrics::AppendCounter(out, "fast_requests", net.fast_requests);
  Metrics::AppendCounter(out, "cold_reads", net.cold_reads);
}

void AppendHookMetrics(const registry::HookDispatcher::Stats& stats, std::string* out) {
  http::Metrics::AppendGauge(out, "hooks", stats.hooks);
  http::Metrics::AppendGauge(out, "hooks_failing", stats.failing);
  http::Metrics::AppendGauge(out, "hooks_lag_lsn", stats.lag_lsn);
  http::Metrics::AppendCounter(out, "hook_deliveries", stats.delivered);
  http::Metrics::AppendCounter(out, "hook_attempts_failed", stats.refused);
}

void LogRecovery(const engine::RecoveryReport& report) {
  Log(report.state_rebuilt ? LogLevel::kWarning : LogLevel::kInfo, "store opened",
      {{"records_replayed", report.records_replayed},
       {"bytes_truncated", report.bytes_truncated},
       {"orphan_solos_removed", report.orphan_solos_removed},
       {"state_rebuilt", report.state_rebuilt}});
}

// The configuration with the addresses that the service manager's sockets are really bound to: whether only this machine
// can reach the registry hangs on them. A Unix socket is refused, for whoever comes in by one is the operator.
Result<Config> WithAddressesOf(const std::vector<int>& inherited_sockets, Config config) {
  if (inherited_sockets.empty()) return config;
  config.listen.clear();
  for (const int descriptor : inherited_sockets) {
    config.listen.push_back(http::LocalAddress(descriptor));
    if (!ParseListenAddress(config.listen.back()).ok()) {
      return InvalidArgument("the service manager passed a socket that is not TCP (\"" + config.listen.back() +
                             "\"); give ListenStream= an address and a port");
    }
  }
  return config;
}

// A registry whose people cannot log in should not start and look well.
Status CheckHtpasswdFile(const Config& config) {
  if (config.htpasswd_file.empty()) return OkStatus();
  const auto file = PosixFileSystem().OpenReadOnly(config.htpasswd_file);
  return file.ok() ? OkStatus() : file.status().WithContext("registry.htpasswd_file");
}

// As many open files as the connections may need; the soft limit is often 1024.
void RaiseDescriptorLimit(const Config& config) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = config.connections_max + kDescriptorsBeside;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur < config.connections_max + kDescriptorsBesideMin) {
    Log(LogLevel::kWarning,
        "the limit of open files is too low for server.connections_max; raise it (ulimit -n, LimitNOFILE=)",
        {{"limit", uint64_t{limit.rlim_cur}}, {"connections_max", config.connections_max}});
  }
}

// What has expired is invisible already; this gives its space back.
void SweepStaged(registry::StagedVersions& staged) {
  const Status swept = staged.Sweep();
  // Tried again the next time; a full disk is the usual reason.
  if (!swept.ok()) Log(LogLevel::kWarning, "expired staged versions were not removed", {{"why", swept.ToString()}});
}

// Where a client on this machine finds an address: "0.0.0.0" is none that one can connect to everywhere.
std::string ReachableAddress(const std::string& address) {
  if (address.starts_with("0.0.0.0:")) return "127.0.0.1" + address.substr(7);
  if (address.starts_with("[::]:")) return "[::1]" + address.substr(4);
  return address;
}

// The registry's URL where there is no request to take it from; with a slash at its end.
std::string RegistryUrl(const Config& config, const http::Server& server) {
  std::string url = config.public_urls.empty() ? "" : config.public_urls.front();
  if (url.empty() && !server.addresses().empty()) url = "http://" + ReachableAddress(server.addresses().front()) + "/";
  if (!url.ends_with('/')) url += '/';
  return url;
}

// What a person needs to go on, on standard output; "tarn: listening on" is what scripts wait for.
void PrintAddresses(const Config& config, const http::Server& server, bool has_users) {
  for (const std::string& address : server.addresses()) std::printf("tarn: listening on http://%s/\n", address.c_str());
  std::printf("tarn: npm config set registry %s\n", RegistryUrl(config, server).c_str());
  if (!has_users && IsPrivateToThisMachine(config)) {
    std::printf("tarn: no accounts yet; the first `npm adduser` becomes the administrator\n");
  } else if (!has_users) {
    std::printf("tarn: no accounts yet; make the first one with: tarn user add NAME --admin --data %s\n",
                config.data.c_str());
  }
  std::fflush(stdout);
}

// To this process, from itself: close the store and open it again.
constexpr int kReopenSignal = SIGUSR2;

// From an operator: say what is going on.
constexpr int kDumpSignal = SIGUSR1;

// SIGTERM and SIGINT, blocked in every thread that is started after this.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, kReopenSignal);
  sigaddset(&signals, kDumpSignal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

}  // namespace

namespace {

// What a server's life ended with.
enum class Ending : uint8_t { kStopped, kFailed, kBeginAnew };

int Answer(Ending ending) { return ending == Ending::kStopped ? kExitOk : kExitFailed; }

Ending Failed(const Status& status) {
  Fail(status);
  return Ending::kFailed;
}

// The signal that ends the serving. Each kDumpSignal before it is answered by `dump`.
int WaitForTheEnd(const sigset_t& signals, const std::function<void()>& dump) {
  while (true) {
    int received = 0;
    sigwait(&signals, &received);
    if (received != kDumpSignal) return received;
    dump();
  }
}

// Whether a signal to stop is waiting.
bool IsStopping() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

// The addresses are bound once, so that nobody is turned away while a node that changes its role opens its store again.
Result<std::vector<http::OwnedFd>> Listen(const Config& config, const std::vector<int>& inherited) {
  std::vector<http::OwnedFd> sockets;
  for (const int fd : inherited) sockets.emplace_back(fd);
  if (!sockets.empty()) return sockets;
  for (const std::string& address : config.listen) {
    ASSIGN_OR_RETURN(std::vector<http::OwnedFd> bound, http::ListenTcp(address, 1));
    std::move(bound.begin(), bound.end(), std::back_inserter(sockets));
  }
  return sockets;
}

Result<std::vector<int>> Duplicates(const std::vector<http::OwnedFd>& sockets) {
  std::vector<int> copies;
  for (const http::OwnedFd& socket : sockets) {
    const int copy = fcntl(socket.get(), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return FromErrno(errno, "dup");
    copies.push_back(copy);
  }
  return copies;
}

void Reopen() { kill(getpid(), kReopenSignal); }

// Meanwhile whoever asks is told. Not where it takes a moment alone, as when the role changes: there they are kept waiting.
Status Prepare(const Config& config, Peering* peering, engine::CommitObserver* observer,
               const std::shared_ptr<engine::DirectoryLock>& lock, const std::vector<http::OwnedFd>& sockets) {
  std::unique_ptr<PreparingServer> server;
  if (peering->HasNothingYet()) {
    ASSIGN_OR_RETURN(std::vector<int> copies, Duplicates(sockets));
    ASSIGN_OR_RETURN(server, PreparingServer::Start(ServerOptionsOf(config, std::move(copies))));
  }
  return peering->Prepare(observer, lock, IsStopping, [&server](std::string why) {
    if (server != nullptr) server->Say(std::move(why));
  });
}

// From the store to the server and back: the program, made of its parts in order. They end in the reverse order. `sockets`
// are closed when this is the last time.
Ending ServeOnce(const Config& config, const std::shared_ptr<engine::DirectoryLock>& lock, Elector* elector,
                 std::vector<http::OwnedFd>* sockets, const sigset_t& signals) {
  auto peering_made = Peering::Create(config, elector, Reopen);
  if (!peering_made.ok()) return Failed(peering_made.status());
  Peering* const peering = peering_made->get();  // None when this node has no peers.
  registry::DerivedFamiliesObserver deriving;
  if (peering != nullptr) {
    const Status prepared = Prepare(config, peering, &deriving, lock, *sockets);
    if (!prepared.ok()) return prepared.code() == Code::kCancelled ? Ending::kStopped : Failed(prepared);
  }
  auto offline = OpenToServe(config, lock, peering);
  if (!offline.ok()) return Failed(offline.status().WithContext(config.data));
  engine::Store& store = *offline->store;
  registry::Registry& registry = *offline->registry;
  LogRecovery(store.recovery());
  const auto users = registry.ListUsers(registry::Principal::System());
  if (!users.ok()) return Failed(users.status());

  const bool leads = peering == nullptr || peering->role() == NodeRole::kLeader;
  LocalNode own_node(store);
  PeerNode node(own_node, peering);
  std::optional<DownloadFlusher> download_flusher;
  std::optional<PeriodicWork> staged_sweep;
  if (leads) {
    download_flusher.emplace(&registry.downloads(), &SystemClock());
    staged_sweep.emplace(
        &SystemClock(), [](uint64_t) { return limits::kStagedSweepMs; },
        [&registry] { SweepStaged(registry.staged()); });
  }
  http::Executor executor(ExecutorOptionsOf(config));
  registry::Hooks hooks(&store, {config.hooks_allow_private_addresses}, &SystemClock(), &SystemRandom());
  registry::HookDispatcher::Options hook_options;
  hook_options.allow_private_addresses = config.hooks_allow_private_addresses;
  registry::HookDispatcher dispatcher(&store, &registry, &hooks, &node, hook_options, &SystemClock(), &SystemRandom());
  hooks.SetLiveDelivery(
      [&](const std::string& id, uint64_t generation) { return dispatcher.Delivery(id, generation); });
  registry::PackageListing listing(&store, RegistryOptionsOf(config).read_access);
  http::ApiOptions api_options = ApiOptionsOf(config);
  api_options.hooks = &hooks;
  api_options.listing = &listing;
  http::OperatorJobs jobs(JobKinds(&store, &registry, &node, &SystemClock()), &SystemClock());
  api_options.jobs = &jobs;
  http::Api api(api_options, registry, node, SystemClock(), executor);
  std::unique_ptr<http::Handler> peer_handler;
  if (peering != nullptr) {
    const Status attached = peering->Attach(&store);
    if (!attached.ok()) return Failed(attached);
    peer_handler = peering->MakeHandler(api, executor);
  }
  http::Handler& handler = peer_handler == nullptr ? static_cast<http::Handler&>(api) : *peer_handler;
  auto listen_sockets = Duplicates(*sockets);
  if (!listen_sockets.ok()) return Failed(listen_sockets.status());
  http::Server server(ServerOptionsOf(config, *std::move(listen_sockets)), handler, executor);
  api.metrics().SetExtra([&](std::string* out) {
    AppendEngineMetrics(store, api, api.hot(), executor, server, out);
    AppendHookMetrics(dispatcher.stats(), out);
    if (peering != nullptr) peering->AppendMetrics(out);
  });
  const Status started = server.Start();
  if (!started.ok()) return Failed(started);
  if (leads) registry.StartSigningOldVersions();
  dispatcher.Start(RegistryUrl(config, server));
  PrintAddresses(config, server, !users->empty());
  if (elector != nullptr) elector->Attach(peering);
  Log(LogLevel::kInfo, "serving",
      {{"version", TARN_VERSION},
       {"data", config.data},
       {"lsn", store.last_lsn().value()},
       {"role", leads ? "leader" : "follower"}});

  std::optional<Watchdog> watchdog;
  watchdog.emplace(StallDetector::Options{.stall_ms = config.watchdog_stall_ms}, DumpParts{store, executor, server},
                   &own_node, &SystemClock());
  const int received = WaitForTheEnd(signals, [&watchdog] { watchdog->Dump("asked for by SIGUSR1"); });
  watchdog.reset();  // It asks the cores, which end now.
  const bool begins_anew = received == kReopenSignal;
  if (elector != nullptr) elector->Attach(nullptr);
  // While one of them is open, the kernel goes on to accept whom nobody will serve.
  if (!begins_anew) sockets->clear();
  Log(LogLevel::kInfo, begins_anew ? "changing role" : "draining", {{"signal", received}});
  own_node.SetDraining();
  // Whoever waits for an acknowledgement that cannot come any more is told so, or the drain would wait for them.
  if (begins_anew && peering != nullptr) peering->Stop();
  jobs.Stop();
  const Status drained = server.Drain(config.drain_seconds * 1000);
  if (!drained.ok()) Log(LogLevel::kWarning, "drain", {{"status", drained.ToString()}});
  if (peering != nullptr) peering->Stop();
  executor.Stop();
  dispatcher.Stop();
  if (leads) registry.StopSigningOldVersions();
  Log(LogLevel::kInfo, begins_anew ? "closed" : "stopped", {{"lsn", store.last_lsn().value()}});
  return begins_anew ? Ending::kBeginAnew : Ending::kStopped;
}

}  // namespace

namespace {

// A command that came a moment earlier has the directory for a moment.
Result<std::shared_ptr<engine::DirectoryLock>> LockForLife(const std::string& directory) {
  const uint64_t end_ms = SystemClock().MonotonicMs() + kLockMs;
  while (true) {
    auto lock = engine::LockDirectory(directory);
    if (lock.code() != Code::kFailedPrecondition || SystemClock().MonotonicMs() >= end_ms || IsStopping()) return lock;
    std::this_thread::sleep_for(std::chrono::milliseconds(kLockAgainMs));
  }
}

}  // namespace

int RunServe(const Config& given) {
  const sigset_t signals = BlockSignals();
  const std::vector<int> inherited_sockets = http::InheritedListenSockets();
  const auto effective = WithAddressesOf(inherited_sockets, given);
  if (!effective.ok()) return Fail(effective.status());
  const Config& config = *effective;
  const Status htpasswd = CheckHtpasswdFile(config);
  if (!htpasswd.ok()) return Fail(htpasswd);
  RaiseDescriptorLimit(config);
  // For life: an operator's command that found the store closed, while the role changes, would open it itself.
  const auto lock = LockForLife(config.data);
  if (!lock.ok()) return Fail(lock.status().WithContext(config.data));
  auto sockets = Listen(config, inherited_sockets);
  if (!sockets.ok()) return Fail(sockets.status());
  auto elector = Elector::Create(config, Reopen);  // None without an etcd.
  if (!elector.ok()) return Fail(elector.status());
  Ending ending = Ending::kBeginAnew;
  while (ending == Ending::kBeginAnew) ending = ServeOnce(config, *lock, elector->get(), &*sockets, signals);
  return Answer(ending);
}

}  // namespace tarn::cli
