#include "http/api/metrics.h"

#include <algorithm>

namespace tarn::http {
namespace {

constexpr std::string_view kClassNames[kAdmissionClassCount] = {"metadata", "tarball", "write", "admin"};

void AppendSample(std::string* out, std::string_view name, std::string_view labels, uint64_t value) {
  out->append(name).append("{").append(labels).append("} ").append(std::to_string(value)).append("\n");
}

void AppendLabel(std::string* out, std::string_view name, std::string_view value) {
  out->append(name).append("=\"");
  for (const char c : value) {
    if (c == '"' || c == '\\') out->push_back('\\');
    out->append(c == '\n' ? "\\n" : std::string_view(&c, 1));
  }
  out->push_back('"');
}

// "0.0005", "1.0": the canonical form, which OpenMetrics wants of bounds that are powers of ten.
std::string Seconds(uint64_t microseconds) {
  std::string fraction = std::to_string(microseconds % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  while (fraction.size() > 1 && fraction.ends_with('0')) fraction.pop_back();
  return std::to_string(microseconds / 1'000'000) + "." + fraction;
}

}  // namespace

void Metrics::Count(const RequestSummary& summary) {
  PerClass& counters = classes_[std::min<size_t>(summary.metrics_class, kAdmissionClassCount - 1)];
  const auto add = [](std::atomic<uint64_t>& counter, uint64_t value) {
    counter.fetch_add(value, std::memory_order_relaxed);
  };
  add(counters.by_status[std::min<size_t>(summary.status / 100, kStatusClasses - 1)], 1);
  const size_t bucket = static_cast<size_t>(
      std::lower_bound(kBucketsUs.begin(), kBucketsUs.end(), summary.duration_us) - kBucketsUs.begin());
  add(counters.by_duration[bucket], 1);
  add(counters.duration_us, summary.duration_us);
  add(counters.received_bytes, summary.received_bytes);
  add(counters.sent_bytes, summary.sent_bytes);
}

void Metrics::AppendGauge(std::string* out, std::string_view name, uint64_t value) {
  out->append("# TYPE ")
      .append(name)
      .append(" gauge\n")
      .append(name)
      .append(" ")
      .append(std::to_string(value))
      .append("\n");
}

void Metrics::AppendCounter(std::string* out, std::string_view name, uint64_t value) {
  out->append("# TYPE ").append(name).append(" counter\n").append(name).append("_total ");
  out->append(std::to_string(value)).append("\n");
}

void Metrics::AppendGauges(std::string* out, std::string_view name, std::string_view label,
                           const LabelledValues& values) {
  if (values.empty()) return;
  out->append("# TYPE ").append(name).append(" gauge\n");
  for (const auto& [of, value] : values) {
    out->append(name).append("{");
    AppendLabel(out, label, of);
    out->append("} ").append(std::to_string(value)).append("\n");
  }
}

void Metrics::AppendInfo(std::string* out, std::string_view name, const std::vector<Labels>& lines) {
  if (lines.empty()) return;
  out->append("# TYPE ").append(name).append(" info\n");
  for (const Labels& labels : lines) {
    out->append(name).append("_info{");
    for (size_t i = 0; i < labels.size(); ++i) {
      if (i > 0) out->append(",");
      AppendLabel(out, labels[i].first, labels[i].second);
    }
    out->append("} 1\n");
  }
}

std::string Metrics::Format() const {
  std::string out = "# TYPE http_requests counter\n";
  const auto load = [](const std::atomic<uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  for (size_t i = 0; i < kAdmissionClassCount; ++i) {
    for (size_t status = 0; status < kStatusClasses; ++status) {
      const std::string labels =
          "class=\"" + std::string(kClassNames[i]) + "\",code=\"" + std::to_string(status) + "xx\"";
      AppendSample(&out, "http_requests_total", labels, load(classes_[i].by_status[status]));
    }
  }
  out += "# TYPE http_received_bytes counter\n";
  for (size_t i = 0; i < kAdmissionClassCount; ++i) {
    AppendSample(&out, "http_received_bytes_total", "class=\"" + std::string(kClassNames[i]) + "\"",
                 load(classes_[i].received_bytes));
  }
  out += "# TYPE http_sent_bytes counter\n";
  for (size_t i = 0; i < kAdmissionClassCount; ++i) {
    AppendSample(&out, "http_sent_bytes_total", "class=\"" + std::string(kClassNames[i]) + "\"",
                 load(classes_[i].sent_bytes));
  }
  out += "# TYPE http_seconds histogram\n";
  for (size_t i = 0; i < kAdmissionClassCount; ++i) {
    const std::string label = "class=\"" + std::string(kClassNames[i]) + "\"";
    uint64_t sum = 0;
    for (size_t bucket = 0; bucket <= kBucketsUs.size(); ++bucket) {
      sum += load(classes_[i].by_duration[bucket]);
      const std::string bound = bucket < kBucketsUs.size() ? Seconds(kBucketsUs[bucket]) : "+Inf";
      AppendSample(&out, "http_seconds_bucket", label + ",le=\"" + bound + "\"", sum);
    }
    AppendSample(&out, "http_seconds_count", label, sum);
    out += "http_seconds_sum{" + label + "} " + Seconds(load(classes_[i].duration_us)) + "\n";
  }
  if (extra_) extra_(&out);
  return out + "# EOF\n";
}

}  // namespace tarn::http
