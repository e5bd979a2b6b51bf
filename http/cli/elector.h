#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "http/cli/config.h"
#include "replication/election.h"
#include "replication/etcd_coordination.h"
#include "replication/node_file.h"
#include "storage/base/mutex.h"

namespace tarn::cli {

class Peering;

// Leadership agreed on in etcd: outlives the store, which is closed and opened again at each change of role. Decides by
// turns on a thread of its own; what it decides is written to the node's file, and the server is asked to begin anew.
// Threads: any.
class Elector final : private replication::RoleControl {
 public:
  // None without replication.etcd. `reopen` asks the server to begin anew; from any thread.
  static Result<std::unique_ptr<Elector>> Create(const Config& config, std::function<void()> reopen);
  ~Elector() override;

  // What the next opening of the store is to be: the leader of an epoch, or a follower of somebody or, for now, of nobody.
  // `members`: the in-sync set beside this node, of a leader.
  Status FillIn(replication::NodeFile* node);
  // The open store's peering, while there is one.
  void Attach(Peering* peering) EXCLUDES(mutex_);
  // Gives a leadership back; the end of the server.
  void Stop();

  bool MayAcknowledge() const { return election_->MayAcknowledge(); }
  // `members` beside this node.
  Status SaveInSync(const std::vector<std::string>& members);
  replication::Election::State state() const { return election_->state(); }

 private:
  Elector(const Config& config, std::string node_id, std::function<void()> reopen);
  Status MayLead() override EXCLUDES(mutex_);
  Status BecomeLeader(const replication::Leadership& leadership) override EXCLUDES(mutex_);
  void StepDown(const std::string& why) override EXCLUDES(mutex_);
  void Follow(const std::optional<replication::Member>& leader, Epoch epoch) override EXCLUDES(mutex_);
  void Run();

  const std::string node_id_;
  const std::function<void()> reopen_;
  std::unique_ptr<replication::EtcdCoordination> coordination_;
  std::unique_ptr<replication::Election> election_;

  Mutex mutex_;
  CondVar changed_;
  Peering* peering_ GUARDED_BY(mutex_) = nullptr;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  // What was decided last.
  std::optional<replication::Leadership> leadership_ GUARDED_BY(mutex_);
  std::string leader_url_ GUARDED_BY(mutex_);
  std::thread thread_;  // Last: it uses everything above.
};

}  // namespace tarn::cli
