#include "http/net/admission.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "storage/base/check.h"

namespace tarn::http {

// A coroutine in line. Its timer is touched on its own core only; `admitted` belongs to the mutex.
struct Admission::Waiter {
  Waiter(const boost::asio::any_io_executor& executor, uint64_t bytes_in) : timer(executor), bytes(bytes_in) {}

  boost::asio::steady_timer timer;
  const uint64_t bytes;
  bool admitted = false;
};

Admission::Permit::Permit(Permit&& other) noexcept
    : admission_(std::exchange(other.admission_, nullptr)), class_(other.class_), bytes_(other.bytes_) {}

Admission::Permit& Admission::Permit::operator=(Permit&& other) noexcept {
  if (this == &other) return *this;
  Release();
  admission_ = std::exchange(other.admission_, nullptr);
  class_ = other.class_;
  bytes_ = other.bytes_;
  return *this;
}

void Admission::Permit::Release() {
  if (admission_ != nullptr) std::exchange(admission_, nullptr)->Leave(class_, bytes_);
}

Admission::Admission() : Admission(Options()) {}

Admission::Admission(const Options& options) {
  MutexLock lock(mutex_);
  classes_[static_cast<size_t>(AdmissionClass::kMetadata)].options = options.metadata;
  classes_[static_cast<size_t>(AdmissionClass::kTarball)].options = options.tarball;
  classes_[static_cast<size_t>(AdmissionClass::kWrite)].options = options.write;
  classes_[static_cast<size_t>(AdmissionClass::kAdmin)].options = options.admin;
}

Admission::~Admission() {
  MutexLock lock(mutex_);
  for (const ClassState& state : classes_) CHECK(state.stats.inside == 0 && state.line.empty());
}

bool Admission::Fits(const ClassState& state, uint64_t bytes) const {
  if (state.stats.inside >= state.options.concurrent_max) return false;
  return state.stats.bytes == 0 || state.stats.bytes + bytes <= state.options.bytes_max;
}

void Admission::Take(ClassState* state, uint64_t bytes) {
  ++state->stats.inside;
  ++state->stats.admitted;
  state->stats.bytes += bytes;
}

Admission::Permit Admission::TryEnter(AdmissionClass admission_class, uint64_t bytes) {
  MutexLock lock(mutex_);
  ClassState& state = classes_[static_cast<size_t>(admission_class)];
  if (!state.line.empty() || !Fits(state, bytes)) return {};
  Take(&state, bytes);
  return Permit(this, admission_class, bytes);
}

Task<Result<Admission::Permit>> Admission::Enter(AdmissionClass admission_class, uint64_t bytes) {
  Permit permit = TryEnter(admission_class, bytes);
  if (permit.held()) co_return std::move(permit);

  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  const auto waiter = std::make_shared<Waiter>(executor, bytes);
  {
    MutexLock lock(mutex_);
    ClassState& state = classes_[static_cast<size_t>(admission_class)];
    if (state.line.size() >= state.options.waiting_max) {
      ++state.stats.refused;
      co_return ResourceExhausted("the server is busy: too many requests of this kind are waiting");
    }
    waiter->timer.expires_after(std::chrono::milliseconds(state.options.wait_ms_max));
    state.line.push_back(waiter);
    AdmitWaiters(&state);  // Someone may have left since.
  }
  // Ends by time, or because AdmitWaiters cancels it. An admission posted before the wait has begun
  // runs after that: both are on this core.
  co_await waiter->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));

  MutexLock lock(mutex_);
  if (waiter->admitted) co_return Permit(this, admission_class, bytes);
  ClassState& state = classes_[static_cast<size_t>(admission_class)];
  std::erase(state.line, waiter);
  ++state.stats.refused;
  AdmitWaiters(&state);  // Those behind may need less.
  co_return ResourceExhausted("the server is busy: too many requests of this kind");
}

void Admission::AdmitWaiters(ClassState* state) {
  while (!state->line.empty() && Fits(*state, state->line.front()->bytes)) {
    const std::shared_ptr<Waiter> waiter = std::move(state->line.front());
    state->line.pop_front();
    Take(state, waiter->bytes);
    waiter->admitted = true;
    boost::asio::post(waiter->timer.get_executor(), [waiter] { waiter->timer.cancel(); });
  }
}

void Admission::Leave(AdmissionClass admission_class, uint64_t bytes) {
  MutexLock lock(mutex_);
  ClassState& state = classes_[static_cast<size_t>(admission_class)];
  --state.stats.inside;
  state.stats.bytes -= bytes;
  AdmitWaiters(&state);
}

Admission::Stats Admission::stats(AdmissionClass admission_class) const {
  MutexLock lock(mutex_);
  const ClassState& state = classes_[static_cast<size_t>(admission_class)];
  Stats result = state.stats;
  result.waiting = state.line.size();
  return result;
}

}  // namespace tarn::http
