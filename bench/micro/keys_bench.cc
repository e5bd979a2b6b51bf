// Building and parsing keys, framing values, encoding and hashing log records: what each read and each commit pays.
#include <benchmark/benchmark.h>

#include "storage/base/digest.h"
#include "storage/base/random.h"
#include "storage/engine/keys.h"
#include "storage/engine/record_codec.h"
#include "storage/engine/state_hash.h"
#include "storage/engine/value_frame.h"

namespace tarn::engine {
namespace {

// Text that compresses about as JSON does.
std::string JsonLike(size_t size) {
  SeededRandom random(1);
  std::string text;
  while (text.size() < size)
    text += "\"key" + std::to_string(random.Below(50)) + "\":\"^" + std::to_string(random.Below(20)) + ".0.1\",";
  text.resize(size);
  return text;
}

void BM_NameAndRestKey(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(NameAndRestKey("@scope/package-name", "00010002 0003"));
}
BENCHMARK(BM_NameAndRestKey);

void BM_ParseNameAndRestKey(benchmark::State& state) {
  const std::string key = NameAndRestKey("@scope/package-name", "00010002 0003");
  for (auto _ : state) benchmark::DoNotOptimize(ParseNameAndRestKey(key));
}
BENCHMARK(BM_ParseNameAndRestKey);

void BM_FrameValue(benchmark::State& state) {
  const std::string payload = JsonLike(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(FrameValue(Family::kVersion, payload));
}
BENCHMARK(BM_FrameValue)->Arg(200)->Arg(4500);

void BM_UnframeValue(benchmark::State& state) {
  const std::string value = FrameValue(Family::kVersion, JsonLike(static_cast<size_t>(state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(UnframeValue(Family::kVersion, value));
}
BENCHMARK(BM_UnframeValue)->Arg(200)->Arg(4500);

void BM_HashEntry(benchmark::State& state) {
  const std::string payload = JsonLike(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(HashEntry(Family::kVersion, "package", payload));
}
BENCHMARK(BM_HashEntry)->Arg(200)->Arg(4500);

// A publish: package record and version record.
std::vector<Change> PublishChanges() {
  return {Change{Family::kPackage, "package", JsonLike(1000)}, Change{Family::kVersion, "package", JsonLike(4500)}};
}

void BM_EncodePayload(benchmark::State& state) {
  const std::vector<Change> changes = PublishChanges();
  const Event event{EventKind::kPublishVersion, "package", "1.0.0", "ann", ""};
  for (auto _ : state) benchmark::DoNotOptimize(EncodePayload(event, changes, {}));
}
BENCHMARK(BM_EncodePayload);

void BM_DecodePayload(benchmark::State& state) {
  const std::string payload = *EncodePayload(Event{}, PublishChanges(), {});
  for (auto _ : state) {
    LogRecord record;
    benchmark::DoNotOptimize(DecodePayload(payload, &record));
  }
}
BENCHMARK(BM_DecodePayload);

void BM_ChainHash(benchmark::State& state) {
  const std::string payload = *EncodePayload(Event{}, PublishChanges(), {});
  const Sha256Digest previous = Sha256("x");
  for (auto _ : state) benchmark::DoNotOptimize(ChainHash(previous, Lsn(1), Epoch(1), 0, payload));
  state.counters["payload_bytes"] = static_cast<double>(payload.size());
}
BENCHMARK(BM_ChainHash);

}  // namespace
}  // namespace tarn::engine
