#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/api/api.h"
#include "http/cli/config.h"
#include "http/net/executor.h"
#include "http/net/handler.h"
#include "http/peer/forwarder.h"
#include "http/peer/peer_handler.h"
#include "replication/bootstrap.h"
#include "replication/follower.h"
#include "replication/follower_check.h"
#include "replication/leader.h"
#include "replication/node_file.h"
#include "replication/peer_client.h"
#include "storage/base/mutex.h"
#include "storage/base/node_state.h"
#include "storage/engine/store.h"

namespace tarn::cli {

class Elector;

// This node among its peers, from one opening of the store to the next: which role it has, and the parts of replication that
// go with it. A change of role is written down, then the server is asked to close the store and open it again.
//
// The order of a life: Create, Prepare, Configure (before the store is opened), Attach (after), MakeHandler, Stop (before the
// store is closed).
// Threads: one owner; what says so, any.
class Peering {
 public:
  // `reopen` asks the server to begin anew; from any thread.
  // `elector`: who decides the role, if it is agreed on in etcd; outlives this.
  static Result<std::unique_ptr<Peering>> Create(const Config& config, Elector* elector, std::function<void()> reopen);
  ~Peering();

  // A follower's directory is made one that can follow. A leader that cannot be reached is waited for only by a node that has
  // nothing yet, and that is told to `say`, as a sentence, each time there is something new to say. `lock`: of the directory.
  Status Prepare(engine::CommitObserver* observer, const std::shared_ptr<engine::DirectoryLock>& lock,
                 const std::function<bool()>& is_stopping, const std::function<void(std::string)>& say);
  // A follower without data of its own, which cannot serve before Prepare is done.
  bool HasNothingYet() const;
  void Configure(engine::StoreOptions* options) const;
  // Begins to lead or to follow.
  Status Attach(engine::Store* store);
  // In front of the registry's own. Outlived by the executor and the Api.
  std::unique_ptr<http::Handler> MakeHandler(http::Api& api, http::Executor& executor);
  void Stop();

  // --- any thread ---
  NodeRole role() const { return node_.role; }
  // OK when this node may take writes itself, and when traffic may be routed to it, as far as replication goes.
  Status CanWrite() const;
  // OK when this node may stand for election: whole, as far as it knows.
  Status MayLead() const;
  // Nothing more is acknowledged by this leader.
  void StopAcknowledging();
  Status Ready() const;
  void AppendMetrics(std::string* out) const;
  std::string StatusJson() const;
  // Becomes the leader: by a hand-over, when the old one can be reached. `accept_loss`: at once, and what the old leader has
  // acknowledged and this node does not have may be lost.
  Status Promote(bool accept_loss) EXCLUDES(mutex_);
  // Hands the lead over to the node at `url`, which has to be in sync, and follows it.
  Status Demote(const std::string& url) EXCLUDES(mutex_);
  // Takes over from a leader that steps down.
  Status TakeOver(Epoch epoch) EXCLUDES(mutex_);
  std::string DivergenceJson() const;
  // Applies what was set aside again (reapply.h), here or through the leader.
  Result<std::string> ReapplyDivergence(bool is_dry_run) EXCLUDES(reapply_);

 private:
  Peering(const Config& config, std::string secret, replication::NodeFile node, Elector* elector,
          std::function<void()> reopen);
  replication::PeerOptions LeaderOptions() const;
  Status SaveInSync(const std::vector<std::string>& members) EXCLUDES(mutex_);
  Status SavePromise(Epoch epoch) EXCLUDES(mutex_);
  Status BecomeLeader(Epoch epoch, const std::string& fence_url) EXCLUDES(mutex_);
  Status BecomeFollower(const std::string& url) EXCLUDES(mutex_);
  void SaveFenced(Epoch epoch) EXCLUDES(mutex_);
  Status BeginWrite();
  Status CommitReapplied(engine::Mutation mutation, const std::vector<engine::BlobReader>& blobs);
  Status CatchUpWithLeader();
  Status AskForLeadership(uint64_t silent_ms) EXCLUDES(mutex_);
  void TellOldLeader() EXCLUDES(mutex_);
  // Until `url` has everything and nothing more is acknowledged here.
  Status WaitForSuccessor(replication::PeerClient* next);

  const Config config_;
  const std::string secret_;
  Elector* const elector_;
  const std::function<void()> reopen_;
  replication::NodeFile node_;  // role, url: constant until the store is opened again.
  Mutex reapply_;               // One run at a time.
  mutable Mutex mutex_;         // Of what is written down.
  replication::NodeFile stored_ GUARDED_BY(mutex_);
  std::atomic<bool> is_handing_over_{false};
  std::atomic<uint64_t> writes_under_way_{0};
  std::atomic<bool> is_stopped_{false};
  std::thread teller_;  // Tells an old leader that its time is over, until it has heard.
  engine::Store* store_ = nullptr;
  std::unique_ptr<replication::Leader> leader_;
  std::unique_ptr<replication::Follower> follower_;
  std::unique_ptr<replication::FollowerCheck> check_;  // Of the follower.
  std::unique_ptr<replication::PeerClient> proposer_;  // Of a follower, for the run that has `reapply_`. Ended by Stop.
  std::unique_ptr<http::Forwarder> forwarder_;
};

// A node's own state and that of its peering as one.
class PeerNode final : public NodeState {
 public:
  // Both outlive it. `peering` may be none.
  PeerNode(const NodeState& own, const Peering* peering) : own_(own), peering_(peering) {}
  NodeRole role() const override { return peering_ == nullptr ? own_.role() : peering_->role(); }
  Epoch epoch() const override { return own_.epoch(); }
  Lsn applied_lsn() const override { return own_.applied_lsn(); }
  Status CanWrite() const override {
    if (peering_ != nullptr) RETURN_IF_ERROR(peering_->CanWrite());
    return own_.CanWrite();
  }
  Status Ready() const override {
    RETURN_IF_ERROR(own_.Ready());
    return peering_ == nullptr ? OkStatus() : peering_->Ready();
  }

 private:
  const NodeState& own_;
  const Peering* const peering_;
};

}  // namespace tarn::cli
