#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>

// Lock annotations that clang checks (-Wthread-safety); std::mutex is invisible to it, hence the wrappers.
#if defined(__clang__)
#define TARN_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define TARN_THREAD_ATTRIBUTE(x)
#endif
#define CAPABILITY(x) TARN_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY TARN_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) TARN_THREAD_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) TARN_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) TARN_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) TARN_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) TARN_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS TARN_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace tarn {

// Decides itself which of some threads runs, one at a time: a simulation that is to go the same way again. Threads that it
// made come here with everything that may wait; for all others (in production: all) it costs one comparison.
class Turns {
 public:
  virtual ~Turns() = default;
  virtual void Lock(std::mutex& mutex) = 0;
  virtual void Unlock(std::mutex& mutex) = 0;
  // False when the time ran out.
  virtual bool Wait(const void* condition, std::mutex& mutex, std::optional<uint64_t> timeout_ms) = 0;
  virtual void Notify(const void* condition, bool all) = 0;
  // What a new thread is to run instead of `run`, and the number to wait for its end by.
  virtual std::pair<uint64_t, std::function<void()>> Adopt(std::function<void()> run) = 0;
  virtual void AwaitEnd(uint64_t number) = 0;
  // Of the calling thread; nullptr: the machine's scheduler.
  static inline constinit thread_local Turns* current = nullptr;
};

class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void Lock() ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    if (Turns::current != nullptr) [[unlikely]]
      return Turns::current->Lock(mutex_);
    mutex_.lock();
  }
  void Unlock() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    if (Turns::current != nullptr) [[unlikely]]
      return Turns::current->Unlock(mutex_);
    mutex_.unlock();
  }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits are on a condition the caller re-checks in a loop, under the mutex it holds.
class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex) {
    if (Turns::current != nullptr) [[unlikely]]
      return (void)Turns::current->Wait(this, mutex.mutex_, std::nullopt);
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when the time ran out.
  bool WaitForMs(Mutex& mutex, uint64_t timeout_ms) REQUIRES(mutex) {
    if (Turns::current != nullptr) [[unlikely]]
      return Turns::current->Wait(this, mutex.mutex_, timeout_ms);
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const auto result = condition_.wait_for(lock, std::chrono::milliseconds(timeout_ms));
    lock.release();
    return result == std::cv_status::no_timeout;
  }
  void NotifyOne() {
    if (Turns::current != nullptr) [[unlikely]]
      Turns::current->Notify(this, false);
    condition_.notify_one();
  }
  void NotifyAll() {
    if (Turns::current != nullptr) [[unlikely]]
      Turns::current->Notify(this, true);
    condition_.notify_all();
  }

 private:
  std::condition_variable condition_;
};

// A std::thread that takes turns where its maker does.
class Thread {
 public:
  Thread() = default;
  explicit Thread(std::function<void()> run) : turns_(Turns::current) {
    if (turns_ != nullptr) [[unlikely]]
      std::tie(number_, run) = turns_->Adopt(std::move(run));
    thread_ = std::thread(std::move(run));
  }
  bool joinable() const { return thread_.joinable(); }
  void join() {
    if (turns_ != nullptr) [[unlikely]]
      turns_->AwaitEnd(number_);
    thread_.join();
  }

 private:
  Turns* turns_ = nullptr;
  uint64_t number_ = 0;
  std::thread thread_;
};

}  // namespace tarn
