#include "bench/load/options.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <string_view>

namespace tarn::bench {
namespace {

constexpr const char* kUsage =
    R"(load_gen: HTTP/1.1 keep-alive load on a loopback server, from one thread

  --port N             port of the server
  --address A          127.0.0.0/8 or ::1 (default 127.0.0.1); other addresses are refused
  --connections N      connections kept busy (default 1)
  --requests N         stop after N requests
  --seconds S          stop after S seconds; --requests and --seconds are both needed
  --rate N             N requests per second over all connections (default: as fast as answers come);
                       latency then counts from the moment a request was due
  --timeout-ms N       a request may take this long (default 30000)
  --get PATH           request target; repeat for several, taken in turn
  --put-set FILE       PUT requests, each sent once: records "<path> <bytes>\n<body>\n"
  --header "N: V"      further request header; repeat
  --expect STATUS      a right status (default 200); repeat
  --first-body FILE    keep the body of the first answer

Prints one JSON object. Exit code 0: ran, look at "errors"; 1: could not run; 2: usage.
)";

template <typename Number>
bool ParseNumber(std::string_view text, Number low, Number high, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number >= low && *number <= high;
}

bool IsLoopback(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool IsSafeForHead(std::string_view text) { return text.find_first_of("\r\n") == std::string_view::npos; }

// Sets one option. Returns false when the name is unknown or the value is out of its range.
bool SetOption(std::string_view name, const std::string& value, Options* options) {
  if (name == "--port") return ParseNumber<uint16_t>(value, 1, 65'535, &options->port);
  if (name == "--address") {
    options->address = value;
    return IsLoopback(value);
  }
  if (name == "--connections") return ParseNumber(value, 1U, kConnectionsMax, &options->connection_count);
  if (name == "--requests") return ParseNumber<uint64_t>(value, 1, kRequestsMax, &options->requests_max);
  if (name == "--seconds") return ParseNumber(value, 0.001, kSecondsMax, &options->seconds_max);
  if (name == "--rate") return ParseNumber<uint64_t>(value, 1, kRateMax, &options->requests_per_second);
  if (name == "--timeout-ms") return ParseNumber(value, 1U, 600'000U, &options->timeout_ms);
  if (name == "--get") {
    options->get_paths.push_back(value);
    return value.starts_with('/') && IsSafeForHead(value) && value.find(' ') == std::string::npos;
  }
  if (name == "--put-set") {
    options->put_set_file = value;
    return !value.empty();
  }
  if (name == "--header") {
    options->headers.push_back(value);
    return IsSafeForHead(value) && value.find(": ") != std::string::npos;
  }
  if (name == "--expect") return ParseNumber(value, 200, 599, &options->expected_statuses.emplace_back());
  if (name == "--first-body") {
    options->first_body_file = value;
    return !value.empty();
  }
  return false;
}

}  // namespace

std::optional<Options> ParseOptions(const std::vector<std::string>& arguments, std::string* error) {
  Options options;
  for (size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) {
      *error = arguments[i] + " is unknown or lacks its value";
      return std::nullopt;
    }
    if (!SetOption(arguments[i], arguments[i + 1], &options)) {
      *error = arguments[i] + " " + arguments[i + 1] + ": unknown option, or a value that is not allowed";
      return std::nullopt;
    }
  }
  if (options.port == 0) *error = "--port is missing";
  if (options.requests_max == 0 || options.seconds_max == 0) *error = "--requests and --seconds are both needed";
  if (options.get_paths.empty() == options.put_set_file.empty()) *error = "give either --get or --put-set";
  if (!error->empty()) return std::nullopt;
  if (options.expected_statuses.empty()) options.expected_statuses.push_back(200);
  return options;
}

const char* Usage() { return kUsage; }

}  // namespace tarn::bench
