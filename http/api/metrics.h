#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/net/admission.h"
#include "http/net/handler.h"

namespace tarn::http {

// Counters of the front end, and the page that shows them with those of the other parts.
// Threads: any; counting is one relaxed add each.
class Metrics {
 public:
  void Count(const RequestSummary& summary);
  // OpenMetrics text, ended by "# EOF".
  std::string Format() const;
  // Appends what other parts count; set once before the server starts.
  void SetExtra(std::function<void(std::string*)> extra) { extra_ = std::move(extra); }

  // "name value\n" under its TYPE line, for `extra`.
  static void AppendGauge(std::string* out, std::string_view name, uint64_t value);
  static void AppendCounter(std::string* out, std::string_view name, uint64_t value);
  // One gauge with a line for each value of `label`.
  using LabelledValues = std::vector<std::pair<std::string, uint64_t>>;
  static void AppendGauges(std::string* out, std::string_view name, std::string_view label,
                           const LabelledValues& values);
  // Words instead of numbers: one line of value 1 for each set of labels.
  using Labels = std::vector<std::pair<std::string, std::string>>;
  static void AppendInfo(std::string* out, std::string_view name, const std::vector<Labels>& lines);

 private:
  static constexpr size_t kStatusClasses = 6;  // 0xx (the client left) to 5xx.
  // Upper bounds of the histogram in microseconds; the last bucket has none.
  static constexpr std::array<uint64_t, 8> kBucketsUs = {100, 500, 1000, 5000, 20'000, 100'000, 1'000'000, 10'000'000};

  struct PerClass {
    std::array<std::atomic<uint64_t>, kStatusClasses> by_status{};
    std::array<std::atomic<uint64_t>, kBucketsUs.size() + 1> by_duration{};
    std::atomic<uint64_t> duration_us{0};
    std::atomic<uint64_t> received_bytes{0};
    std::atomic<uint64_t> sent_bytes{0};
  };
  std::array<PerClass, kAdmissionClassCount> classes_;
  std::function<void(std::string*)> extra_;
};

}  // namespace tarn::http
