#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "http/net/task.h"
#include "storage/base/clock.h"
#include "storage/base/limits.h"
#include "storage/base/result.h"

namespace tarn::http {

// Kinds of blocking work, each with its own threads and queue, so that one cannot starve another.
enum class WorkClass : uint8_t {
  kRead,   // Store lookups that missed, rendering, compression.
  kWrite,  // Commits: a thread is blocked for the length of a disk sync.
  kIo,     // Cold pages of files on their way to a socket.
  kAdmin,  // Verify, user administration, password hashes.
};
inline constexpr size_t kWorkClassCount = 4;

namespace internal {
template <typename T>
struct RunResult {
  using type = Result<T>;
};
template <typename T>
struct RunResult<Result<T>> {
  using type = Result<T>;
};
template <>
struct RunResult<Status> {
  using type = Status;
};
template <>
struct RunResult<void> {
  using type = Status;
};
}  // namespace internal

// Bounded thread pools for everything that may block, and the way there and back for coroutines of core threads. A hop and
// back costs about 20 µs.
// Threads: Run from core threads, Post and stats from any; Stop by the owner.
class Executor {
 public:
  struct PoolOptions {
    size_t threads;
    size_t queue_max;      // Jobs waiting; over it kResourceExhausted at once.
    uint64_t wait_ms_max;  // A job that waited longer is not run but ends with kResourceExhausted. 0: no such limit.
  };
  struct Options {
    PoolOptions read{limits::kReadThreads, limits::kReadQueueMax, limits::kQueueWaitMs};
    PoolOptions write{limits::kWriteThreads, limits::kWriteQueueMax, limits::kQueueWaitMs};
    PoolOptions io{limits::kIoThreads, limits::kIoQueueMax, limits::kQueueWaitMs};
    PoolOptions admin{limits::kAdminThreads, limits::kAdminQueueMax, limits::kQueueWaitMs};
  };
  struct Stats {
    uint64_t queued = 0;   // Gauge.
    uint64_t running = 0;  // Gauge.
    uint64_t finished = 0;
    uint64_t refused = 0;  // Queue full or waited too long.
    uint64_t threads = 0;
    // Since a job first had to wait and no thread has taken one; 0 while none waits. Goes on to grow when those who waited
    // have been sent away: all threads are stuck until one of them takes a job, or has none to take.
    uint64_t starved_ms = 0;
  };

  Executor();  // The default options.
  explicit Executor(const Options& options, Clock& clock = SystemClock());
  ~Executor();  // Stop()s.
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Runs fn() on a thread of that class and comes back to the core of the caller. The coroutine is suspended meanwhile, so
  // fn may refer to its locals. fn returns Status, Result<T>, T or nothing; the task gives Status, Result<T>, Result<T>,
  // Status. kResourceExhausted (fn was not run): queue full, or waited too long; kUnavailable (not run): stopping.
  // gcc 12: name the lambda, then `co_await executor.Run(cls, std::move(name))`.
  template <typename Function>
  Task<typename internal::RunResult<std::invoke_result_t<Function&>>::type> Run(WorkClass work_class,
                                                                                Function function);

  // Runs it without anyone waiting. Errors as above; when it has waited too long after an OK, `refused` is called instead
  // of `function`, on a thread of the pool: whoever waits for what it would have done gives one. Neither may throw.
  Status Post(WorkClass work_class, std::function<void()> function,
              std::function<void(const Status&)> refused = nullptr);

  // No new jobs (kUnavailable); runs those that are queued; joins. Idempotent.
  void Stop();

  // For the owner of a loop whose last coroutine has ended, before it destroys the loop: waits until no thread is still on
  // its way out of posting to it.
  void Settle();

  Stats stats(WorkClass work_class) const;

 private:
  class Pool;
  // Runs `job` on the pool; OK once it ran. `job` outlives the await.
  Task<Status> RunJob(WorkClass work_class, const std::function<void()>& job);

  std::array<std::unique_ptr<Pool>, kWorkClassCount> pools_;
};

template <typename Function>
Task<typename internal::RunResult<std::invoke_result_t<Function&>>::type> Executor::Run(WorkClass work_class,
                                                                                        Function function) {
  using Value = std::invoke_result_t<Function&>;
  if constexpr (std::is_void_v<Value>) {
    const std::function<void()> job = [&function] { function(); };
    co_return co_await RunJob(work_class, job);
  } else {
    std::optional<Value> value;
    const std::function<void()> job = [&function, &value] { value.emplace(function()); };
    Status ran = co_await RunJob(work_class, job);
    if (!ran.ok()) co_return ran;
    co_return std::move(*value);
  }
}

}  // namespace tarn::http
