#include "storage/testing/turn_scheduler.h"

#include <algorithm>

#include "storage/base/check.h"

namespace tarn {

TurnScheduler::TurnScheduler(uint64_t seed, ManualClock* clock) : dice_(seed), clock_(clock) {
  CHECK(Turns::current == nullptr);
  running_ = &slots_.emplace_back();
  live_.push_back(running_);
  Turns::current = this;
}

TurnScheduler::~TurnScheduler() {
  for (size_t i = 1; i < slots_.size(); ++i) CHECK(slots_[i].state == Slot::State::kDone);
  Turns::current = nullptr;
}

void TurnScheduler::Lock(std::mutex& mutex) {
  while (!mutex.try_lock()) {
    if (!held_.contains(&mutex)) {
      mutex.lock();  // A thread of others has it, for a moment.
      break;
    }
    running_->state = Slot::State::kLocking;
    running_->on = &mutex;
    Switch();
  }
  held_.insert(&mutex);
}

void TurnScheduler::Unlock(std::mutex& mutex) {
  held_.erase(&mutex);
  mutex.unlock();
  Wake(Slot::State::kLocking, &mutex);
}

bool TurnScheduler::Wait(const void* condition, std::mutex& mutex, std::optional<uint64_t> timeout_ms) {
  Unlock(mutex);
  Slot* const self = running_;
  self->state = Slot::State::kWaiting;
  self->on = condition;
  self->timed_out = false;
  self->deadline_ms.reset();
  if (timeout_ms.has_value()) self->deadline_ms = clock_->MonotonicMs() + *timeout_ms;
  Switch();
  Lock(mutex);
  return !self->timed_out;
}

void TurnScheduler::Notify(const void* condition, bool all) {
  if (all) return Wake(Slot::State::kWaiting, condition);
  std::vector<Slot*> waiting;
  for (Slot* slot : live_) {
    if (slot->state == Slot::State::kWaiting && slot->on == condition) waiting.push_back(slot);
  }
  if (!waiting.empty()) waiting[dice_.Below(waiting.size())]->state = Slot::State::kReady;
}

void TurnScheduler::Wake(Slot::State state, const void* on) {
  for (Slot* slot : live_) {
    if (slot->state == state && slot->on == on) slot->state = Slot::State::kReady;
  }
}

std::pair<uint64_t, std::function<void()>> TurnScheduler::Adopt(std::function<void()> run) {
  Slot* const slot = &slots_.emplace_back();
  live_.push_back(slot);
  auto wrapped = [this, slot, run = std::move(run)]() mutable {
    slot->go.acquire();
    Turns::current = this;
    run();
    run = nullptr;  // What it holds goes while this thread still has its turn.
    slot->state = Slot::State::kDone;
    std::erase(live_, slot);
    Wake(Slot::State::kJoining, slot);
    Turns::current = nullptr;
    running_ = Choose();
    running_->go.release();
  };
  return {slots_.size() - 1, std::move(wrapped)};
}

void TurnScheduler::AwaitEnd(uint64_t number) {
  Slot* const other = &slots_[number];
  while (other->state != Slot::State::kDone) {
    running_->state = Slot::State::kJoining;
    running_->on = other;
    Switch();
  }
}

void TurnScheduler::SleepMs(uint64_t ms) {
  running_->state = Slot::State::kWaiting;
  running_->on = nullptr;
  running_->deadline_ms = clock_->MonotonicMs() + ms;
  Switch();
}

void TurnScheduler::Switch() {
  Slot* const self = running_;
  Slot* const next = Choose();
  if (next == self) return;
  ++switches_;
  running_ = next;
  next->go.release();
  self->go.acquire();
}

TurnScheduler::Slot* TurnScheduler::Choose() {
  while (true) {
    std::vector<Slot*> ready;
    for (Slot* slot : live_) {
      if (slot->state == Slot::State::kReady) ready.push_back(slot);
    }
    if (!ready.empty()) return ready[dice_.Below(ready.size())];
    PassTime();
  }
}

void TurnScheduler::PassTime() {
  std::optional<uint64_t> first_ms;
  for (const Slot* slot : live_) {
    if (slot->state != Slot::State::kWaiting || !slot->deadline_ms.has_value()) continue;
    first_ms = std::min(first_ms.value_or(UINT64_MAX), *slot->deadline_ms);
  }
  CHECK(first_ms.has_value());  // Otherwise all of them wait for one another for ever.
  if (*first_ms > clock_->MonotonicMs()) clock_->AdvanceMs(*first_ms - clock_->MonotonicMs());
  for (Slot* slot : live_) {
    if (slot->state != Slot::State::kWaiting || !slot->deadline_ms || *slot->deadline_ms > *first_ms) continue;
    slot->timed_out = true;
    slot->state = Slot::State::kReady;
  }
}

}  // namespace tarn
