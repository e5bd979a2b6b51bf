#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include "http/net/access_log.h"
#include "http/net/deadline.h"
#include "http/net/executor.h"
#include "http/net/handler.h"
#include "http/net/input_buffer.h"
#include "http/net/listener.h"
#include "http/net/outgoing_response.h"
#include "http/net/response_stamp.h"
#include "http/net/server_options.h"
#include "http/net/warm_parts.h"
#include "http/parser/request_parser.h"
#include "storage/base/clock.h"

namespace tarn::http {

class Connection;

// What all cores share. Outlives them.
struct ServerContext {
  const ServerOptions options;
  Handler& handler;
  Executor& executor;
  Clock& clock;
  const uint32_t run;  // Random: begins the request ids of this run.
  std::atomic<uint64_t> open_connections{0};
};

// A counter that one thread writes and any reads.
class Counter {
 public:
  void Add(uint64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct CoreCounters {
  Counter accepted;
  Counter refused_connections;
  Counter requests;
  Counter fast_requests;
  Counter refused_requests;
  Counter timed_out;
  Counter cold_reads;
  Counter received_bytes;
  Counter sent_bytes;
};

// What a connection needs only while a request is in hand: an idle one holds no buffers.
struct Workspace {
  explicit Workspace(size_t header_bytes_max) : parser(header_bytes_max), input(limits::kReadBufferBytes) {}

  RequestParser parser;
  InputBuffer input;
  Response response;
  OutgoingResponse outgoing;
  std::unique_ptr<char[]> file_start;  // Of a file body: what is sent with the head, at most limits::kSmallFileBytes.
};

// One thread, its io_context, its listening sockets and its connections.
// Threads: Run is the thread; StartDrain and StartCut from any; counters from any; everything else on the core.
class Core {
 public:
  Core(ServerContext& server, uint8_t index);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Before Run.
  void Listen(OwnedFd socket);
  // Returns after StartDrain or StartCut, when the last connection has ended.
  void Run();
  // Stops accepting, ends idle connections, and the others after the request in hand.
  void StartDrain();
  // As StartDrain, and breaks the connections.
  void StartCut();
  const CoreCounters& counters() const { return counters_; }
  // Asks the loop for a sign of life; one question at a time. From any thread, as the answer:
  void Ping();
  // Since the question that it has not answered yet; 0 when it has.
  uint64_t silent_ms() const;

  // --- for connections ---
  boost::asio::io_context& context() { return context_; }
  const ServerOptions& options() const { return server_.options; }
  Handler& handler() { return server_.handler; }
  Executor& executor() { return server_.executor; }
  ResponseStamp& stamp() { return stamp_; }
  CoreCounters& mutable_counters() { return counters_; }
  uint64_t NowUs() { return server_.clock.MonotonicUs(); }
  WarmParts& warm_parts() { return warm_parts_; }
  bool draining() const { return draining_; }
  void OnRequestDone(const RequestSummary& summary);

  std::unique_ptr<Workspace> TakeWorkspace();
  void GiveBack(std::unique_ptr<Workspace> workspace);
  // limits::kBodyChunkBytes each.
  std::unique_ptr<char[]> TakeBodyBuffer();
  void GiveBack(std::unique_ptr<char[]> body_buffer);

 private:
  enum class AcceptState : uint8_t { kTookAll, kOutOfDescriptors };

  Task<void> AcceptLoop(boost::asio::posix::stream_descriptor* listener);
  AcceptState AcceptReady(int listener_fd);
  void Adopt(OwnedFd socket, Peer peer);
  Task<void> Serve(std::unique_ptr<Connection> connection);
  void StartTicking();
  void Tick();
  void Drain();

  ServerContext& server_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_guard_;
  boost::asio::steady_timer tick_timer_;
  const uint64_t tick_ms_;
  std::vector<std::unique_ptr<boost::asio::posix::stream_descriptor>> listeners_;
  std::unordered_set<Connection*> connections_;  // Owned by their Serve coroutines.
  DeadlineList deadlines_;
  ResponseStamp stamp_;
  AccessLog access_log_;
  CoreCounters counters_;
  WarmParts warm_parts_;
  std::vector<std::unique_ptr<Workspace>> spare_workspaces_;
  std::vector<std::unique_ptr<char[]>> spare_body_buffers_;
  std::atomic<uint64_t> asked_ms_{0};  // Ping's question; 0: it is answered.
  size_t refusing_ = 0;                // Connections over the limit that are being told so.
  bool ticking_ = false;
  bool draining_ = false;
};

}  // namespace tarn::http
