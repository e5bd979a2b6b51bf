#include "http/parser/request_parser.h"

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "storage/base/check.h"

namespace tarn::http {
namespace {

// What npm 11 sends for a packument.
constexpr std::string_view kNpmGet =
    "GET /@scope%2fname HTTP/1.1\r\n"
    "accept: application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*\r\n"
    "user-agent: npm/11.4.2 node/v22.16.0 linux x64 workspaces/false\r\n"
    "npm-auth-type: web\r\nnpm-command: install\r\n"
    "authorization: Bearer npm_0123456789012345678901234567890123456789\r\n"
    "pacote-version: 21.0.0\r\npacote-req-type: packument\r\npacote-pkg-id: registry:@scope/name\r\n"
    "accept-encoding: gzip,deflate\r\nHost: 127.0.0.1:4873\r\nConnection: keep-alive\r\n\r\n";
// What a load generator sends.
constexpr std::string_view kShortGet = "GET /name/-/name-1.0.0.tgz HTTP/1.1\r\nHost: 127.0.0.1:4873\r\n\r\n";

void ParseHead(benchmark::State& state, std::string_view request) {
  RequestParser parser;
  for (auto _ : state) {
    CHECK(parser.ParseHead(request) == RequestParser::Step::kReady);
    benchmark::DoNotOptimize(parser.head().Get(KnownHeader::kHost));
    parser.Reset();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * request.size()));
}
BENCHMARK_CAPTURE(ParseHead, npm, kNpmGet);
BENCHMARK_CAPTURE(ParseHead, shortest, kShortGet);

// A body of 1 MiB in chunks of the argument's size, in socket reads of 64 KiB.
void DecodeChunked(benchmark::State& state) {
  const auto chunk_bytes = static_cast<size_t>(state.range(0));
  constexpr size_t kBodyBytes = 1 << 20;
  constexpr size_t kReadBytes = 64 << 10;
  std::string wire;
  char line[32];
  std::snprintf(line, sizeof(line), "%zx\r\n", chunk_bytes);
  for (size_t i = 0; i < kBodyBytes / chunk_bytes; ++i) wire += line + std::string(chunk_bytes, 'x') + "\r\n";
  wire += "0\r\n\r\n";
  RequestParser parser;
  for (auto _ : state) {
    CHECK(parser.ParseHead("PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n") ==
          RequestParser::Step::kReady);
    size_t decoded = 0;
    for (size_t at = 0; at < wire.size();) {
      const RequestParser::BodyStep step = parser.DecodeBody(std::string_view(wire).substr(at, kReadBytes));
      CHECK(step.step != RequestParser::Step::kRefused);
      at += step.consumed;
      decoded += step.data.size();
    }
    CHECK(decoded == kBodyBytes);
    parser.Reset();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kBodyBytes));
}
BENCHMARK(DecodeChunked)->Arg(64)->Arg(4096)->Arg(65536);

}  // namespace
}  // namespace tarn::http
