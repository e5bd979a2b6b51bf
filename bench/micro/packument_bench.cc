// What a publish and the first GET after it cost in the packument, for a package of one version and
// for one of 5,000: neither may depend on the number.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/base/check.h"
#include "storage/registry/packument_cache.h"
#include "storage/registry/packument_rope.h"
#include "storage/testing/synthetic_packument.h"

namespace tarn::registry {
namespace {

constexpr size_t kReadmeBytes = 8'000;

// The next version goes into a rope in the state in which a running server has it: the window of
// each stream is there, because the publish before was appended too.
std::unique_ptr<PackumentRope> RopeToAppendTo(const std::string& serialised, size_t count) {
  auto rope = PackumentRope::Parse(serialised);
  CHECK(rope.ok());
  CHECK((*rope)->Append(testing::SyntheticVersion(count)).ok());
  (*rope)->SetHead(testing::SyntheticHead(count + 1, kReadmeBytes));
  return std::move(*rope);
}

void BM_AppendVersion(benchmark::State& state) {
  const size_t count = static_cast<size_t>(state.range(0));
  const std::string serialised = testing::SyntheticRope(count, kReadmeBytes)->Serialise();
  const VersionEntry entry = testing::SyntheticVersion(count + 1);
  const PackumentHead head = testing::SyntheticHead(count + 2, kReadmeBytes);
  for (auto _ : state) {
    state.PauseTiming();
    auto rope = RopeToAppendTo(serialised, count);
    PackumentHead next = head;
    state.ResumeTiming();
    CHECK(rope->Append(entry).ok());
    rope->SetHead(std::move(next));
    state.PauseTiming();
    rope.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(BM_AppendVersion)->Arg(1)->Arg(100)->Arg(5000)->Unit(benchmark::kMicrosecond);

// As a GET finds it after a publish.
void BM_AssembleGzip(benchmark::State& state) {
  const size_t count = static_cast<size_t>(state.range(0));
  auto rope = RopeToAppendTo(testing::SyntheticRope(count, kReadmeBytes)->Serialise(), count);
  for (auto _ : state) benchmark::DoNotOptimize(rope->AssembleGzip(PackumentForm::kFull));
  const auto body = rope->AssembleGzip(PackumentForm::kFull);
  state.counters["gzip_bytes"] = static_cast<double>(body->length);
  state.counters["identity_bytes"] = static_cast<double>(body->identity_length);
  state.counters["buffers"] = static_cast<double>(body->buffers.size());
}
BENCHMARK(BM_AssembleGzip)->Arg(1)->Arg(5000)->Unit(benchmark::kMicrosecond);

void BM_AssembleIdentity(benchmark::State& state) {
  const size_t count = static_cast<size_t>(state.range(0));
  auto rope = RopeToAppendTo(testing::SyntheticRope(count, kReadmeBytes)->Serialise(), count);
  for (auto _ : state) {
    benchmark::DoNotOptimize(rope->Assemble(PackumentForm::kFull, PackumentCoding::kIdentity));
  }
}
BENCHMARK(BM_AssembleIdentity)->Arg(1)->Arg(5000)->Unit(benchmark::kMicrosecond);

// The yardstick of the two above: the identity body copied into memory of its own.
void BM_CopyIdentity(benchmark::State& state) {
  auto rope = testing::SyntheticRope(static_cast<size_t>(state.range(0)), kReadmeBytes);
  const auto body = rope->Assemble(PackumentForm::kFull, PackumentCoding::kIdentity);
  CHECK(body.ok());
  for (auto _ : state) {
    std::string copy(*(*body)->buffers.front());
    benchmark::DoNotOptimize(copy.data());
  }
}
BENCHMARK(BM_CopyIdentity)->Arg(1)->Arg(5000)->Unit(benchmark::kMicrosecond);

void BM_ColdBuild(benchmark::State& state) {
  const size_t count = static_cast<size_t>(state.range(0));
  std::vector<VersionEntry> entries;
  uint64_t full_bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    entries.push_back(testing::SyntheticVersion(i));
    full_bytes += entries.back().full.json.size();
  }
  for (auto _ : state) {
    PackumentRopeBuilder builder("https://npm.example");
    for (const VersionEntry& entry : entries) {
      builder.AddVersion(entry);
      builder.AddTime(entry.version, entry.time_ms);
    }
    benchmark::DoNotOptimize(builder.Finish(testing::SyntheticHead(count, kReadmeBytes)));
  }
  state.counters["full_bytes"] = static_cast<double>(full_bytes);
}
BENCHMARK(BM_ColdBuild)->Arg(30)->Arg(3500)->Unit(benchmark::kMillisecond);

// One full chunk of each stream, as background work.
void BM_Seal(benchmark::State& state) {
  PackumentRope grown("https://npm.example");
  for (size_t i = 0; i < limits::kRopeChunkEntriesMax; ++i) {
    CHECK(grown.Append(testing::SyntheticVersion(i)).ok());
  }
  grown.SetHead(testing::SyntheticHead(limits::kRopeChunkEntriesMax, 0));
  for (auto _ : state) {
    std::optional<PackumentRope::SealJob> job = grown.NextSeal();
    CHECK(job.has_value() && job->Run().ok());
    benchmark::DoNotOptimize(job);
  }
}
BENCHMARK(BM_Seal)->Unit(benchmark::kMillisecond);

void BM_CacheHit(benchmark::State& state) {
  PackumentCache cache({});
  const PackumentKey key{.package = "fabricator", .base_url = "https://npm.example"};
  CHECK(cache
            .FindOrBuild(
                key, [] { return Result<std::unique_ptr<PackumentRope>>(testing::SyntheticRope(1000, kReadmeBytes)); })
            .ok());
  for (auto _ : state) benchmark::DoNotOptimize(cache.Find(key));
}
BENCHMARK(BM_CacheHit);

}  // namespace
}  // namespace tarn::registry
