// Command line of load_gen. Every option takes a value; see kUsage in options.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tarn::bench {

struct Options {
  std::string address = "127.0.0.1";  // Numeric loopback address; anything else is refused.
  uint16_t port = 0;
  uint32_t connection_count = 1;
  uint64_t requests_max = 0;
  double seconds_max = 0;
  uint64_t requests_per_second = 0;  // 0: closed loop, each connection sends as soon as it was answered.
  uint32_t timeout_ms = 30'000;      // From the first byte sent to the last byte received.
  std::vector<std::string> get_paths;
  std::string put_set_file;
  std::vector<std::string> headers;
  std::vector<int> expected_statuses;
  std::string first_body_file;  // Empty: the first body is not kept.
};

// Bounds that keep a mistyped run from harming the machine.
inline constexpr uint32_t kConnectionsMax = 4'096;
inline constexpr uint64_t kRequestsMax = 100'000'000;
inline constexpr double kSecondsMax = 600;
inline constexpr uint64_t kRateMax = 1'000'000;

// Reads argv[1..]. On a mistake returns nothing and sets `error` to one sentence.
std::optional<Options> ParseOptions(const std::vector<std::string>& arguments, std::string* error);

// The text of --help.
const char* Usage();

}  // namespace tarn::bench
