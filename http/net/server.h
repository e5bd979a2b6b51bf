#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "http/net/executor.h"
#include "http/net/handler.h"
#include "http/net/server_options.h"
#include "storage/base/clock.h"
#include "storage/base/status.h"

namespace tarn::http {

// Counters since the start, summed over the cores; `open_connections` is a gauge.
struct ServerStats {
  uint64_t open_connections = 0;
  uint64_t accepted_connections = 0;
  uint64_t refused_connections = 0;  // Over connections_max.
  uint64_t requests = 0;
  uint64_t fast_requests = 0;          // Answered by TryHandleFast.
  uint64_t refused_requests = 0;       // By the parser.
  uint64_t timed_out_connections = 0;  // Cut for being slow; idle ones do not count.
  uint64_t cold_reads = 0;             // Parts of files that were not in the page cache.
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;
};

// The front end: one thread with one io_context per core, a listening socket per core (SO_REUSEPORT), a coroutine per
// connection, which never changes core.
//
// Life: construct, Start, …, Drain, destroy. `handler` and `executor` outlive the server. Stop the executor after it.
// Threads: one owner calls Start, Drain and Stop; stats(), addresses() and, while it runs, CoreSilencesMs() from any.
class Server {
 public:
  Server(ServerOptions options, Handler& handler, Executor& executor, Clock& clock = SystemClock());
  ~Server();  // Stop()s.
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds everything, then starts the threads. kInvalidArgument for an address that cannot be parsed, kAlreadyExists when
  // one is in use, kIoError otherwise; nothing is left running after an error.
  Status Start();

  // "127.0.0.1:4873" for each listening TCP address, in the order of the options, with the port that was really bound.
  const std::vector<std::string>& addresses() const;
  // Asks every core for a sign of life, and answers how long each has owed one: 0 when it has not. The first call only asks.
  std::vector<uint64_t> CoreSilencesMs();

  // Graceful end: stops accepting (connections already in the queue of the kernel are taken), closes idle connections,
  // lets requests in flight finish with "connection: close", then stops. Blocks until all is done, at most `deadline_ms`;
  // kDeadlineExceeded if connections had to be cut.
  Status Drain(uint64_t deadline_ms);

  // Cuts every connection, waits for the coroutines to end (a handler that waits for the executor is waited for), joins.
  void Stop();

  ServerStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Listening sockets passed by the service manager (LISTEN_PID, LISTEN_FDS; sd_listen_fds(3)). Empty if there are none.
std::vector<int> InheritedListenSockets();

}  // namespace tarn::http
