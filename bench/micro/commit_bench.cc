// Durable commits as a publish makes them (20 KB tarball, 4.5 KB version record, 1 KB package record), reads from the
// state, and recovery. TMPDIR decides which disk is measured; without it the figures say nothing about fdatasync.
#include <benchmark/benchmark.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "storage/base/logging.h"
#include "storage/base/random.h"
#include "storage/engine/keys.h"
#include "storage/testing/builders.h"
#include "storage/testing/temp_directory.h"

namespace tarn::engine {
namespace {

constexpr size_t kTarballBytes = 20'000;

// One store for all threads of one run.
struct Fixture {
  Fixture() {
    StoreOptions options;
    options.directory = directory.path() + "/data";
    options.ballast_bytes = 0;
    auto opened = Store::Open(options);
    CHECK(opened.ok());
    store = *std::move(opened);
  }
  TempDirectory directory;
  std::unique_ptr<Store> store;
};
std::unique_ptr<Fixture> g_fixture;  // Set by the benchmark's set-up, shared by its threads.

void OpenFixture(const benchmark::State&) { g_fixture = std::make_unique<Fixture>(); }
void CloseFixture(const benchmark::State&) { g_fixture.reset(); }

Mutation PublishMutation(Store& store, SeededRandom* random, const std::string& name, uint64_t number) {
  const std::string record = random->Bytes(2250);
  Mutation mutation =
      MutationOf({Put(Family::kPackage, name, record.substr(0, 500) + std::string(500, 'p')),
                  Put(Family::kVersion, NameAndRestKey(name, LsnKey(Lsn(number))), record + std::string(2250, 'v'))});
  mutation.event = Event{EventKind::kPublishVersion, name, "1.0." + std::to_string(number), "ann", ""};
  mutation.blobs = {StageBlob(store, random->Bytes(kTarballBytes))};
  return mutation;
}

// CPU is that of the whole process: staging with its hashes, encoding, the committer, RocksDB.
void BM_Publish(benchmark::State& state) {
  SeededRandom random(static_cast<uint64_t>(state.thread_index()) + 1);
  const std::string name = "package" + std::to_string(state.thread_index());
  Store& store = *g_fixture->store;
  const StoreStats before = store.Stats();
  uint64_t number = 0;
  for (auto _ : state) CHECK(store.Commit(PublishMutation(store, &random, name, ++number)).ok());
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) {
    const StoreStats after = store.Stats();
    const auto groups = static_cast<double>(after.groups_written - before.groups_written);
    state.counters["per_group"] = static_cast<double>(after.last_lsn.value() - before.last_lsn.value()) / groups;
  }
}
BENCHMARK(BM_Publish)
    ->Setup(OpenFixture)
    ->Teardown(CloseFixture)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Threads(1)
    ->Threads(8)
    ->Threads(64)
    ->MinTime(3)
    ->Unit(benchmark::kMicrosecond);

// The same without a tarball: a dist-tag, a star, a token.
void BM_SmallCommit(benchmark::State& state) {
  const std::string key = "user" + std::to_string(state.thread_index());
  Store& store = *g_fixture->store;
  for (auto _ : state) CHECK(store.Commit(PutMutation(Family::kUser, key, "a short record")).ok());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SmallCommit)
    ->Setup(OpenFixture)
    ->Teardown(CloseFixture)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Threads(1)
    ->Threads(64)
    ->MinTime(2)
    ->Unit(benchmark::kMicrosecond);

void FillFixture(const benchmark::State& state) {
  OpenFixture(state);
  std::vector<Change> changes;
  for (int i = 0; i < 10'000; ++i) {
    changes.push_back(Put(Family::kPackage, "package" + std::to_string(i), std::string(1000, 'p')));
  }
  CHECK(g_fixture->store->Commit(MutationOf(std::move(changes))).ok());
}

void BM_GetPresent(benchmark::State& state) {
  uint64_t i = 0;
  for (auto _ : state) {
    const auto view = g_fixture->store->NewReadView();
    benchmark::DoNotOptimize((*view)->Get(Family::kPackage, "package" + std::to_string(i++ % 10'000)));
  }
}
BENCHMARK(BM_GetPresent)->Setup(FillFixture)->Teardown(CloseFixture);

void BM_GetAbsent(benchmark::State& state) {
  for (auto _ : state) {
    const auto view = g_fixture->store->NewReadView();
    benchmark::DoNotOptimize((*view)->Get(Family::kPackage, "package-that-nobody-has"));
  }
}
BENCHMARK(BM_GetAbsent)->Setup(FillFixture)->Teardown(CloseFixture);

// Opening a store whose database is gone: range(0) records without blobs are replayed.
void BM_Rebuild(benchmark::State& state) {
  const auto records = static_cast<uint64_t>(state.range(0));
  const TempDirectory directory;
  StoreOptions options;
  options.directory = directory.path() + "/data";
  options.ballast_bytes = 0;
  {
    auto store = Store::Open(options);
    CHECK(store.ok());
    std::atomic<uint64_t> answered{0};
    SeededRandom random(1);
    for (uint64_t i = 0; i < records; ++i) {
      while (i - answered > limits::kCommitQueueMax / 2) std::this_thread::yield();
      (*store)->CommitAsync(PutMutation(Family::kVersion, "package" + std::to_string(i), random.Bytes(1000)),
                            [&answered](Result<CommitInfo> info) {
                              CHECK(info.ok());
                              ++answered;
                            });
    }
  }
  for (auto _ : state) {
    state.PauseTiming();
    std::filesystem::remove_all(options.directory + "/db");
    state.ResumeTiming();
    auto store = Store::Open(options);
    CHECK(store.ok() && (*store)->recovery().records_replayed == records);
    state.PauseTiming();
    store->reset();
    state.ResumeTiming();
  }
}
BENCHMARK(BM_Rebuild)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tarn::engine
