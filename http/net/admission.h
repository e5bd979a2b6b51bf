#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "http/net/task.h"
#include "storage/base/limits.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"

namespace tarn::http {

// Requests compete only with their own kind (design: four classes with own concurrency and byte budgets).
enum class AdmissionClass : uint8_t { kMetadata, kTarball, kWrite, kAdmin };
inline constexpr size_t kAdmissionClassCount = 4;

// How many requests of a class are served at once, over all cores. Over the limit a request waits a short bounded time
// (npm ignores Retry-After and comes back after 10 s and 70 s, so a brief queue beats a refusal), then is refused.
// Threads: any core thread.
class Admission {
 public:
  struct ClassOptions {
    size_t concurrent_max;
    uint64_t bytes_max;  // Sum of the `bytes` of those inside; one request may exceed it alone.
    size_t waiting_max;  // Over it: refused at once.
    uint64_t wait_ms_max;
  };
  struct Options {
    ClassOptions metadata{limits::kMetadataConcurrentMax, limits::kMetadataBudgetBytes, limits::kAdmissionWaitingMax,
                          limits::kAdmissionWaitMs};
    ClassOptions tarball{limits::kTarballConcurrentMax, limits::kTarballBudgetBytes, limits::kAdmissionWaitingMax,
                         limits::kAdmissionWaitMs};
    ClassOptions write{limits::kWriteConcurrentMax, limits::kWriteBudgetBytes, limits::kAdmissionWaitingMax,
                       limits::kAdmissionWaitMs};
    ClassOptions admin{limits::kAdminConcurrentMax, limits::kAdminBudgetBytes, limits::kAdmissionWaitingMax,
                       limits::kAdmissionWaitMs};
  };
  struct Stats {
    size_t inside = 0;
    size_t waiting = 0;
    uint64_t bytes = 0;
    uint64_t admitted = 0;
    uint64_t refused = 0;
  };

  // A place inside; gives it back when destroyed, on any core.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&& other) noexcept;
    ~Permit() { Release(); }
    void Release();
    bool held() const { return admission_ != nullptr; }

   private:
    friend class Admission;
    Permit(Admission* admission, AdmissionClass admission_class, uint64_t bytes)
        : admission_(admission), class_(admission_class), bytes_(bytes) {}

    Admission* admission_ = nullptr;
    AdmissionClass class_ = AdmissionClass::kMetadata;
    uint64_t bytes_ = 0;
  };

  Admission();  // The default options.
  explicit Admission(const Options& options);
  ~Admission();  // Nobody may be inside or waiting.
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // In at once, or an unheld permit. Never overtakes those who wait.
  Permit TryEnter(AdmissionClass admission_class, uint64_t bytes = 0);
  // In, after waiting in line if need be; kResourceExhausted when the line is full or the wait was in vain.
  Task<Result<Permit>> Enter(AdmissionClass admission_class, uint64_t bytes = 0);

  Stats stats(AdmissionClass admission_class) const;

 private:
  struct Waiter;
  struct ClassState {
    ClassOptions options{};
    Stats stats;
    std::deque<std::shared_ptr<Waiter>> line;  // Owners: the line and the waiting coroutine, which may leave first.
  };

  bool Fits(const ClassState& state, uint64_t bytes) const REQUIRES(mutex_);
  void Take(ClassState* state, uint64_t bytes) REQUIRES(mutex_);
  void AdmitWaiters(ClassState* state) REQUIRES(mutex_);
  void Leave(AdmissionClass admission_class, uint64_t bytes);

  mutable Mutex mutex_;
  std::array<ClassState, kAdmissionClassCount> classes_ GUARDED_BY(mutex_);
};

}  // namespace tarn::http
