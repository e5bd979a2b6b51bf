#include "http/net/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/net/testing/run_task.h"
#include "storage/testing/manual_clock.h"

namespace tarn::http {
namespace {

using testing::RunTask;

Executor::Options OneThread(size_t queue_max, uint64_t wait_ms_max) {
  Executor::Options options;
  options.read = {.threads = 1, .queue_max = queue_max, .wait_ms_max = wait_ms_max};
  options.write = options.io = options.admin = {.threads = 1, .queue_max = 1, .wait_ms_max = 0};
  return options;
}

// Occupies the one thread of kRead until Open.
class Plug {
 public:
  explicit Plug(Executor* executor) {
    // On a busy machine even the first job may wait too long.
    bool is_running = false;
    while (!is_running) {
      const auto running = std::make_shared<std::promise<bool>>();
      const auto run = [this, running] {
        auto open = open_.get_future();
        running->set_value(true);
        open.wait();
      };
      const auto refused = [running](const Status&) { running->set_value(false); };
      CHECK(executor->Post(WorkClass::kRead, run, refused).ok());
      is_running = running->get_future().get();
    }
  }
  void Open() { open_.set_value(); }

 private:
  std::promise<void> open_;
};

Task<Status> RunVoid(Executor& executor, std::thread::id* where) {
  auto job = [where] { *where = std::this_thread::get_id(); };
  co_return co_await executor.Run(WorkClass::kRead, std::move(job));
}

TEST(Executor, RunsElsewhereAndComesBack) {
  Executor executor;
  std::thread::id where;
  std::thread::id back;
  const auto task = [&]() -> Task<Status> {
    Status status = co_await RunVoid(executor, &where);
    back = std::this_thread::get_id();
    co_return status;
  };
  EXPECT_TRUE(RunTask(task()).ok());
  EXPECT_NE(where, std::this_thread::get_id());
  EXPECT_EQ(back, std::this_thread::get_id());
}

Task<Result<std::string>> RunValue(Executor& executor) {
  auto job = [] { return std::string("value"); };
  co_return co_await executor.Run(WorkClass::kAdmin, std::move(job));
}
Task<Result<std::unique_ptr<int>>> RunResult(Executor& executor) {
  auto job = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  co_return co_await executor.Run(WorkClass::kWrite, std::move(job));
}
Task<Status> RunStatus(Executor& executor) {
  auto job = [] { return NotFound("it"); };
  co_return co_await executor.Run(WorkClass::kIo, std::move(job));
}

TEST(Executor, HandsBackValuesResultsAndStatuses) {
  Executor executor;
  EXPECT_EQ(*RunTask(RunValue(executor)), "value");
  EXPECT_EQ(**RunTask(RunResult(executor)), 7);
  EXPECT_EQ(RunTask(RunStatus(executor)).code(), Code::kNotFound);
}

TEST(Executor, RefusesWhenTheQueueIsFull) {
  Executor executor(OneThread(/*queue_max=*/2, /*wait_ms_max=*/0));
  Plug plug(&executor);
  std::atomic<int> ran = 0;
  EXPECT_TRUE(executor.Post(WorkClass::kRead, [&ran] { ++ran; }).ok());
  EXPECT_TRUE(executor.Post(WorkClass::kRead, [&ran] { ++ran; }).ok());
  EXPECT_EQ(executor.Post(WorkClass::kRead, [&ran] { ++ran; }).code(), Code::kResourceExhausted);
  std::thread::id where;
  EXPECT_EQ(RunTask(RunVoid(executor, &where)).code(), Code::kResourceExhausted);
  EXPECT_EQ(executor.stats(WorkClass::kRead).queued, 2u);
  EXPECT_EQ(executor.stats(WorkClass::kRead).refused, 2u);
  EXPECT_TRUE(executor.Post(WorkClass::kAdmin, [&ran] { ++ran; }).ok()) << "classes do not share queues";
  plug.Open();
  executor.Stop();
  EXPECT_EQ(ran, 3);
}

// The only thread is stuck, so the sweeper has to notice.
TEST(Executor, EndsAWaitThatIsTooLong) {
  Executor executor(OneThread(/*queue_max=*/8, /*wait_ms_max=*/5));
  Plug plug(&executor);
  std::thread::id where;
  EXPECT_EQ(RunTask(RunVoid(executor, &where)).code(), Code::kResourceExhausted);
  EXPECT_EQ(where, std::thread::id()) << "it was not run";
  plug.Open();
}

TEST(Executor, SaysForHowLongAClassIsStarved) {
  ManualClock clock;
  Executor executor(OneThread(/*queue_max=*/8, /*wait_ms_max=*/0), clock);
  Plug plug(&executor);
  clock.AdvanceMs(10'000);
  EXPECT_EQ(executor.stats(WorkClass::kRead).starved_ms, 0u) << "a long job alone keeps nobody waiting";
  std::promise<void> ran;
  ASSERT_TRUE(executor.Post(WorkClass::kRead, [&ran] { ran.set_value(); }).ok());
  clock.AdvanceMs(3'000);
  EXPECT_EQ(executor.stats(WorkClass::kRead).starved_ms, 3'000u);
  ASSERT_TRUE(executor.Post(WorkClass::kRead, [] {}).ok());
  clock.AdvanceMs(1'000);
  EXPECT_EQ(executor.stats(WorkClass::kRead).starved_ms, 4'000u) << "from the first that had to wait";
  EXPECT_EQ(executor.stats(WorkClass::kWrite).starved_ms, 0u);
  plug.Open();
  ran.get_future().wait();
  executor.Stop();
  EXPECT_EQ(executor.stats(WorkClass::kRead).starved_ms, 0u);
}

// Those who waited are sent away; the class is as stuck as before.
TEST(Executor, IsStarvedWhenNobodyWaitsAnyMore) {
  ManualClock clock;
  Executor executor(OneThread(/*queue_max=*/8, /*wait_ms_max=*/1'000), clock);
  Plug plug(&executor);
  std::promise<Code> ended;
  const auto refused = [&ended](const Status& status) { ended.set_value(status.code()); };
  ASSERT_TRUE(executor
                  .Post(
                      WorkClass::kRead, [] {}, refused)
                  .ok());
  clock.AdvanceMs(1'001);
  EXPECT_EQ(ended.get_future().get(), Code::kResourceExhausted);
  EXPECT_EQ(executor.stats(WorkClass::kRead).queued, 0u);
  EXPECT_EQ(executor.stats(WorkClass::kRead).starved_ms, 1'001u);
  plug.Open();
}

// Somebody may wait for what it would have done.
TEST(Executor, TellsOfAPostedJobThatIsNotRun) {
  Executor executor(OneThread(/*queue_max=*/8, /*wait_ms_max=*/5));
  Plug plug(&executor);
  std::promise<Code> ended;
  const auto run = [&ended] { ended.set_value(Code::kOk); };
  const auto refused = [&ended](const Status& status) { ended.set_value(status.code()); };
  EXPECT_TRUE(executor.Post(WorkClass::kRead, run, refused).ok());
  EXPECT_EQ(ended.get_future().get(), Code::kResourceExhausted);
  plug.Open();
}

TEST(Executor, RunsWhatIsQueuedBeforeItStopsAndNothingAfter) {
  Executor executor(OneThread(100, 0));
  std::atomic<int> ran = 0;
  Plug plug(&executor);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(executor.Post(WorkClass::kRead, [&ran] { ++ran; }).ok());
  plug.Open();
  executor.Stop();
  EXPECT_EQ(ran, 50);
  EXPECT_EQ(executor.stats(WorkClass::kRead).finished, 51u);
  EXPECT_EQ(executor.Post(WorkClass::kRead, [&ran] { ++ran; }).code(), Code::kUnavailable);
  EXPECT_EQ(RunTask(RunStatus(executor)).code(), Code::kUnavailable);
  executor.Stop();
}

TEST(Executor, ServesManyCoresAtOnce) {
  Executor executor;
  constexpr int kJobs = 500;
  std::atomic<int> ran = 0;
  std::vector<std::thread> cores;
  for (int core = 0; core < 4; ++core) {
    cores.emplace_back([&executor, &ran] {
      const auto many = [&]() -> Task<Status> {
        for (int i = 0; i < kJobs; ++i) {
          auto job = [&ran] { ++ran; };
          Status status = co_await executor.Run(WorkClass::kRead, std::move(job));
          if (!status.ok()) co_return status;
        }
        co_return OkStatus();
      };
      EXPECT_TRUE(RunTask(many()).ok());
    });
  }
  for (std::thread& core : cores) core.join();
  EXPECT_EQ(ran, 4 * kJobs);
}

}  // namespace
}  // namespace tarn::http
