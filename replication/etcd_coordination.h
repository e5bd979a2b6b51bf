#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "replication/coordination.h"
#include "storage/base/http_client.h"
#include "storage/base/mutex.h"

namespace tarn::replication {

// The agreement kept in etcd (3.4 and later), through its JSON gateway (`/v3/kv/txn`, `/v3/lease/…`), under three keys:
//   PREFIX/leader    "NODE URL", bound to a lease: it goes with the leader
//   PREFIX/epoch     the number of the last leadership
//   PREFIX/in_sync   node ids, separated by spaces
// Each change is one transaction that compares what it rests on, so readers of `etcdctl get --prefix PREFIX` see the
// whole truth.
class EtcdCoordination final : public Coordination {
 public:
  struct Options {
    std::vector<std::string> endpoints;  // "http://127.0.0.1:2379"; tried in turn, the last good one first.
    std::string prefix = "/tarn/default";
    uint64_t lease_seconds = 5;         // At least 2: etcd refuses to promise less than one and a half elections.
    uint64_t request_timeout_ms = 800;  // For one endpoint; less than the pause between two renewals.
    TlsFiles tls;                       // For https.
  };
  explicit EtcdCoordination(Options options);

  Result<ClusterView> Read() override;
  Result<Leadership> Campaign(const Member& candidate, const ClusterView& view, Founding founding) override;
  Status KeepAlive(const Leadership& leadership) override;
  Status SetInSync(const Leadership& leadership, const std::vector<std::string>& in_sync) override;
  Status Resign(const Leadership& leadership) override;

 private:
  // The answer's body. kUnavailable when no endpoint answered; what etcd refuses is kFailedPrecondition with its words.
  Result<std::string> Post(std::string_view path, const std::string& body) EXCLUDES(mutex_);
  Result<int64_t> GrantLease();
  std::string Key(std::string_view name) const;  // In base64, quoted.

  const Options options_;
  Mutex mutex_;  // One request at a time.
  HttpClient client_ GUARDED_BY(mutex_);
  size_t endpoint_ GUARDED_BY(mutex_) = 0;  // The one that answered last.
};

}  // namespace tarn::replication
