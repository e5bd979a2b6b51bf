#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/limits.h"

namespace tarn::http {

// Times and rates of one connection. Tests set tiny ones.
struct ConnectionOptions {
  size_t header_bytes_max = limits::kHeaderBytesMax;
  uint64_t header_ms = limits::kHeaderMs;           // A whole head, from its first byte.
  uint64_t idle_ms = limits::kIdleMs;               // Between requests.
  uint64_t rate_window_ms = limits::kRateWindowMs;  // In each window of waiting for the client…
  uint64_t body_rate_min = limits::kBodyRateMin;    // …a body must bring this many bytes a second…
  uint64_t send_rate_min = limits::kSendRateMin;    // …and an answer must be taken at this many.
  uint64_t discard_bytes_max = limits::kDiscardBytesMax;
  uint64_t linger_ms = limits::kLingerMs;
};

struct ServerOptions {
  // TCP addresses: "127.0.0.1:4873", "[::1]:4873", "localhost:0", "0.0.0.0:80". Port 0: any free one.
  std::vector<std::string> listen;
  // Sockets that listen already (socket activation); owned by the server from Start on.
  std::vector<int> listen_sockets;
  // A Unix socket for the administrator, mode 0600, replaced if the file is there; empty: none.
  std::string unix_socket_path;
  size_t cores = 0;  // 0: as many as the process may use.
  uint64_t connections_max = limits::kConnectionsMax;
  bool access_log = true;
  ConnectionOptions connection;
};

}  // namespace tarn::http
