// Segments alone: blobs staged (hashed, block checksums), groups appended and synced, blobs opened. What a commit adds
// to that is in commit_bench. TMPDIR decides which disk is measured; without it the figures say nothing about fdatasync.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/base/check.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/base/random.h"
#include "storage/engine/segment_store.h"
#include "storage/testing/temp_directory.h"

namespace tarn::engine {
namespace {

constexpr size_t kPieceBytes = limits::kBodyChunkBytes;  // As bodies arrive.
constexpr size_t kRecordBytes = 5'500;                   // About what one publish changes.

class Segments {
 public:
  explicit Segments(bool skip_sync = false) {
    SegmentStoreOptions options;
    options.directory = directory_.path() + "/segments";
    options.upload_budget_bytes = limits::kGiB;
    options.skip_sync = skip_sync;
    auto opened = SegmentStore::Open(options);
    CHECK(opened.ok());
    store_ = *std::move(opened);
    CHECK(store_->StartAppending({}).ok());
  }

  SegmentStore& store() { return *store_; }

  std::unique_ptr<StagedBlob> Stage(std::string_view bytes) {
    auto writer = store_->NewWriter();
    CHECK(writer.ok());
    for (size_t at = 0; at < bytes.size(); at += kPieceBytes)
      CHECK((*writer)->Append(bytes.substr(at, kPieceBytes)).ok());
    auto blob = (*writer)->Finish();
    CHECK(blob.ok());
    return *std::move(blob);
  }

  // One group with a record for each blob.
  GroupWritten Append(const std::vector<std::unique_ptr<StagedBlob>>& blobs) {
    GroupToWrite group;
    for (const auto& blob : blobs) {
      group.blobs.push_back(blob.get());
      RecordFrame record;
      record.lsn = last_lsn_ = last_lsn_.Next();
      record.epoch = Epoch(1);
      record.previous_chain_hash = record.chain_hash = chain_hash_;
      record.payload = payload_;
      group.records.push_back(record);
    }
    auto written = store_->AppendGroup(group);
    CHECK(written.ok());
    return *std::move(written);
  }

 private:
  TempDirectory directory_;
  std::unique_ptr<SegmentStore> store_;
  Lsn last_lsn_;
  Sha256Digest chain_hash_;  // Only equality is checked below the engine.
  const std::string payload_ = SeededRandom(2).Bytes(kRecordBytes);
};

// SHA-512, SHA-1, block checksums and one copy, of a blob that stays in memory.
void BM_Stage(benchmark::State& state) {
  Segments segments;
  const std::string bytes = SeededRandom(1).Bytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(segments.Stage(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Stage)->Arg(20'000)->Arg(200'000)->Arg(2'000'000)->Unit(benchmark::kMicrosecond);

// The two SHAs alone, to compare with.
void BM_Hash(benchmark::State& state) {
  const std::string bytes = SeededRandom(1).Bytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    BlobHasher hasher;
    hasher.Update(bytes);
    benchmark::DoNotOptimize(hasher.Finish());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Hash)->Arg(20'000)->Arg(200'000)->Arg(2'000'000)->Unit(benchmark::kMicrosecond);

// Groups of (blobs, bytes of each); blobs are staged outside the clock. Time and CPU are those of one group.
void AppendGroups(benchmark::State& state, bool skip_sync) {
  Segments segments(skip_sync);
  const std::string bytes = SeededRandom(1).Bytes(static_cast<size_t>(state.range(1)));
  std::vector<std::unique_ptr<StagedBlob>> blobs;
  for (int64_t i = 0; i < state.range(0); ++i) blobs.push_back(segments.Stage(bytes));
  for (auto _ : state) benchmark::DoNotOptimize(segments.Append(blobs));
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) * state.range(1));
  state.counters["groups"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
void BM_AppendGroup(benchmark::State& state) { AppendGroups(state, false); }
void BM_AppendGroupWithoutSync(benchmark::State& state) { AppendGroups(state, true); }
BENCHMARK(BM_AppendGroup)
    ->Args({1, 20'000})
    ->Args({8, 20'000})
    ->Args({64, 20'000})
    ->Args({8, 200'000})
    ->Args({4, 2'000'000})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_AppendGroupWithoutSync)
    ->Args({1, 20'000})
    ->Args({64, 20'000})
    ->Args({8, 200'000})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// One blob streamed into a segment of its own, durable when it is done.
void BM_Solo(benchmark::State& state) {
  Segments segments;
  const std::string bytes = SeededRandom(1).Bytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(segments.Stage(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Solo)->Arg(64'000'000)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

// From a location to an open descriptor, as each tarball request needs it.
void BM_Open(benchmark::State& state) {
  Segments segments;
  std::vector<std::unique_ptr<StagedBlob>> blobs;
  blobs.push_back(segments.Stage("tarball"));
  const Location location = segments.Append(blobs).blobs[0];
  for (auto _ : state) benchmark::DoNotOptimize(segments.store().Open(location));
}
BENCHMARK(BM_Open);

}  // namespace
}  // namespace tarn::engine
