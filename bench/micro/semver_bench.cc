// Parsing and comparing versions and ranges: what each look-up of a version by range pays.
#include <benchmark/benchmark.h>

#include <vector>

#include "storage/registry/semver.h"

namespace tarn::registry {
namespace {

void BM_ParseVersion(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Version::Parse("12.34.56-beta.7+build.8"));
}
BENCHMARK(BM_ParseVersion);

void BM_SortKey(benchmark::State& state) {
  const Version version = *Version::Parse("12.34.56-beta.7");
  for (auto _ : state) benchmark::DoNotOptimize(version.SortKey());
}
BENCHMARK(BM_SortKey);

void BM_ParseRange(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Range::Parse("^1.2.3 || >=2.0.0-rc.1 <3 || ~4.5"));
}
BENCHMARK(BM_ParseRange);

// Argument: versions of the package.
void BM_MaxSatisfying(benchmark::State& state) {
  std::vector<Version> versions;
  for (int64_t i = 0; i < state.range(0); ++i) {
    versions.push_back(
        *Version::Parse(std::to_string(i / 100) + "." + std::to_string(i / 10 % 10) + "." + std::to_string(i % 10)));
  }
  const Range range = *Range::Parse("^2.3.0");
  for (auto _ : state) benchmark::DoNotOptimize(MaxSatisfying(versions, range));
}
BENCHMARK(BM_MaxSatisfying)->Arg(40)->Arg(4000);

}  // namespace
}  // namespace tarn::registry
