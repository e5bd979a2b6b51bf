#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

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

class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void Lock() ACQUIRE() { mutex_.lock(); }
  void Unlock() RELEASE() { mutex_.unlock(); }

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
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when the time ran out.
  bool WaitForMs(Mutex& mutex, uint64_t timeout_ms) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const auto result = condition_.wait_for(lock, std::chrono::milliseconds(timeout_ms));
    lock.release();
    return result == std::cv_status::no_timeout;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace tarn
