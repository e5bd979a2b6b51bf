// Keeps N connections busy with the requests of a RequestSet and checks every answer.
//
// One thread, one epoll. An answer is right when its status is an expected one, its body has
// exactly Content-Length bytes, nothing follows it before the next request, and all answers to one
// GET target are equally long. A connection that fails is counted and opened again; after
// kErrorsMax failures the run stops.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/latency_histogram.h"
#include "bench/load/options.h"
#include "bench/load/request_set.h"
#include "bench/load/response_parser.h"

namespace tarn::bench {

inline constexpr uint64_t kErrorsMax = 1'000;

struct RunResult {
  LatencyHistogram latency;  // Of right answers.
  uint64_t right_count = 0;
  uint64_t error_count = 0;
  uint64_t body_bytes = 0;  // Received in right answers.
  uint64_t reconnect_count = 0;
  double seconds = 0;  // First request sent to last answer received.
  std::map<int, uint64_t> statuses;
  std::map<std::string, uint64_t> errors;  // Reason to count.
  std::string first_body;
};

class LoadRunner {
 public:
  // `options` and `requests` outlive the runner.
  LoadRunner(const Options& options, RequestSet& requests);
  LoadRunner(const LoadRunner&) = delete;
  LoadRunner& operator=(const LoadRunner&) = delete;
  ~LoadRunner();

  // Runs to the end of the requests or of the time, then waits for the answers under way. Returns
  // false and sets `error` when the server cannot be connected to at all.
  bool Run(RunResult* result, std::string* error);

 private:
  struct Connection {
    int fd = -1;
    bool busy = false;
    bool wants_write = false;
    RequestView request;
    size_t sent_bytes = 0;
    int64_t start_ns = 0;
    ResponseParser parser;
  };

  bool Open(Connection& connection);
  void Close(Connection& connection);
  void Reopen(Connection& connection);
  bool StartTimer();
  void Loop();
  void OnTimer();
  void OnConnection(Connection& connection, uint32_t events);
  void OnIdleEvent(Connection& connection);
  void StartDueRequests();
  bool StartRequest(Connection& connection);
  void Send(Connection& connection);
  void Receive(Connection& connection);
  void OnResponse(Connection& connection);
  void Fail(Connection& connection, std::string_view reason);
  void FailLateRequests(int64_t now_ns);
  std::string_view CheckResponse(const Connection& connection);

  bool may_issue() const { return issued_count_ < options_.requests_max && !stopping_; }
  int64_t DueNs(uint64_t request_number) const;

  const Options& options_;
  RequestSet& requests_;
  RunResult* result_ = nullptr;
  int epoll_fd_ = -1;
  int timer_fd_ = -1;
  std::vector<Connection> connections_;
  std::vector<std::optional<uint64_t>> body_bytes_of_target_;
  const Connection* capturing_ = nullptr;  // The connection whose first body is kept.
  uint64_t issued_count_ = 0;
  size_t busy_count_ = 0;
  bool stopping_ = false;
  int64_t begin_ns_ = 0;
  std::array<char, 64 * 1024> buffer_{};
};

}  // namespace tarn::bench
