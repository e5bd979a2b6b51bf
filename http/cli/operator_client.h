#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/cli/config.h"
#include "storage/engine/store.h"
#include "storage/registry/registry.h"

namespace tarn::cli {

// What a command does where no data directory is. Only the first account is made before the first start; every other
// command has been given the wrong path.
enum class IfMissing : uint8_t { kCreate, kRefuse };

// What an administrative command talks to: the server that has the data directory, through its Unix socket, or the store
// itself when no server runs. Both answer the same requests with the same JSON, because the second runs the very handlers
// of the first.
class Operator {
 public:
  // kFailedPrecondition: the directory is locked by a process that does not answer on its socket, not even after a few
  // seconds, for a server that changes its role is deaf for a moment. kNotFound: there is no
  // data directory, and none shall be made.
  static Result<std::unique_ptr<Operator>> Connect(const Config& config, IfMissing if_missing);
  // None when no server listens on the socket.
  static std::unique_ptr<Operator> FindRunning(const Config& config);
  virtual ~Operator() = default;

  struct Answer {
    int http_status = 0;
    std::string body;
  };
  // `path` below /-/operator. A JSON body or none.
  virtual Result<Answer> Call(std::string_view method, const std::string& path, const std::string& body) = 0;
  virtual bool is_running_server() const = 0;
  // How long an answer may take from now on.
  void set_answer_seconds(uint64_t seconds) { answer_seconds_ = seconds; }

 protected:
  uint64_t answer_seconds_ = 60;
};

// The store and registry of a configuration, opened offline.
struct OfflineStore {
  std::unique_ptr<engine::Store> store;
  std::unique_ptr<registry::Registry> registry;
};
// kNotFound when there is none and `mode` is read-only.
Result<OfflineStore> OpenOffline(const Config& config, engine::StoreOptions::Mode mode);
// The same for a server that has locked the directory, in the role it has among its peers; `peering` may be none.
class Peering;
Result<OfflineStore> OpenToServe(const Config& config, std::shared_ptr<engine::DirectoryLock> lock,
                                 const Peering* peering);
engine::StoreOptions StoreOptionsOf(const Config& config);
registry::RegistryOptions RegistryOptionsOf(const Config& config);

}  // namespace tarn::cli
