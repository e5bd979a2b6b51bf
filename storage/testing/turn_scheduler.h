#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <unordered_set>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/testing/manual_clock.h"

namespace tarn {

// Real threads of which one runs at a time; who is next, one seed decides. Time passes only when all of them wait, and then it
// jumps to the first one's end of waiting: what takes minutes takes milliseconds, and goes the same way again.
//
// Whoever makes it is its first thread, until it is destroyed. Threads of others (RocksDB's) run as they like; they may hold
// a Mutex for a moment, but none of these threads may wait for one of them.
class TurnScheduler final : public Turns {
 public:
  TurnScheduler(uint64_t seed, ManualClock* clock);
  // All other threads have ended.
  ~TurnScheduler() override;

  void Lock(std::mutex& mutex) override;
  void Unlock(std::mutex& mutex) override;
  bool Wait(const void* condition, std::mutex& mutex, std::optional<uint64_t> timeout_ms) override;
  void Notify(const void* condition, bool all) override;
  std::pair<uint64_t, std::function<void()>> Adopt(std::function<void()> run) override;
  void AwaitEnd(uint64_t number) override;

  // Of the calling thread.
  void SleepMs(uint64_t ms);
  uint64_t switches() const { return switches_; }

 private:
  struct Slot {
    enum class State : uint8_t { kReady, kLocking, kWaiting, kJoining, kDone };
    State state = State::kReady;
    const void* on = nullptr;  // The mutex, the condition, or the other slot.
    std::optional<uint64_t> deadline_ms;
    bool timed_out = false;
    std::binary_semaphore go{0};
  };
  Slot* Choose();
  void PassTime();
  void Switch();
  void Wake(Slot::State state, const void* on);

  SeededRandom dice_;
  ManualClock* const clock_;
  std::deque<Slot> slots_;  // By number; they stay where they are.
  std::vector<Slot*> live_;
  Slot* running_ = nullptr;
  std::unordered_set<const std::mutex*> held_;  // By these threads.
  uint64_t switches_ = 0;
};

}  // namespace tarn
