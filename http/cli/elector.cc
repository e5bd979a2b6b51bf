#include "http/cli/elector.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "http/cli/peering.h"
#include "storage/base/logging.h"

namespace tarn::cli {
namespace {

using replication::Coordination;
using replication::Election;
using replication::EtcdCoordination;

constexpr uint64_t kRetryMs = 200;

}  // namespace

Result<std::unique_ptr<Elector>> Elector::Create(const Config& config, std::function<void()> reopen) {
  if (config.replication_etcd.empty()) return std::unique_ptr<Elector>();
  std::error_code error;
  std::filesystem::create_directories(config.data, error);
  if (error) return IoError(config.data + ": " + error.message());
  ASSIGN_OR_RETURN(replication::NodeFile node, replication::NodeFile::Load(config.data, &SystemRandom()));
  if (node.is_new) RETURN_IF_ERROR(node.Save(config.data));  // The id is this node's for good.
  return std::unique_ptr<Elector>(new Elector(config, node.node_id, std::move(reopen)));
}

Elector::Elector(const Config& config, std::string node_id, std::function<void()> reopen)
    : node_id_(std::move(node_id)), reopen_(std::move(reopen)) {
  EtcdCoordination::Options options;
  options.endpoints = config.replication_etcd;
  options.prefix = config.replication_etcd_prefix;
  options.tls = ReplicationTls(config);
  coordination_ = std::make_unique<EtcdCoordination>(options);
  Election::Options election;
  election.self = {node_id_, config.replication_own_url};
  election.lease_ms = options.lease_seconds * 1000;
  // Who is told to follow somebody is not the one that holds the data of a cluster to be.
  election.founding = config.replication_follow.empty() ? Coordination::Founding::kYes : Coordination::Founding::kNo;
  election_ = std::make_unique<Election>(election, coordination_.get(), static_cast<replication::RoleControl*>(this),
                                         &SystemClock());
  thread_ = std::thread([this] { Run(); });
}

Elector::~Elector() { Stop(); }

void Elector::Stop() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(is_stopping_, true)) return;
    changed_.NotifyAll();
  }
  thread_.join();
  election_->Resign("the server ends");
}

void Elector::Run() {
  pthread_setname_np(pthread_self(), "election");
  while (true) {
    const uint64_t pause_ms = election_->Step();
    MutexLock lock(mutex_);
    if (!is_stopping_) changed_.WaitForMs(mutex_, pause_ms);
    if (is_stopping_) return;
  }
}

void Elector::Attach(Peering* peering) {
  MutexLock lock(mutex_);
  peering_ = peering;
}

Status Elector::FillIn(replication::NodeFile* node) {
  std::optional<replication::Leadership> leadership;
  {
    MutexLock lock(mutex_);
    leadership = leadership_;
    node->leader_url = leader_url_;
  }
  node->in_sync.clear();
  node->role = leadership.has_value() ? NodeRole::kLeader : NodeRole::kFollower;
  if (!leadership.has_value()) return OkStatus();
  node->epoch = leadership->epoch;
  // A leader that does not know its set could acknowledge without a member of it.
  Status last;
  while (MayAcknowledge()) {
    const Result<replication::ClusterView> view = coordination_->Read();
    if (view.ok()) {
      for (const std::string& member : view->in_sync) {
        if (member != node_id_) node->in_sync.push_back(member);
      }
      return OkStatus();
    }
    last = view.status();
    std::this_thread::sleep_for(std::chrono::milliseconds(kRetryMs));
  }
  Log(LogLevel::kWarning, "replication: elected, but the in-sync set cannot be read", {{"why", last.ToString()}});
  node->role = NodeRole::kFollower;
  return OkStatus();
}

Status Elector::SaveInSync(const std::vector<std::string>& members) {
  std::vector<std::string> all = members;
  all.push_back(node_id_);
  std::ranges::sort(all);
  return election_->SetInSync(all);
}

// --- what the election decides ---

Status Elector::MayLead() {
  MutexLock lock(mutex_);
  if (peering_ == nullptr) return Unavailable("the store is not open");
  return peering_->MayLead();
}

Status Elector::BecomeLeader(const replication::Leadership& leadership) {
  {
    MutexLock lock(mutex_);
    leadership_ = leadership;
    leader_url_.clear();
  }
  Log(LogLevel::kInfo, "replication: elected", {{"epoch", uint64_t{leadership.epoch.value()}}});
  reopen_();
  return OkStatus();
}

void Elector::StepDown(const std::string& why) {
  {
    MutexLock lock(mutex_);
    leadership_.reset();
    if (peering_ != nullptr) peering_->StopAcknowledging();
    if (is_stopping_) return;
  }
  Log(LogLevel::kWarning, "replication: this node leads no longer", {{"why", why}});
  reopen_();
}

void Elector::Follow(const std::optional<replication::Member>& leader, Epoch) {
  // While nobody leads, the last one may come back.
  if (!leader.has_value() || leader->node_id == node_id_) return;
  {
    MutexLock lock(mutex_);
    if (leader->url == leader_url_) return;
    leader_url_ = leader->url;
  }
  Log(LogLevel::kInfo, "replication: another node leads", {{"node", leader->node_id}, {"url", leader->url}});
  reopen_();
}

}  // namespace tarn::cli
