#include "replication/sync_set.h"

#include <algorithm>
#include <string>
#include <utility>

#include "storage/base/logging.h"

namespace tarn::replication {
namespace {

constexpr uint64_t kSaveRetryMs = 200;
constexpr uint64_t kCaughtUpRecords = 64;  // Nearer than this: acknowledgements can wait for it.

bool IsOver(const Status& status) {
  return status.code() == Code::kConflict || status.code() == Code::kFailedPrecondition;
}

}  // namespace

SyncSet::SyncSet(Options options, Save save, Clock* clock)
    : options_(std::move(options)), save_(std::move(save)), clock_(clock) {
  for (const std::string& member : options_.members) {
    PeerState& peer = peers_[member];
    peer.node_id = member;
    peer.standing = Standing::kInSync;
    peer.heard_ms = clock_->MonotonicMs();  // It gets its time to come back.
  }
}

Status SyncSet::Note(const Ack& ack, Lsn journaled) {
  MutexLock lock(mutex_);
  if (!peers_.contains(ack.node_id) && peers_.size() >= limits::kReplicasMax) {
    return ResourceExhausted("replication: " + std::to_string(peers_.size()) + " followers are the most");
  }
  PeerState& peer = peers_[ack.node_id];
  peer.node_id = ack.node_id;
  peer.url = ack.url;
  peer.heard_ms = clock_->MonotonicMs();
  if (!peer.is_broken) peer.error = ack.error;
  if (!ack.error.empty()) Remember(&peer, ack.error);
  // What it has once said is durable stays so; unless it lost its disk, and then it is no member any more.
  peer.epoch = ack.epoch;
  peer.durable = ack.durable;
  peer.applied = ack.applied;
  peer.state_hash = ack.state_hash;
  if (ack.durable >= journaled) peer.behind_bytes = peer.behind_ms = 0;
  const bool is_near = ack.durable.value() + kCaughtUpRecords >= journaled.value();
  if (peer.standing == Standing::kCatchingUp && is_near && HasPromised(peer) && peer.error.empty() && !peer.is_broken) {
    peer.standing = Standing::kWaitedFor;
    peer.waited_since = journaled;
  }
  changed_.NotifyAll();
  return OkStatus();
}

void SyncSet::Remember(PeerState* peer, const std::string& error) {
  peer->last_error = error;
  peer->last_error_ms = clock_->MonotonicMs();
}

void SyncSet::NoteBehind(const std::string& node_id, uint64_t bytes, uint64_t age_ms) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(node_id);
  if (found == peers_.end()) return;
  found->second.behind_bytes = bytes;
  found->second.behind_ms = age_ms;
}

void SyncSet::Accuse(const std::string& node_id, const std::string& why) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(node_id);
  if (found == peers_.end()) return;
  found->second.is_broken = true;
  found->second.error = why;
  Remember(&found->second, why);
  changed_.NotifyAll();
}

std::vector<std::string> SyncSet::Lagging(Lsn lsn) const {
  std::vector<std::string> lagging;
  for (const auto& [id, peer] : peers_) {
    if (IsWaitedFor(peer) && (peer.durable < lsn || !HasPromised(peer) || peer.is_broken || !peer.error.empty()))
      lagging.push_back(id);
  }
  return lagging;
}

std::vector<std::string> SyncSet::Members() const {
  std::vector<std::string> members;
  for (const auto& [id, peer] : peers_) {
    if (peer.standing == Standing::kInSync) members.push_back(id);
  }
  return members;
}

Status SyncSet::WaitUntilAcknowledged(Lsn lsn) {
  const uint64_t begin_ms = clock_->MonotonicMs();
  while (true) {
    {
      MutexLock lock(mutex_);
      RETURN_IF_ERROR(stopped_);
      const uint64_t waited_ms = clock_->MonotonicMs() - begin_ms;
      if (options_.mode == AckMode::kLocal || Lagging(lsn).empty()) {
        acknowledged_ = std::max(acknowledged_, lsn);
        ++stats_.waits;
        stats_.wait_ms_total += waited_ms;
        stats_.wait_ms_max = std::max(stats_.wait_ms_max, waited_ms);
        return OkStatus();
      }
      if (waited_ms < options_.ack_wait_ms) {
        changed_.WaitForMs(mutex_, options_.ack_wait_ms - waited_ms);
        continue;
      }
    }
    const Status dropped = DropLagging(lsn);
    if (IsOver(dropped)) return Unavailable("this node leads no longer: " + std::string(dropped.message()));
    if (dropped.ok()) continue;
    Log(LogLevel::kError, "the in-sync set could not be stored; acknowledgements wait", {{"why", dropped.ToString()}});
    MutexLock lock(mutex_);
    if (stopped_.ok()) changed_.WaitForMs(mutex_, kSaveRetryMs);
  }
}

// First the durable word, then the acknowledgement. Who joins the set does so under the same lock, so the two never cross.
Status SyncSet::DropLagging(Lsn lsn) {
  MutexLock save_lock(save_mutex_);
  std::vector<std::string> lagging;
  std::vector<std::string> members;
  bool is_member = false;
  {
    MutexLock lock(mutex_);
    lagging = Lagging(lsn);
    members = Members();
  }
  for (const std::string& id : lagging) is_member |= std::erase(members, id) > 0;
  if (is_member) RETURN_IF_ERROR(save_(members));
  MutexLock lock(mutex_);
  for (const std::string& id : lagging) {
    PeerState& peer = peers_[id];
    peer.standing = Standing::kCatchingUp;
    ++stats_.drops;
    if (peer.error.empty()) {
      Remember(&peer, "no acknowledgement of LSN " + std::to_string(lsn.value()) + " within " +
                          std::to_string(options_.ack_wait_ms) + " ms");
    }
    Log(LogLevel::kWarning, "a follower is out of the in-sync set: writes are acknowledged without it from now on",
        {{"node", id}, {"durable_lsn", peer.durable.value()}, {"lsn", lsn.value()}});
  }
  return OkStatus();
}

Status SyncSet::Tend() {
  MutexLock save_lock(save_mutex_);
  std::vector<std::string> joining;
  std::vector<std::string> members;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, peer] : peers_) {
      const bool has_all = peer.durable >= std::max(peer.waited_since, acknowledged_);
      if (peer.standing == Standing::kWaitedFor && has_all && HasPromised(peer) && !peer.is_broken &&
          peer.error.empty())
        joining.push_back(id);
    }
    members = Members();
  }
  if (joining.empty()) return OkStatus();
  members.insert(members.end(), joining.begin(), joining.end());
  std::ranges::sort(members);
  RETURN_IF_ERROR(save_(members));
  MutexLock lock(mutex_);
  for (const std::string& id : joining) {
    PeerState& peer = peers_[id];
    peer.standing = Standing::kInSync;
    Log(LogLevel::kInfo, "a follower is in sync", {{"node", id}, {"durable_lsn", peer.durable.value()}});
  }
  return OkStatus();
}

void SyncSet::Stop() {
  MutexLock lock(mutex_);
  if (stopped_.ok()) {
    stopped_ = Unavailable("this node is closing or changing its role; what was sent may still be applied");
  }
  changed_.NotifyAll();
}

SyncSet::Stats SyncSet::stats() const {
  MutexLock lock(mutex_);
  Stats stats = stats_;
  for (const auto& [id, peer] : peers_) stats.peers.push_back(peer);
  stats.members = Members();
  return stats;
}

bool SyncSet::IsInSync(const std::string& node_id) const {
  MutexLock lock(mutex_);
  const auto found = peers_.find(node_id);
  return found != peers_.end() && found->second.standing == Standing::kInSync;
}

uint64_t SyncSet::behind_bytes_of(const std::string& node_id) const {
  MutexLock lock(mutex_);
  const auto found = peers_.find(node_id);
  return found == peers_.end() ? 0 : found->second.behind_bytes;
}

Lsn SyncSet::durable_of(const std::string& node_id) const {
  MutexLock lock(mutex_);
  const auto found = peers_.find(node_id);
  return found == peers_.end() ? Lsn() : found->second.durable;
}

}  // namespace tarn::replication
