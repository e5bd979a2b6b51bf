#include "replication/election.h"

#include <algorithm>
#include <utility>

#include "storage/base/check.h"

namespace tarn::replication {

Election::Election(Options options, Coordination* coordination, RoleControl* control, Clock* clock)
    : options_(std::move(options)), coordination_(coordination), control_(control), clock_(clock) {
  CHECK(options_.lease_ms > kLeaseMarginMs + kRenewMs);
}

bool Election::MayAcknowledge() const {
  const uint64_t until_ms = acknowledge_until_ms_.load(std::memory_order_acquire);
  return until_ms != 0 && clock_->MonotonicMs() < until_ms;
}

Election::State Election::state() const {
  const uint64_t until_ms = acknowledge_until_ms_.load(std::memory_order_relaxed);
  const uint64_t now_ms = clock_->MonotonicMs();
  MutexLock lock(mutex_);
  State state = state_;
  state.is_leader = leadership_.has_value();
  state.lease_left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
  return state;
}

uint64_t Election::Step() {
  const std::optional<Leadership> leadership = held();
  if (leadership.has_value()) {
    Lead(*leadership);
  } else {
    Look();
  }
  return held().has_value() ? kRenewMs : kPollMs;
}

void Election::Lead(const Leadership& leadership) {
  // From before the request: the lease began anew at some moment after this one.
  const uint64_t asked_ms = clock_->MonotonicMs();
  const Status renewed = coordination_->KeepAlive(leadership);
  // Not once the margin was passed while we waited: the promise to have stopped by then was given.
  if (renewed.ok() && Extend(asked_ms)) return Note({});
  Note(renewed);
  if (renewed.code() == Code::kNotFound) return StepDown("its lease is over");
  if (!MayAcknowledge()) StepDown("its lease could not be renewed in time");
}

bool Election::Extend(uint64_t asked_ms) {
  uint64_t until_ms = acknowledge_until_ms_.load(std::memory_order_acquire);
  if (until_ms == 0 || clock_->MonotonicMs() >= until_ms) return false;
  // Fails when SetInSync has just learned that another leader was elected.
  return acknowledge_until_ms_.compare_exchange_strong(until_ms, asked_ms + options_.lease_ms - kLeaseMarginMs,
                                                       std::memory_order_acq_rel);
}

void Election::Look() {
  const Result<ClusterView> view = coordination_->Read();
  Note(view.ok() ? OkStatus() : view.status());
  if (!view.ok()) return;
  // A leader of our own name is an earlier life of this node: its lease runs out, then we stand again.
  if (view->leader.has_value() || !MayStand(*view)) return Tell(view->leader, view->epoch);
  Campaign(*view);
}

bool Election::Founds(const ClusterView& view) const {
  return view.in_sync_revision == 0 && options_.founding == Coordination::Founding::kYes;
}

bool Election::MayStand(const ClusterView& view) {
  const bool is_member = std::ranges::find(view.in_sync, options_.self.node_id) != view.in_sync.end();
  if (!is_member && !Founds(view)) return false;
  const Status may = control_->MayLead();
  if (!may.ok()) Note(may.WithContext("not standing for election"));
  return may.ok();
}

void Election::Campaign(const ClusterView& view) {
  const uint64_t asked_ms = clock_->MonotonicMs();
  const Result<Leadership> won = coordination_->Campaign(
      options_.self, view, Founds(view) ? Coordination::Founding::kYes : Coordination::Founding::kNo);
  if (!won.ok()) return Note(won.status());
  {
    MutexLock lock(mutex_);
    leadership_ = *won;
    state_.epoch = won->epoch;
    state_.leader = options_.self;
  }
  told_.reset();
  acknowledge_until_ms_.store(asked_ms + options_.lease_ms - kLeaseMarginMs, std::memory_order_release);
  if (const Status led = control_->BecomeLeader(*won); !led.ok()) {
    StepDown(led.ToString());
    (void)coordination_->Resign(*won);
    Note(led.WithContext("elected, but could not lead"));
  }
}

void Election::Tell(const std::optional<Member>& leader, Epoch epoch) {
  const Told now{leader, epoch};
  if (told_ == now) return;
  told_ = now;
  {
    MutexLock lock(mutex_);
    state_.leader = leader;
    state_.epoch = epoch;
  }
  control_->Follow(leader, epoch);
}

void Election::StepDown(const std::string& why) {
  acknowledge_until_ms_.store(0, std::memory_order_release);
  {
    MutexLock lock(mutex_);
    leadership_.reset();
    state_.leader.reset();
  }
  told_.reset();
  control_->StepDown(why);
}

void Election::Resign(const std::string& why) {
  const std::optional<Leadership> leadership = held();
  if (!leadership.has_value()) return;
  StepDown(why);
  (void)coordination_->Resign(*leadership);
}

Status Election::SetInSync(const std::vector<std::string>& in_sync) {
  const std::optional<Leadership> leadership = held();
  if (!leadership.has_value()) return FailedPrecondition("this node does not lead");
  const Status changed = coordination_->SetInSync(*leadership, in_sync);
  // The next turn steps down; from now on nothing is acknowledged.
  if (changed.code() == Code::kConflict) acknowledge_until_ms_.store(0, std::memory_order_release);
  return changed;
}

std::optional<Leadership> Election::held() const {
  MutexLock lock(mutex_);
  return leadership_;
}

void Election::Note(const Status& status) {
  MutexLock lock(mutex_);
  state_.last_error = status.ok() ? "" : status.ToString();
}

}  // namespace tarn::replication
