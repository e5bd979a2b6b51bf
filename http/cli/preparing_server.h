#pragma once

#include <memory>
#include <string>

#include "http/net/server_options.h"
#include "storage/base/result.h"

namespace tarn::cli {

// Answers while a node is not one yet: a follower that waits for its leader or copies what it has, which may take hours.
// `/-/health` is 200, for the process lives; everything else 503 with what it waits for, where nobody would accept the
// connection otherwise and a load balancer could only guess. Nothing is remembered of its clients.
// Threads: one owner; its own for the connections.
class PreparingServer {
 public:
  // Listens on `options.listen_sockets`, which it owns. Serves until it is destroyed, which lets answers go out.
  static Result<std::unique_ptr<PreparingServer>> Start(http::ServerOptions options);
  ~PreparingServer();

  // What is said from now on: a sentence for whoever asks.
  void Say(std::string why);

 private:
  class Impl;
  explicit PreparingServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace tarn::cli
