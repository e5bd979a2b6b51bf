#include "http/cli/operator_client.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <thread>

#include "http/api/error_response.h"
#include "http/api/hot_cache.h"
#include "http/api/metrics.h"
#include "http/api/operator_jobs.h"
#include "http/api/routes.h"
#include "http/cli/commands.h"
#include "http/cli/job_kinds.h"
#include "http/cli/local_node.h"
#include "http/cli/peering.h"
#include "http/cli/trust_config.h"
#include "storage/registry/derived_families.h"
#include "storage/registry/hooks.h"

namespace tarn::cli {
namespace {

// A server that changes its role closes its socket and opens it again, and one that starts has the directory first.
constexpr uint64_t kConnectMs = 5'000;
constexpr uint64_t kConnectAgainMs = 50;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

// kUnavailable when nobody listens.
Result<std::unique_ptr<Socket>> ConnectTo(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return InvalidArgument(path + " is too long for a Unix socket");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  auto socket = std::make_unique<Socket>(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket->descriptor() < 0) return FromErrno(errno, "socket");
  if (::connect(socket->descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Unavailable("nobody listens on " + path);
  }
  return socket;
}

class RunningServer final : public Operator {
 public:
  explicit RunningServer(std::string socket_path) : socket_path_(std::move(socket_path)) {}
  bool is_running_server() const override { return true; }

  Result<Answer> Call(std::string_view method, const std::string& path, const std::string& body) override {
    ASSIGN_OR_RETURN(const auto socket, ConnectTo(socket_path_));
    const timeval timeout{static_cast<time_t>(answer_seconds_), 0};
    ::setsockopt(socket->descriptor(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    std::string request(method);
    request += " /-/operator" + path + " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    if (!body.empty()) request += "content-type: application/json\r\n";
    request += "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    for (size_t sent = 0; sent < request.size();) {
      const ssize_t count = ::send(socket->descriptor(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (count < 0 && errno != EINTR) return FromErrno(errno, "send to " + socket_path_);
      if (count > 0) sent += static_cast<size_t>(count);
    }
    return ReadAnswer(socket->descriptor());
  }

 private:
  // The server closes after the answer, so its end is the end of the stream.
  static Result<Answer> ReadAnswer(int descriptor) {
    std::string text;
    char buffer[16 * limits::kKiB];
    while (true) {
      const ssize_t count = ::recv(descriptor, buffer, sizeof(buffer), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FromErrno(errno, "read from the server's socket");
      if (count == 0) break;
      text.append(buffer, static_cast<size_t>(count));
    }
    const size_t head_end = text.find("\r\n\r\n");
    Answer answer;
    if (!text.starts_with("HTTP/1.1 ") || head_end == std::string::npos ||
        std::from_chars(text.data() + 9, text.data() + 12, answer.http_status).ec != std::errc()) {
      return Unavailable("the server closed its socket without an answer");
    }
    answer.body = text.substr(head_end + 4);
    return answer;
  }

  const std::string socket_path_;
};

class StoppedServer final : public Operator {
 public:
  explicit StoppedServer(OfflineStore offline)
      : offline_(std::move(offline)),
        node_(*offline_.store),
        hot_(0),
        hooks_(offline_.store.get(), {}, &SystemClock(), &SystemRandom()),
        jobs_(JobKinds(offline_.store.get(), offline_.registry.get(), &node_, &SystemClock()), &SystemClock()) {}
  bool is_running_server() const override { return false; }

  Result<Answer> Call(std::string_view method, const std::string& path, const std::string& body) override {
    const std::string target = "/-/operator" + path;
    ASSIGN_OR_RETURN(const auto parsed, http::RequestPath::Parse(target, ""));
    ASSIGN_OR_RETURN(auto match, http::MatchRoute(MethodOf(method), parsed));
    if (match.route == nullptr) return Internal("no route for " + std::string(method) + " " + target);
    http::Services services{*offline_.registry, node_, SystemClock(), hot_, metrics_};
    services.hooks = &hooks_;
    services.jobs = &jobs_;
    const http::RequestHead head;
    const http::Peer peer;
    const http::Call call{*match.route,
                          head,
                          peer,
                          {},
                          registry::Principal::System(),
                          "",
                          parsed.query,
                          std::move(match.package),
                          std::move(match.parameters),
                          body};
    const http::Response response = match.route->handler(services, call);
    return Answer{response.status(), std::string(response.text())};
  }

 private:
  static http::Method MethodOf(std::string_view name) {
    for (const auto method : {http::Method::kGet, http::Method::kPut, http::Method::kPost, http::Method::kDelete}) {
      if (http::MethodName(method) == name) return method;
    }
    return http::Method::kOther;
  }

  OfflineStore offline_;
  LocalNode node_;
  http::HotCache hot_;
  http::Metrics metrics_;
  registry::Hooks hooks_;
  http::OperatorJobs jobs_;  // Last: it uses the store.
};

Status CheckDirectoryIsThere(const Config& config) {
  if (::access((config.data + "/segments").c_str(), F_OK) == 0) return OkStatus();
  if (errno != ENOENT && errno != ENOTDIR) return FromErrno(errno, "look into it");
  return NotFound("there is no registry here; name its folder with --data, or make one with `tarn serve`");
}

}  // namespace

std::string SocketPath(const Config& config) { return config.data + "/tarn.sock"; }

engine::StoreOptions StoreOptionsOf(const Config& config) {
  engine::StoreOptions options;
  options.directory = config.data;
  options.segment_bytes_max = config.segment_bytes_max;
  options.upload_budget_bytes = config.upload_budget_bytes;
  options.disk_reserve_bytes = config.disk_reserve_bytes;
  options.ballast_bytes = config.ballast_bytes;
  options.block_cache_bytes = config.block_cache_bytes;
  return options;
}

registry::RegistryOptions RegistryOptionsOf(const Config& config) {
  using Options = registry::RegistryOptions;
  Options options;
  options.registration = config.registration == "open" ? Options::Registration::kOpen : Options::Registration::kClosed;
  options.read_access =
      config.read_access == "anyone" ? Options::ReadAccess::kAnyone : Options::ReadAccess::kAuthenticated;
  options.scoped_default =
      config.scoped_default == "public" ? Options::ScopedDefault::kPublic : Options::ScopedDefault::kRestricted;
  options.audit = config.audit == "data" ? Options::Audit::kData : Options::Audit::kOff;
  options.signing_key_path = config.data + "/signing-key.pem";
  options.first_user_is_admin = IsPrivateToThisMachine(config);
  options.htpasswd_file = config.htpasswd_file;
  options.trust = TrustOptionsOf(config);
  options.tarball_bytes_max = config.tarball_bytes_max;
  options.metadata_bytes_max = config.metadata_bytes_max;
  options.tarball_inflated_bytes_max = config.tarball_inflated_bytes_max;
  options.packument_cache_bytes = config.packument_cache_bytes;
  options.staged_kept_ms = config.staged_days * limits::kDayMs;
  options.stage_new_packages = config.stage_new_packages;
  return options;
}

namespace {

Result<OfflineStore> OpenStore(const Config& config, engine::StoreOptions::Mode mode,
                               std::shared_ptr<engine::DirectoryLock> lock, const Peering* peering) {
  if (mode == engine::StoreOptions::Mode::kReadOnly) RETURN_IF_ERROR(CheckDirectoryIsThere(config));
  // What recovery re-applies needs its derived families too, and the registry is there only afterwards.
  registry::DerivedFamiliesObserver deriving;
  OfflineStore offline;
  engine::StoreOptions options = StoreOptionsOf(config);
  options.mode = mode;
  options.lock = std::move(lock);
  options.observer = &deriving;
  if (peering != nullptr) peering->Configure(&options);
  ASSIGN_OR_RETURN(offline.store, engine::Store::Open(options));
  registry::RegistryOptions registry_options = RegistryOptionsOf(config);
  if (mode == engine::StoreOptions::Mode::kReadOnly) registry_options.signing_key_path.clear();  // It would make one.
  ASSIGN_OR_RETURN(offline.registry,
                   registry::Registry::Open(offline.store.get(), registry_options, &SystemClock(), &SystemRandom()));
  return offline;
}

}  // namespace

Result<OfflineStore> OpenOffline(const Config& config, engine::StoreOptions::Mode mode) {
  return OpenStore(config, mode, nullptr, nullptr);
}

Result<OfflineStore> OpenToServe(const Config& config, std::shared_ptr<engine::DirectoryLock> lock,
                                 const Peering* peering) {
  return OpenStore(config, engine::StoreOptions::Mode::kReadWrite, std::move(lock), peering);
}

std::unique_ptr<Operator> Operator::FindRunning(const Config& config) {
  const std::string socket_path = SocketPath(config);
  return ConnectTo(socket_path).ok() ? std::make_unique<RunningServer>(socket_path) : nullptr;
}

Result<std::unique_ptr<Operator>> Operator::Connect(const Config& config, IfMissing if_missing) {
  const std::string socket_path = SocketPath(config);
  const uint64_t end_ms = SystemClock().MonotonicMs() + kConnectMs;
  while (true) {
    if (ConnectTo(socket_path).ok()) return std::unique_ptr<Operator>(std::make_unique<RunningServer>(socket_path));
    if (if_missing == IfMissing::kRefuse) RETURN_IF_ERROR(CheckDirectoryIsThere(config));
    auto lock = engine::LockDirectory(config.data);
    if (lock.ok()) {
      ASSIGN_OR_RETURN(OfflineStore offline,
                       OpenStore(config, engine::StoreOptions::Mode::kReadWrite, *std::move(lock), nullptr));
      return std::unique_ptr<Operator>(std::make_unique<StoppedServer>(std::move(offline)));
    }
    if (lock.code() != Code::kFailedPrecondition || SystemClock().MonotonicMs() >= end_ms) return lock.status();
    std::this_thread::sleep_for(std::chrono::milliseconds(kConnectAgainMs));
  }
}

}  // namespace tarn::cli
