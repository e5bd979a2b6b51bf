#include "http/cli/preparing_server.h"

#include <utility>

#include "http/api/error_response.h"
#include "http/net/executor.h"
#include "http/net/handler.h"
#include "http/net/server.h"
#include "storage/base/logging.h"
#include "storage/base/mutex.h"

namespace tarn::cli {
namespace {

constexpr uint64_t kDrainMs = 1000;  // The answers are small and at hand.

class PreparingHandler final : public http::Handler {
 public:
  void Say(std::string why) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    why_ = std::move(why);
  }

  bool TryHandleFast(const http::RequestHead& head, const http::Peer&, http::Response* response) override {
    Fill(head, response);
    return true;
  }
  http::Task<http::Response> Handle(http::Request request) override {
    http::Response response;
    Fill(request.head, &response);
    co_return response;
  }
  void MakeErrorResponse(uint16_t http_status, const Status& reason, http::Response* response) override {
    http::FillErrorResponse(http_status, reason.message(), response);
  }

 private:
  void Fill(const http::RequestHead& head, http::Response* response) EXCLUDES(mutex_) {
    if (head.target == "/-/health") {
      response->set_status(200);
      response->AddHeader("content-type", "application/json");
      response->AddHeader("cache-control", "no-store");
      response->SetBody("{\"ok\":true}");
      return;
    }
    MutexLock lock(mutex_);
    http::FillErrorResponse(503, why_, response);
  }

  Mutex mutex_;
  std::string why_ GUARDED_BY(mutex_) = "this node is starting";
};

http::Executor::Options SmallExecutor() {
  constexpr size_t kQueueMax = 16;
  constexpr uint64_t kWaitMs = 1000;
  http::Executor::Options options;
  options.read = options.write = options.io = options.admin = {1, kQueueMax, kWaitMs};
  return options;
}

}  // namespace

class PreparingServer::Impl {
 public:
  explicit Impl(http::ServerOptions options)
      : executor_(SmallExecutor()), server_(std::move(options), handler_, executor_) {}
  ~Impl() {
    const Status drained = server_.Drain(kDrainMs);
    if (!drained.ok()) Log(LogLevel::kInfo, "connections of the time before were cut");
  }

  Status Start() { return server_.Start(); }
  void Say(std::string why) { handler_.Say(std::move(why)); }

 private:
  PreparingHandler handler_;
  http::Executor executor_;  // The server wants one; nothing runs on it.
  http::Server server_;
};

PreparingServer::PreparingServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PreparingServer::~PreparingServer() = default;

Result<std::unique_ptr<PreparingServer>> PreparingServer::Start(http::ServerOptions options) {
  options.cores = 1;
  options.unix_socket_path.clear();
  options.access_log = false;  // Tokens stand in some paths, and this handler does not know in which.
  auto impl = std::make_unique<Impl>(std::move(options));
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<PreparingServer>(new PreparingServer(std::move(impl)));
}

void PreparingServer::Say(std::string why) { impl_->Say(std::move(why)); }

}  // namespace tarn::cli
