#include "storage/engine/state_stage.h"

#include <pthread.h>

#include <utility>

namespace tarn::engine {
namespace {

constexpr uint64_t kRetryMs = 100;  // RocksDB out of space: how often the batch is tried again.

}  // namespace

StateStage::StateStage(const Parts& parts, CommitObserver* observer) : parts_(parts), observer_(observer) {
  thread_ = Thread([this] { Run(); });
}

StateStage::~StateStage() {
  {
    MutexLock lock(mutex_);
    is_closing_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void StateStage::HandOver(std::shared_ptr<CommitGroup> group) {
  MutexLock lock(mutex_);
  while (group_ != nullptr) changed_.Wait(mutex_);
  group_ = std::move(group);
  changed_.NotifyAll();
}

void StateStage::Run() {
  pthread_setname_np(pthread_self(), "commit-state");
  for (;;) {
    std::shared_ptr<CommitGroup> group;
    {
      MutexLock lock(mutex_);
      while (group_ == nullptr && !is_closing_) changed_.Wait(mutex_);
      if (group_ == nullptr) return;
      group = group_;
    }
    group_begin_ms_.store(group->begin_ms, std::memory_order_relaxed);
    FinishGroup(group.get());
    group_begin_ms_.store(0, std::memory_order_relaxed);
    MutexLock lock(mutex_);
    group_.reset();
    changed_.NotifyAll();
  }
}

void StateStage::FinishGroup(CommitGroup* group) {
  CommitObserver* const observer = observer_.load();
  if (group->outcome.ok()) {
    if (failure_.ok() && !group->admitted.empty()) failure_ = WaitMayApply(group->update.applied().lsn);
    if (failure_.ok() && !group->admitted.empty()) failure_ = Write(*group, observer);
    group->outcome = failure_;
  }
  if (group->outcome.ok() && observer != nullptr) {
    for (const LogRecord& record : group->update.records()) observer->Applied(record);
  }
  if (group->outcome.ok() && parts_.shipper != nullptr && !group->admitted.empty()) {
    const AppliedState& applied = group->update.applied();
    parts_.shipper->Visible({applied.lsn, applied.epoch, applied.chain_hash, applied.state_hash.words()});
  }
  group->AnswerAll();
}

// The group is in the journal, whatever comes of this: whether it counts is decided when the store is opened again.
Status StateStage::WaitMayApply(Lsn last) {
  if (parts_.shipper == nullptr) return OkStatus();
  Status status = parts_.shipper->WaitMayApply(last);
  if (!status.ok()) parts_.gate->CloseForGood(status);
  return status;
}

Status StateStage::Write(const CommitGroup& group, CommitObserver* observer) {
  RocksBatch batch = parts_.rocks->NewBatch();
  group.update.AppendChangesTo(&batch);
  // The group before is visible by now, so this is the state right before the first record.
  const RocksReadView before(*parts_.rocks, parts_.publication->Get());
  AppendDerivedTo(&batch, DeriveAll(observer, before, group.update.records()));
  ASSIGN_OR_RETURN(const AppliedState applied, group.update.AppendPlacesTo(&batch, group.places));
  RETURN_IF_ERROR(WriteBatch(&batch));
  Publish(applied);
  return OkStatus();
}

// The group is in the journal: it may neither be forgotten nor be answered before RocksDB has it.
Status StateStage::WriteBatch(RocksBatch* batch) {
  Status status = parts_.rocks->Write(batch);
  while (status.code() == Code::kOutOfSpace) {
    parts_.gate->Close(status);
    for (QueuedMutation& queued : parts_.queue->TakeAll()) queued.done(status);
    if (parts_.queue->WaitForStop(kRetryMs)) {
      return Unavailable("closing; this change is in the journal and will be applied at the next open");
    }
    if (!parts_.disk->CheckRoom(batch->size_bytes()).ok() || !parts_.rocks->Resume().ok()) continue;
    status = parts_.rocks->Write(batch);
    if (status.ok()) parts_.gate->Reopen();
  }
  return status.ok() ? status : parts_.gate->Fail(status);
}

void StateStage::Publish(const AppliedState& applied) {
  auto state = std::make_shared<PublishedState>();
  state->snapshot = parts_.rocks->NewSnapshot();
  state->applied = applied;
  parts_.publication->Set(std::move(state));
  parts_.tail->Forget(applied.lsn);
}

}  // namespace tarn::engine
