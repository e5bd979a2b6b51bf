#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "http/net/task.h"
#include "storage/base/check.h"
#include "storage/base/mutex.h"

// For tests of handlers and other coroutines, without a server.
namespace tarn::http::testing {

namespace internal {
// A loop that is used again by later tasks and lives to the end of the process: an executor's thread may still be on its way
// out of posting to it when the task has ended.
class BorrowedContext {
 public:
  BorrowedContext() {
    MutexLock lock(mutex_);
    if (spare_.empty()) {
      context_ = std::make_unique<boost::asio::io_context>(1);
    } else {
      context_ = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  ~BorrowedContext() {
    context_->restart();
    MutexLock lock(mutex_);
    spare_.push_back(std::move(context_));
  }
  BorrowedContext(const BorrowedContext&) = delete;
  BorrowedContext& operator=(const BorrowedContext&) = delete;

  boost::asio::io_context& get() const { return *context_; }

 private:
  static inline Mutex mutex_;
  static inline std::vector<std::unique_ptr<boost::asio::io_context>> spare_ GUARDED_BY(mutex_);

  std::unique_ptr<boost::asio::io_context> context_;
};

template <typename T>
Task<void> StoreResult(Task<T> task, std::optional<T>* value) {
  value->emplace(co_await std::move(task));
}
}  // namespace internal

// Runs the task to its end on a loop of its own and returns what it returns.
template <typename T>
T RunTask(Task<T> task) {
  const internal::BorrowedContext borrowed;
  boost::asio::io_context& context = borrowed.get();
  std::optional<T> value;
  boost::asio::co_spawn(context, internal::StoreResult(std::move(task), &value),
                        [](std::exception_ptr error) { CHECK(error == nullptr); });
  context.run();
  CHECK(value.has_value());
  return std::move(*value);
}

}  // namespace tarn::http::testing
