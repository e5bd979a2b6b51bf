#include "storage/registry/hook_dispatcher.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "storage/base/logging.h"
#include "storage/engine/keys.h"

namespace tarn::registry {
namespace {

using engine::Family;

constexpr int kPriority = 10;  // Behind whatever answers requests.
constexpr size_t kHooksPerCommit = 1000;

void LowerPriority() {
  // On Linux this sets the calling thread alone. Without the right to, it runs like any other.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kPriority));
}

}  // namespace

HookDispatcher::HookDispatcher(engine::Store* store, Registry* registry, Hooks* hooks, const NodeState* node,
                               const Options& options, Clock* clock, Random* random)
    : store_(store),
      registry_(registry),
      hooks_(hooks),
      node_(node),
      options_(options),
      clock_(clock),
      random_(random),
      journal_(store) {
  const MutexLock lock(mutex_);
  schedule_.set_retry_ms_min(options.retry_ms_min);
}

void HookDispatcher::Start(std::string base_url) {
  if (base_url.ends_with('/')) base_url.pop_back();
  const HookSender::Options sender_options{options_.allow_private_addresses, std::move(base_url)};
  threads_.emplace_back([this] { Read(); });
  for (size_t i = 0; i < limits::kHookDeliveriesConcurrentMax; ++i) {
    senders_.push_back(std::make_unique<HookSender>(store_, registry_, sender_options, clock_));
    threads_.emplace_back([this, sender = senders_.back().get()] { SendAll(sender); });
  }
}

void HookDispatcher::Stop() {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    reader_wake_.NotifyAll();
    sender_wake_.NotifyAll();
  }
  if (threads_.empty()) return;
  for (const auto& sender : senders_) sender->Cancel();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  Flush();
}

HookDispatcher::Stats HookDispatcher::stats() const {
  const MutexLock lock(mutex_);
  Stats stats;
  stats.hooks = schedule_.size();
  stats.failing = schedule_.CountFailing();
  stats.delivered = delivered_;
  stats.refused = refused_;
  const Lsn last = store_->last_lsn();
  const Lsn hindmost = schedule_.Hindmost().value_or(last);
  stats.lag_lsn = last.value() - std::min(last.value(), hindmost.value());
  return stats;
}

std::optional<HookDeliveryRecord> HookDispatcher::Delivery(const std::string& id, uint64_t generation) const {
  const MutexLock lock(mutex_);
  return schedule_.Delivery(id, generation);
}

// --- the reading thread ---

void HookDispatcher::Read() {
  LowerPriority();
  while (true) {
    bool has_more = false;
    if (node_->role() == NodeRole::kLeader) {
      has_more = ReadJournal();
      has_more = GiveOut() || has_more;
      RemoveOrphans();
      if (clock_->MonotonicMs() >= flushed_ms_ + options_.flush_ms) Flush();
    } else {
      Forget();
    }
    const MutexLock lock(mutex_);
    if (!is_stopping_ && !has_news_ && !has_more) reader_wake_.WaitForMs(mutex_, options_.poll_ms);
    has_news_ = false;
    if (is_stopping_) return;
  }
}

void HookDispatcher::Forget() {
  hooks_changed_ = true;
  const MutexLock lock(mutex_);
  schedule_.Load({});
  jobs_.clear();
}

bool HookDispatcher::ReadJournal() {
  bool is_idle = false;
  {
    const MutexLock lock(mutex_);
    is_idle = schedule_.empty();
  }
  // Without hooks there is no need to read anything but whether there are some by now.
  if (is_idle && store_->last_lsn() > journal_.head()) hooks_changed_ = true;
  for (size_t i = 0; !is_idle && i < limits::kHookRecordsPerTurn && journal_.head() < store_->last_lsn(); ++i) {
    const auto changed = journal_.ReadNext();
    if (!changed.ok()) {
      Log(LogLevel::kError, "hooks cannot read the journal",
          {{"lsn", journal_.head().Next().value()}, {"why", changed.status().ToString()}});
      return false;  // Tried again with the next poll.
    }
    hooks_changed_ = hooks_changed_ || *changed;
  }
  if (hooks_changed_) {
    const Status loaded = LoadHooks();
    if (!loaded.ok()) Log(LogLevel::kError, "hooks cannot be read", {{"why", loaded.ToString()}});
    hooks_changed_ = !loaded.ok();
    if (!loaded.ok()) return false;
  }
  return !is_idle && journal_.head() < store_->last_lsn();
}

Status HookDispatcher::LoadHooks() {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  std::vector<HookSchedule::Loaded> hooks;
  Status failed;
  RETURN_IF_ERROR(view->ScanPrefix(Family::kHook, "", [&](std::string_view key, std::string_view value) {
    auto record = DecodeHook(value);
    const auto raw = view->Get(Family::kSetting, HookDeliveryKey(key));
    auto delivery = raw.ok() && *raw ? DecodeHookDelivery(**raw) : Result<HookDeliveryRecord>(HookDeliveryRecord());
    if (!record.ok() || !raw.ok() || !delivery.ok()) {
      failed = !record.ok() ? record.status() : !raw.ok() ? raw.status() : delivery.status();
      return false;
    }
    hooks.push_back({std::string(key), std::move(*record), std::string(value), std::move(*delivery)});
    return true;
  }));
  RETURN_IF_ERROR(failed);
  const MutexLock lock(mutex_);
  if (schedule_.empty()) journal_.StartAt(view->lsn());
  schedule_.Load(std::move(hooks));
  return OkStatus();
}

bool HookDispatcher::GiveOut() {
  std::vector<HookSchedule::Turn> due;
  {
    const MutexLock lock(mutex_);
    due = schedule_.Due(journal_.head(), clock_->NowMs(), clock_->MonotonicMs());
  }
  bool has_more = false;
  for (const HookSchedule::Turn& turn : due) has_more = Look(turn) || has_more;
  return has_more;
}

// Goes on in the journal for one hook, up to the next event of its own. True: its turn ended before the journal did.
bool HookDispatcher::Look(const HookSchedule::Turn& turn) {
  Lsn position = turn.position;
  for (size_t i = 0; i < limits::kHookRecordsPerTurn && position < journal_.head(); ++i) {
    const auto occasion = journal_.At(position.Next());
    if (!occasion.ok() && occasion.code() != Code::kNotFound) {
      Log(LogLevel::kError, "a hook cannot read the journal",
          {{"hook", turn.id}, {"lsn", position.Next().value()}, {"why", occasion.status().ToString()}});
      const MutexLock lock(mutex_);
      schedule_.Pause(turn.id, clock_->MonotonicMs() + limits::kHookLogRetryMs);
      return false;
    }
    if (occasion.ok() && *occasion != nullptr && IsFor(turn.hook, **occasion)) {
      HookJob job{turn.id, turn.hook, *occasion, position == turn.position ? turn.event_index : 0, turn.is_troubled};
      const MutexLock lock(mutex_);
      schedule_.Skip(turn.id, turn.hook.generation, position);
      if (job.event_index >= job.occasion->events.size()) job.event_index = 0;
      if (schedule_.Begin(turn.id, turn.hook.generation)) {
        jobs_.push_back(std::move(job));
        sender_wake_.NotifyOne();
      }
      return false;
    }
    position = position.Next();
  }
  const MutexLock lock(mutex_);
  schedule_.Skip(turn.id, turn.hook.generation, position);
  return position < journal_.head();
}

void HookDispatcher::RemoveOrphans() {
  std::vector<std::string> orphans;
  {
    const MutexLock lock(mutex_);
    orphans.swap(orphans_);
  }
  for (const std::string& id : orphans) {
    const auto removed = hooks_->Remove(Principal::System(), id);
    if (removed.ok()) Log(LogLevel::kInfo, "a hook went with its user's account", {{"hook", id}});
  }
}

void HookDispatcher::Flush() {
  flushed_ms_ = clock_->MonotonicMs();
  while (true) {
    std::vector<HookSchedule::Loaded> hooks;
    {
      const MutexLock lock(mutex_);
      hooks = schedule_.ToCommit(kHooksPerCommit);
    }
    if (hooks.empty()) return;
    engine::Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutSetting;
    for (const HookSchedule::Loaded& hook : hooks) {
      // Whoever updates or replays a hook decides where it is.
      mutation.preconditions.push_back({Family::kHook, engine::NameKey(hook.id), hook.raw});
      mutation.changes.push_back({Family::kSetting, HookDeliveryKey(hook.id), Encode(hook.delivery)});
    }
    const auto committed = store_->Commit(std::move(mutation));
    if (!committed.ok()) {
      if (committed.code() == Code::kConflict) hooks_changed_ = true;
      const bool is_news = !flush_failed_ && committed.code() != Code::kConflict;
      flush_failed_ = committed.code() != Code::kConflict;
      if (is_news) {
        Log(LogLevel::kWarning, "where hooks are was not stored; will try again",
            {{"why", committed.status().ToString()}});
      }
      return;
    }
    flush_failed_ = false;
    const MutexLock lock(mutex_);
    schedule_.Committed(hooks);
    if (hooks.size() < kHooksPerCommit) return;
  }
}

// --- the sending threads ---

std::optional<HookJob> HookDispatcher::TakeJob() {
  for (auto job = jobs_.begin(); job != jobs_.end(); ++job) {
    const auto found = sending_by_user_.find(job->hook.user);
    const Sending of_user = found == sending_by_user_.end() ? Sending() : found->second;
    if (of_user.all >= limits::kHookDeliveriesPerUserMax) continue;
    if (job->is_troubled && (sending_.troubled >= limits::kHookDeliveriesTroubledMax ||
                             of_user.troubled >= limits::kHookDeliveriesTroubledPerUserMax)) {
      continue;
    }
    HookJob taken = std::move(*job);
    jobs_.erase(job);
    const size_t troubled = taken.is_troubled ? 1 : 0;
    sending_ = {sending_.all + 1, sending_.troubled + troubled};
    sending_by_user_[taken.hook.user] = {of_user.all + 1, of_user.troubled + troubled};
    return taken;
  }
  return std::nullopt;
}

void HookDispatcher::SendAll(HookSender* sender) {
  LowerPriority();
  while (true) {
    std::optional<HookJob> job;
    {
      const MutexLock lock(mutex_);
      while (!is_stopping_ && !(job = TakeJob())) sender_wake_.Wait(mutex_);
      if (is_stopping_) return;
    }
    Finish(*job, sender->Send(*job));
  }
}

void HookDispatcher::Finish(const HookJob& job, const HookOutcome& outcome) {
  const MutexLock lock(mutex_);
  const size_t troubled = job.is_troubled ? 1 : 0;
  sending_ = {sending_.all - 1, sending_.troubled - troubled};
  Sending& of_user = sending_by_user_[job.hook.user];
  of_user = {of_user.all - 1, of_user.troubled - troubled};
  if (of_user.all == 0) sending_by_user_.erase(job.hook.user);
  schedule_.Finish(job, outcome, clock_->NowMs(), clock_->MonotonicMs(), random_);
  if (outcome.kind == HookOutcome::Kind::kDelivered) ++delivered_;
  if (outcome.kind == HookOutcome::Kind::kRefused) ++refused_;
  if (outcome.kind == HookOutcome::Kind::kOwnerGone) orphans_.push_back(job.id);
  has_news_ = true;
  reader_wake_.NotifyOne();
  sender_wake_.NotifyAll();  // Whoever had to wait for this one may go on.
}

}  // namespace tarn::registry
