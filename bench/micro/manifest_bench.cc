// What a publish does with its manifest: index it, check it, and write both forms that are served.
#include <benchmark/benchmark.h>

#include "storage/registry/manifest.h"

namespace tarn::registry {
namespace {

// Argument of all: dependencies; a manifest with 20 is about as large as the usual one.
std::string Manifest(int64_t dependencies) {
  std::string text = R"({"name":"a","version":"1.0.0","description":"d","license":"MIT",)"
                     R"("scripts":{"test":"jest","build":"tsc"},"keywords":["a","b"],)"
                     R"("repository":{"type":"git","url":"git+https://x.example/a.git"},)"
                     R"("dist":{"integrity":"sha512-x","shasum":"0"},"readme":")" +
                     std::string(static_cast<size_t>(dependencies) * 100, 'r') + R"(","dependencies":{)";
  for (int64_t i = 0; i < dependencies; ++i) {
    text += (i == 0 ? "\"dependency-" : ",\"dependency-") + std::to_string(i) + "\":\"^1.2.3\"";
  }
  return text + "}}";
}

void BM_ParsePublishRequest(benchmark::State& state) {
  const std::string skeleton = R"({"_id":"a","name":"a","dist-tags":{"latest":"1.0.0"},"versions":)"
                               R"({"1.0.0":)" +
                               Manifest(state.range(0)) + "}}";
  for (auto _ : state) benchmark::DoNotOptimize(ParsePublishRequest(skeleton));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * skeleton.size()));
}
BENCHMARK(BM_ParsePublishRequest)->Arg(20)->Arg(500);

void BM_ValidateManifest(benchmark::State& state) {
  const std::string raw = Manifest(state.range(0));
  const PublishedManifest manifest{"1.0.0", raw, *IndexManifest(raw)};
  for (auto _ : state) benchmark::DoNotOptimize(ValidateManifest(manifest));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * raw.size()));
}
BENCHMARK(BM_ValidateManifest)->Arg(20)->Arg(500);

void BM_BuildBothForms(benchmark::State& state) {
  const std::string raw = Manifest(state.range(0));
  ManifestOverlay overlay;
  overlay.name = "a";
  overlay.version = "1.0.0";
  overlay.tarball_file = "a-1.0.0.tgz";
  for (auto _ : state) {
    benchmark::DoNotOptimize(BuildFullManifest(raw, overlay));
    benchmark::DoNotOptimize(BuildAbbreviatedManifest(raw, overlay));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * raw.size()));
}
BENCHMARK(BM_BuildBothForms)->Arg(20)->Arg(500);

}  // namespace
}  // namespace tarn::registry
