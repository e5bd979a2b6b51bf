// load_gen: closed-loop or fixed-rate HTTP/1.1 load on a loopback server. See Usage() and
// bench/README.md.
#include <sys/resource.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <type_traits>
#include <vector>

#include "bench/load/load_runner.h"
#include "bench/load/options.h"
#include "bench/load/request_set.h"

namespace tarn::bench {
namespace {

constexpr int kExitCannotRun = 1;
constexpr int kExitUsage = 2;

double CpuSecondsOfThisProcess() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Keys here are statuses and fixed words of load_runner.cc, so nothing needs escaping.
template <typename Key>
std::string CountsAsJson(const std::map<Key, uint64_t>& counts) {
  std::string json = "{";
  for (const auto& [key, count] : counts) {
    if (json.size() > 1) json += ", ";
    if constexpr (std::is_same_v<Key, int>) {
      json += '"' + std::to_string(key) + "\": ";
    } else {
      json += '"' + key + "\": ";
    }
    json += std::to_string(count);
  }
  return json + "}";
}

void PrintResult(const RunResult& result) {
  const auto microseconds = [&result](double quantile) {
    return static_cast<double>(result.latency.QuantileNs(quantile)) / 1e3;
  };
  const double rps = result.seconds > 0 ? static_cast<double>(result.right_count) / result.seconds : 0;
  std::printf(
      "{\"requests\": %llu, \"errors\": %llu, \"seconds\": %.6f, \"rps\": %.1f,\n"
      " \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"bytes\": %llu,\n"
      " \"reconnects\": %llu, \"client_cpu_seconds\": %.6f, \"statuses\": %s, \"error_reasons\": "
      "%s}\n",
      static_cast<unsigned long long>(result.right_count), static_cast<unsigned long long>(result.error_count),
      result.seconds, rps, microseconds(0.5), microseconds(0.99), microseconds(0.999), microseconds(1.0),
      static_cast<unsigned long long>(result.body_bytes), static_cast<unsigned long long>(result.reconnect_count),
      CpuSecondsOfThisProcess(), CountsAsJson(result.statuses).c_str(), CountsAsJson(result.errors).c_str());
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1 && arguments[0] == "--help") {
    std::cout << Usage();
    return 0;
  }
  std::string error;
  const std::optional<Options> options = ParseOptions(arguments, &error);
  if (!options) {
    std::cerr << "load_gen: " << error << "\n" << Usage();
    return kExitUsage;
  }
  RequestSet requests;
  if (!requests.Build(*options, &error)) {
    std::cerr << "load_gen: " << error << "\n";
    return kExitCannotRun;
  }
  RunResult result;
  LoadRunner runner(*options, requests);
  if (!runner.Run(&result, &error)) {
    std::cerr << "load_gen: " << error << "\n";
    return kExitCannotRun;
  }
  if (!options->first_body_file.empty()) {
    std::ofstream file(options->first_body_file, std::ios::binary);
    file << result.first_body;
    if (!file.flush()) {
      std::cerr << "load_gen: " << options->first_body_file << ": cannot be written\n";
      return kExitCannotRun;
    }
  }
  PrintResult(result);
  return 0;
}

}  // namespace
}  // namespace tarn::bench

int main(int argc, char** argv) { return tarn::bench::Main(std::vector<std::string>(argv + 1, argv + argc)); }
