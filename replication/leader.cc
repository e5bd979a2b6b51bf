#include "replication/leader.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/logging.h"

namespace tarn::replication {
namespace {

constexpr uint64_t kTendMs = 100;
constexpr uint64_t kMeasureMs = 500;

Refused Refuse(Refused::Why why, std::string text) { return Refused{why, std::move(text)}; }

// The chain hash of this node at an LSN that it has.
Result<Sha256Digest> ChainHashAt(engine::Shipping& shipping, Lsn lsn) {
  if (lsn == Lsn()) return Sha256Digest();
  ASSIGN_OR_RETURN(const engine::RawRecord record, shipping.ReadRaw(lsn));
  return record.chain_hash;
}

}  // namespace

// --- LeaderSession ---

LeaderSession::LeaderSession(Leader* leader, FollowRequest request)
    : leader_(leader), request_(std::move(request)), next_(request_.head.lsn.Next()) {}

std::optional<Refused> LeaderSession::Check() const {
  using Why = Refused::Why;
  if (request_.epoch > leader_->options_.epoch) {
    leader_->Fence(request_.epoch);
    return Refuse(Why::kFenced, "this node leads in epoch " + std::to_string(leader_->options_.epoch.value()) +
                                    ", the follower has promised epoch " + std::to_string(request_.epoch.value()));
  }
  engine::Shipping* const shipping = leader_->shipping();
  if (shipping == nullptr || leader_->is_stopped()) return Refuse(Why::kNotLeader, "this node does not lead");
  // Who knows more than this node writes can follow it: so the followers are upgraded first, and the leader last.
  if (request_.protocol < kProtocolVersion || request_.log_format < kLogFormat) {
    return Refuse(Why::kVersion, "this node speaks protocol " + std::to_string(kProtocolVersion) +
                                     " and writes log format " + std::to_string(kLogFormat) +
                                     ", the follower knows protocol " + std::to_string(request_.protocol) +
                                     " and log format " + std::to_string(request_.log_format) +
                                     "; upgrade the follower");
  }
  const engine::JournalHead head = shipping->journaled();
  if (request_.head.lsn > head.lsn) {
    return Refuse(Why::kDiverged, "the follower has " + std::to_string(request_.head.lsn.value()) +
                                      " records, this leader " + std::to_string(head.lsn.value()));
  }
  const auto chain = ChainHashAt(*shipping, request_.head.lsn);
  if (!chain.ok()) return Refuse(Why::kOther, chain.status().ToString());
  if (*chain != request_.head.chain_hash) {
    return Refuse(Why::kDiverged, "record " + std::to_string(request_.head.lsn.value()) + " is another one here");
  }
  return std::nullopt;
}

Result<LeaderSession::Step> LeaderSession::Next() {
  Step step;
  if (!has_greeted_) {
    if (const auto refused = Check()) {
      AppendFrame(*refused, &step.bytes);
      step.is_over = true;
      return step;
    }
  }
  if (leader_->is_stopped()) {
    AppendFrame(Refuse(Refused::Why::kNotLeader, "this node is closing or changing its role"), &step.bytes);
    step.is_over = true;
    return step;
  }
  engine::Shipping& shipping = *leader_->shipping();
  // Before the records: whatever is committed by now is marked before what is not follows, so a follower never has to
  // hold back more than the groups that are in flight.
  const engine::VisibleHead visible = shipping.visible();
  if (!has_greeted_) {
    AppendFrame(Hello{kProtocolVersion, kLogFormat, leader_->node_id(), visible}, &step.bytes);
    has_greeted_ = true;
    committed_ = visible.lsn;
  } else if (visible.lsn > committed_) {
    AppendFrame(Commit{visible}, &step.bytes);
    committed_ = visible.lsn;
  }
  RETURN_IF_ERROR(AppendRecords(&step.bytes));
  const uint64_t now_ms = leader_->clock()->MonotonicMs();
  if (!step.bytes.empty() || now_ms >= spoke_ms_ + limits::kHeartbeatMs) {
    AppendFrame(Heartbeat{shipping.journaled().lsn, visible.lsn, leader_->clock()->NowMs(),
                          leader_->sync_.IsInSync(request_.node_id)},
                &step.bytes);
    spoke_ms_ = now_ms;
  }
  step.wait_until_ms = spoke_ms_ + limits::kHeartbeatMs;
  return step;
}

Status LeaderSession::AppendRecords(std::string* out) {
  engine::Shipping& shipping = *leader_->shipping();
  const Lsn head = shipping.journaled().lsn;
  const Lsn durable = std::max(leader_->sync_.durable_of(request_.node_id), request_.head.lsn);
  const Lsn end(std::min(head.value(), durable.value() + limits::kReplicationWindowRecords));
  while (next_ <= end && out->size() < limits::kReplicationStepBytes) {
    ASSIGN_OR_RETURN(engine::RawRecord record, shipping.ReadRaw(next_));
    AppendFrame(Frame(std::move(record)), out);
    next_ = next_.Next();
  }
  if (end < head) leader_->is_window_full_.store(true);
  return OkStatus();
}

// --- Leader ---

namespace {

SyncSet::Options SyncOptions(const Leader::Options& options) {
  SyncSet::Options sync = options.sync;
  sync.epoch = options.epoch;
  return sync;
}

}  // namespace

Leader::Leader(Options options, Clock* clock)
    : options_(std::move(options)), clock_(clock), sync_(SyncOptions(options_), options_.save, clock) {
  is_fenced_.store(options_.is_fenced);
  tender_ = Thread([this] { Run(); });
}

void Leader::Fence(Epoch epoch) {
  if (!is_fenced_.exchange(true)) {
    Log(LogLevel::kError, "replication: another node leads; this one acknowledges nothing any more",
        {{"epoch", uint64_t{epoch.value()}}});
  }
  if (options_.on_fenced) options_.on_fenced(epoch);
}

Leader::~Leader() {
  Stop();
  {
    MutexLock lock(tend_mutex_);
    is_ending_ = true;
    tend_changed_.NotifyAll();
  }
  tender_.join();
}

void Leader::Run() {
  pthread_setname_np(pthread_self(), "in-sync-set");
  MutexLock lock(tend_mutex_);
  uint64_t measured_ms = 0;
  while (!is_ending_) {
    tend_changed_.WaitForMs(tend_mutex_, kTendMs);
    if (is_ending_ || is_stopped()) continue;
    if (clock_->MonotonicMs() >= measured_ms + kMeasureMs) {
      Measure();
      measured_ms = clock_->MonotonicMs();
    }
    const Status tended = sync_.Tend();
    if (!tended.ok()) Log(LogLevel::kWarning, "the in-sync set was not extended", {{"why", tended.ToString()}});
  }
}

void Leader::Measure() {
  MutexLock lock(measure_mutex_);
  if (is_stopped() || shipping() == nullptr) return;
  for (const PeerState& peer : sync_.stats().peers) MeasureOne(peer);
}

void Leader::MeasureOne(const PeerState& peer) {
  engine::Shipping& ours = *shipping();
  if (peer.durable >= ours.journaled().lsn) return sync_.NoteBehind(peer.node_id, 0, 0);
  const auto bytes = ours.BytesBehind(peer.durable);
  const auto oldest = ours.ReadRaw(peer.durable.Next());
  if (!bytes.ok() || !oldest.ok()) return;  // Whoever sends these records will say so.
  const uint64_t now_ms = clock_->NowMs();
  sync_.NoteBehind(peer.node_id, *bytes, now_ms - std::min(now_ms, oldest->time_ms));
}

void Leader::Attach(engine::Store* store) {
  store_.store(store, std::memory_order_release);
  shipping_.store(store->shipping(), std::memory_order_release);
}

void Leader::Stop() {
  is_stopped_.store(true, std::memory_order_release);
  sync_.Stop();
  WakeAll();
  MutexLock lock(measure_mutex_);  // Nobody reads the store from here on.
}

void Leader::Journaled(const engine::JournalHead&) { WakeAll(); }

Status Leader::WaitMayApply(Lsn last) {
  RETURN_IF_ERROR(sync_.WaitUntilAcknowledged(last));
  if (last.value() > frozen_at_.load(std::memory_order_acquire)) {
    return Unavailable("another node is taking over; whether this is saved it decides");
  }
  return MayAcknowledge();
}

Status Leader::MayAnswer() const {
  if (frozen_at_.load(std::memory_order_acquire) != UINT64_MAX) return Unavailable("another node is taking over");
  return MayAcknowledge();
}

Status Leader::MayAcknowledge() const { return options_.may_acknowledge ? options_.may_acknowledge() : OkStatus(); }

void Leader::Visible(const engine::VisibleHead&) { WakeAll(); }

Result<uint64_t> Leader::Note(const Ack& ack) {
  engine::Shipping* const ours = shipping();
  if (ours == nullptr || is_stopped()) return Unavailable("this node does not lead");
  const engine::JournalHead head = ours->journaled();
  if (ack.epoch > options_.epoch) {
    Fence(ack.epoch);
    return FailedPrecondition("node " + ack.node_id + " has promised epoch " + std::to_string(ack.epoch.value()) +
                              ": this leader's time is over");
  }
  if (ack.durable > head.lsn) {
    return FailedPrecondition("node " + ack.node_id + " claims records that this leader does not have");
  }
  RETURN_IF_ERROR(sync_.Note(ack, head.lsn));
  CheckState(ack);
  if (is_window_full_.exchange(false)) WakeAll();
  return sync_.behind_bytes_of(ack.node_id);
}

// Equal LSN, equal state: compared whenever both are at the same one.
void Leader::CheckState(const Ack& ack) {
  const engine::VisibleHead visible = shipping()->visible();
  if (visible.lsn != ack.applied || visible.state_hash == ack.state_hash) return;
  Log(LogLevel::kError, "a follower has another state at the same LSN",
      {{"node", ack.node_id}, {"lsn", ack.applied.value()}});
  sync_.Accuse(ack.node_id, "its state differs from the leader's at LSN " + std::to_string(ack.applied.value()));
}

uint64_t Leader::AddWaker(std::function<void()> wake) {
  MutexLock lock(wakers_mutex_);
  const uint64_t id = next_waker_++;
  wakers_.emplace(id, std::move(wake));
  return id;
}

void Leader::RemoveWaker(uint64_t id) {
  MutexLock lock(wakers_mutex_);
  wakers_.erase(id);
}

void Leader::WakeAll() {
  MutexLock lock(wakers_mutex_);
  for (const auto& [id, wake] : wakers_) wake();
}

}  // namespace tarn::replication
