// Reading JSON as it arrives: the base64 of a tarball, structure, and a whole publish body.
#include <benchmark/benchmark.h>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/base/random.h"
#include "storage/registry/json_scanner.h"
#include "storage/registry/publish_document.h"

namespace tarn::registry {
namespace {

void ScanInChunks(benchmark::State& state, const std::string& text) {
  for (auto _ : state) {
    JsonVisitor nobody;
    JsonScanner scanner(&nobody);
    for (size_t i = 0; i < text.size(); i += limits::kBodyChunkBytes) {
      benchmark::DoNotOptimize(scanner.Append(std::string_view(text).substr(i, limits::kBodyChunkBytes)));
    }
    if (!scanner.Finish().ok()) state.SkipWithError("not JSON");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void BM_ScanLongString(benchmark::State& state) {
  ScanInChunks(state, "\"" + std::string(16 * limits::kMiB, 'Q') + "\"");
}
BENCHMARK(BM_ScanLongString);

void BM_ScanStructure(benchmark::State& state) {
  std::string text = "[";
  for (int i = 0; i < 20'000; ++i) {
    text += R"({"name":"left-pad","version":"1.2.3","dependencies":{"a":"^1.0.0"},"n":123,"t":true},)";
  }
  ScanInChunks(state, text + "0]");
}
BENCHMARK(BM_ScanStructure);

class CountingSink final : public AttachmentSink {
 public:
  Status Begin(std::string_view, std::string_view) override { return OkStatus(); }
  Status Append(std::string_view piece) override {
    bytes += piece.size();
    return OkStatus();
  }
  Status End() override { return OkStatus(); }

  uint64_t bytes = 0;
};

// Argument: bytes of the tarball. Decoding included, hashing not.
void BM_PublishDocument(benchmark::State& state) {
  SeededRandom random(1);
  const std::string tarball = random.Bytes(static_cast<size_t>(state.range(0)));
  const std::string body = R"({"_id":"a","versions":{"1.0.0":{"readme":")" + std::string(4000, 'r') +
                           R"("}},"_attachments":{"a-1.0.0.tgz":{"data":")" + Base64Encode(tarball) + "\"}}}";
  for (auto _ : state) {
    CountingSink sink;
    PublishDocumentParser parser(&sink);
    for (size_t i = 0; i < body.size(); i += limits::kBodyChunkBytes) {
      benchmark::DoNotOptimize(parser.Append(std::string_view(body).substr(i, limits::kBodyChunkBytes)));
    }
    if (!parser.Finish().ok() || sink.bytes != tarball.size()) state.SkipWithError("refused");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.size()));
}
BENCHMARK(BM_PublishDocument)->Arg(20'000)->Arg(4'000'000);

}  // namespace
}  // namespace tarn::registry
