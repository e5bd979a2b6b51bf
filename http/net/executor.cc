#include "http/net/executor.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "storage/base/mutex.h"

namespace tarn::http {
namespace {

// One job. Run at most once, Finish exactly once, which also frees it.
class Work {
 public:
  virtual ~Work() = default;
  virtual void Run() = 0;
  virtual void Finish(Status status) = 0;

  uint64_t queued_ms = 0;
};

class PostedWork final : public Work {
 public:
  PostedWork(std::function<void()> function, std::function<void(const Status&)> refused)
      : function_(std::move(function)), refused_(std::move(refused)) {}
  void Run() override { function_(); }
  void Finish(Status status) override {
    if (!status.ok() && refused_ != nullptr) refused_(status);
    delete this;
  }

 private:
  const std::function<void()> function_;
  const std::function<void(const Status&)> refused_;
};

// A suspended coroutine waits for it; Finish resumes it on its own core.
template <typename Handler>
class AwaitedWork final : public Work {
 public:
  AwaitedWork(const std::function<void()>& job, Handler handler) : job_(job), handler_(std::move(handler)) {}
  void Run() override { job_(); }
  void Finish(Status status) override {
    const auto executor = boost::asio::get_associated_executor(handler_);
    boost::asio::post(executor, [handler = std::move(handler_), status = std::move(status)]() mutable {
      std::move(handler)(std::move(status));
    });
    delete this;
  }

 private:
  const std::function<void()>& job_;  // Of the suspended coroutine.
  Handler handler_;
};

Status WaitedTooLong() { return ResourceExhausted("the server is busy: no thread was free in time"); }

}  // namespace

// Threads and queue of one class, and a sweeper: when every thread is stuck, nobody else would notice that the jobs behind
// them have waited too long.
class Executor::Pool {
 public:
  Pool(std::string name, const PoolOptions& options, Clock& clock)
      : name_(std::move(name)), options_(options), clock_(clock) {
    for (size_t i = 0; i < options.threads; ++i) threads_.emplace_back([this] { RunJobs(); });
    if (options.wait_ms_max > 0) threads_.emplace_back([this] { Sweep(); });
    for (std::thread& thread : threads_) pthread_setname_np(thread.native_handle(), name_.c_str());
  }
  ~Pool() { Stop(); }

  // On OK the pool will Finish `work`; otherwise it is the caller's.
  Status Submit(Work* work) {
    MutexLock lock(mutex_);
    if (stopping_) return Unavailable("the server is stopping");
    if (queue_.size() >= options_.queue_max) {
      ++stats_.refused;
      return ResourceExhausted("the server is busy: too many jobs are waiting");
    }
    work->queued_ms = clock_.MonotonicMs();
    queue_.push_back(work);
    if (queue_.size() > idle_ && starved_since_ms_ == 0) starved_since_ms_ = std::max<uint64_t>(work->queued_ms, 1);
    work_ready_.NotifyOne();
    if (queue_.size() > idle_) sweep_.NotifyOne();  // Some job may really have to wait.
    return OkStatus();
  }

  void Stop() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      work_ready_.NotifyAll();
      sweep_.NotifyAll();
    }
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  void Settle() {
    MutexLock lock(mutex_);
    while (handing_back_ > 0) settled_.Wait(mutex_);
  }

  Stats stats() const {
    MutexLock lock(mutex_);
    Stats result = stats_;
    result.queued = queue_.size();
    result.threads = options_.threads;
    if (starved_since_ms_ != 0) {
      const uint64_t now_ms = clock_.MonotonicMs();
      result.starved_ms = now_ms - std::min(now_ms, starved_since_ms_);
    }
    return result;
  }

 private:
  bool IsOverdue(const Work& work) const {
    return options_.wait_ms_max > 0 && clock_.MonotonicMs() - work.queued_ms > options_.wait_ms_max;
  }

  void RunJobs() {
    while (Work* work = Next()) {
      const bool overdue = IsOverdue(*work);
      if (!overdue) work->Run();
      {
        // Before the coroutine can see the end of its job, so that it finds the counters right.
        MutexLock lock(mutex_);
        --stats_.running;
        ++(overdue ? stats_.refused : stats_.finished);
        ++handing_back_;
      }
      work->Finish(overdue ? WaitedTooLong() : OkStatus());
      HandedBack();
    }
  }

  void HandedBack() {
    MutexLock lock(mutex_);
    if (--handing_back_ == 0) settled_.NotifyAll();
  }

  // Null when stopping and nothing is left.
  Work* Next() {
    MutexLock lock(mutex_);
    starved_since_ms_ = 0;
    while (queue_.empty()) {
      if (stopping_) return nullptr;
      ++idle_;
      work_ready_.Wait(mutex_);
      --idle_;
    }
    Work* const work = queue_.front();
    queue_.pop_front();
    ++stats_.running;
    if (!queue_.empty() && idle_ == 0) starved_since_ms_ = std::max<uint64_t>(clock_.MonotonicMs(), 1);
    return work;
  }

  void Sweep() {
    std::vector<Work*> overdue;
    while (TakeOverdue(&overdue)) {
      if (overdue.empty()) continue;
      for (Work* work : overdue) work->Finish(WaitedTooLong());
      overdue.clear();
      HandedBack();
    }
  }

  // Waits until some job is overdue, or the queue worth a look again. False when stopping.
  bool TakeOverdue(std::vector<Work*>* overdue) {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    if (queue_.empty()) {
      sweep_.Wait(mutex_);
    } else {
      const uint64_t waited_ms = clock_.MonotonicMs() - queue_.front()->queued_ms;
      if (waited_ms <= options_.wait_ms_max) sweep_.WaitForMs(mutex_, options_.wait_ms_max - waited_ms + 1);
    }
    while (!queue_.empty() && IsOverdue(*queue_.front())) {
      overdue->push_back(queue_.front());
      queue_.pop_front();
      ++stats_.refused;
    }
    if (!overdue->empty()) ++handing_back_;
    return true;
  }

  const std::string name_;
  const PoolOptions options_;
  Clock& clock_;
  std::vector<std::thread> threads_;

  mutable Mutex mutex_;
  CondVar work_ready_;
  CondVar sweep_;
  CondVar settled_;
  std::deque<Work*> queue_ GUARDED_BY(mutex_);  // Owned; oldest first.
  size_t idle_ GUARDED_BY(mutex_) = 0;
  uint64_t starved_since_ms_ GUARDED_BY(mutex_) = 0;  // 0: it is not.
  size_t handing_back_ GUARDED_BY(mutex_) = 0;        // Threads within Finish.
  bool stopping_ GUARDED_BY(mutex_) = false;
  Stats stats_ GUARDED_BY(mutex_);
};

Executor::Executor() : Executor(Options()) {}

Executor::Executor(const Options& options, Clock& clock)
    : pools_{std::make_unique<Pool>("tarn-read", options.read, clock),
             std::make_unique<Pool>("tarn-write", options.write, clock),
             std::make_unique<Pool>("tarn-io", options.io, clock),
             std::make_unique<Pool>("tarn-admin", options.admin, clock)} {}

Executor::~Executor() { Stop(); }

void Executor::Stop() {
  for (const std::unique_ptr<Pool>& pool : pools_) pool->Stop();
}

void Executor::Settle() {
  for (const std::unique_ptr<Pool>& pool : pools_) pool->Settle();
}

Executor::Stats Executor::stats(WorkClass work_class) const { return pools_[static_cast<size_t>(work_class)]->stats(); }

Status Executor::Post(WorkClass work_class, std::function<void()> function,
                      std::function<void(const Status&)> refused) {
  auto work = std::make_unique<PostedWork>(std::move(function), std::move(refused));
  Status status = pools_[static_cast<size_t>(work_class)]->Submit(work.get());
  if (status.ok()) work.release();  // The pool's now.
  return status;
}

Task<Status> Executor::RunJob(WorkClass work_class, const std::function<void()>& job) {
  Pool& pool = *pools_[static_cast<size_t>(work_class)];
  auto submit = [&pool, &job](auto handler) {
    auto* const work = new AwaitedWork<decltype(handler)>(job, std::move(handler));
    Status status = pool.Submit(work);
    if (!status.ok()) work->Finish(std::move(status));
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(Status)>(
      std::move(submit), boost::asio::use_awaitable);
}

}  // namespace tarn::http
