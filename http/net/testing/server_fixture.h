#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "http/net/body_stream.h"
#include "http/net/server.h"
#include "http/net/testing/test_client.h"
#include "storage/base/mutex.h"

namespace tarn::http::testing {

// A handler with one target for each thing a connection can be asked to do.
class EchoHandler final : public Handler {
 public:
  bool TryHandleFast(const RequestHead& head, const Peer&, Response* response) override {
    if (head.target != "/fast") return false;
    response->AddHeader("x-path", "fast");
    response->SetBody("fast");
    return true;
  }

  Task<Response> Handle(Request request) override {
    const std::string target(request.head.target);
    Response response;
    if (target == "/echo") {
      co_return co_await Echo(request, UINT64_MAX);
    } else if (target == "/limited") {
      co_return co_await Echo(request, 10);
    } else if (target == "/first") {  // Reads one piece and loses interest.
      const Result<std::string_view> piece = co_await request.body.Read();
      response.SetBody(piece.ok() ? std::string(*piece) : std::string(piece.status().message()));
    } else if (target == "/refuse") {
      response.set_status(413);
      response.SetBody("too large, says the handler");
    } else if (target == "/close") {
      response.set_close_connection();
    } else if (target == "/file") {
      response.SetFileBody(file);
    } else if (target == "/large") {
      for (int i = 0; i < 64; ++i) response.AddSharedBody(large);
    } else if (target == "/block") {
      entered.set_value();
      unblock.get_future().wait();  // A handler must not do this; for a drain that takes its time it is just right.
      response.SetBody("unblocked");
    } else if (target == "/stream") {
      response.SetStreamBody(make_stream());
    } else if (target == "/peer") {
      response.SetBody(request.peer.is_unix_socket ? "unix " + std::to_string(request.peer.uid)
                                                   : request.peer.address + " at " + request.peer.local_address);
    } else {
      response.SetBody(std::string(request.head.method_name) + " " + target);
    }
    co_return response;
  }

  void MakeErrorResponse(uint16_t http_status, const Status& reason, Response* response) override {
    response->set_status(http_status);
    response->SetBody(std::string(reason.message()));
  }

  void OnRequestDone(const RequestSummary& summary) override {
    MutexLock lock(mutex_);
    statuses_.push_back(summary.complete ? summary.status : 0);
  }

  // Statuses of the requests so far; 0 for an answer that could not be sent whole.
  std::vector<int> statuses() const {
    MutexLock lock(mutex_);
    return statuses_;
  }

  std::function<std::unique_ptr<BodyStream>()> make_stream;
  FileRange file;
  SharedBytes large = ShareString(std::string(1 << 20, 'L'));  // 64 of them: more than any socket buffers.
  std::promise<void> entered;
  std::promise<void> unblock;

 private:
  Task<Response> Echo(Request request, uint64_t bytes_max) {
    Response response;
    std::string body;
    request.body.set_limit(bytes_max);
    while (true) {
      const Result<std::string_view> piece = co_await request.body.Read();
      if (!piece.ok()) {
        response.set_status(piece.code() == Code::kTooLarge           ? 413
                            : piece.code() == Code::kDeadlineExceeded ? 408
                                                                      : 400);
        response.SetBody(std::string(piece.status().message()));
        co_return response;
      }
      if (piece->empty()) break;
      body.append(*piece);
    }
    response.SetBody(std::move(body));
    co_return response;
  }

  mutable Mutex mutex_;
  std::vector<int> statuses_ GUARDED_BY(mutex_);
};

// A server on a free port of the loopback, two cores.
class ServerFixture : public ::testing::Test {
 protected:
  ServerFixture() {
    options.listen = {"127.0.0.1:0"};
    options.cores = 2;
    options.access_log = false;
  }
  ~ServerFixture() override {
    if (server != nullptr) server->Stop();
  }

  void Start() {
    server = std::make_unique<Server>(options, handler, executor);
    const Status started = server->Start();
    ASSERT_TRUE(started.ok()) << started.ToString();
    address = server->addresses().front();
  }

  // Waits until `condition`, for what happens on a core after the client has its answer.
  template <typename Condition>
  static bool Eventually(const Condition& condition) {
    for (int i = 0; i < 5000; ++i) {
      if (condition()) return true;
      ::usleep(1000);
    }
    return false;
  }

  // `count` connections came, and all are gone.
  bool Ended(uint64_t count) const {
    const ServerStats stats = server->stats();
    return stats.accepted_connections == count && stats.open_connections == 0;
  }

  ServerOptions options;
  EchoHandler handler;
  Executor executor;
  std::unique_ptr<Server> server;
  std::string address;
};

}  // namespace tarn::http::testing
