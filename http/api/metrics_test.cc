#include "http/api/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace tarn::http {
namespace {

RequestSummary Summary(uint8_t metrics_class, uint16_t status, uint64_t duration_us) {
  RequestSummary summary;
  summary.metrics_class = metrics_class;
  summary.status = status;
  summary.duration_us = duration_us;
  summary.received_bytes = 10;
  summary.sent_bytes = 100;
  return summary;
}

// The rules of OpenMetrics 1.0 that a scraper enforces. Adds "what is wrong" to `faults`, one line each.
class Checker {
 public:
  std::vector<std::string> faults;
  std::map<std::string, std::string> samples;  // "name{labels}" to value.

  explicit Checker(const std::string& page) {
    if (!page.ends_with("\n# EOF\n") && page != "# EOF\n") faults.push_back("does not end in # EOF");
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) Line(line);
  }

 private:
  void Line(const std::string& line) {
    if (line == "# EOF") {
      ended_ = true;
      return;
    }
    if (ended_) faults.push_back("after the end: " + line);
    static const std::regex type("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|info)");
    static const std::regex sample("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{[^}]*\\})? (-?[0-9]+(\\.[0-9]+)?)");
    static const std::regex label(R"([a-z_]+="([^"\\]|\\[n"\\])*"(,[a-z_]+="([^"\\]|\\[n"\\])*")*)");
    std::smatch match;
    if (std::regex_match(line, match, type)) {
      family_ = match[1];
      type_ = match[2];
      if (!families_.insert(family_).second) faults.push_back("family twice: " + line);
      return;
    }
    if (!std::regex_match(line, match, sample)) {
      faults.push_back("neither sample nor type: " + line);
      return;
    }
    const std::string labels = match[2];
    if (!labels.empty() && !std::regex_match(labels.substr(1, labels.size() - 2), label)) {
      faults.push_back("labels: " + line);
    }
    Suffix(match[1], line);
    if (!samples.emplace(std::string(match[1]) + labels, match[3]).second) faults.push_back("sample twice: " + line);
  }

  void Suffix(const std::string& name, const std::string& line) {
    static const std::map<std::string, std::set<std::string>> suffixes = {
        {"counter", {"_total"}}, {"gauge", {""}}, {"info", {"_info"}}, {"histogram", {"_bucket", "_count", "_sum"}}};
    if (!name.starts_with(family_) || !suffixes.at(type_).contains(name.substr(family_.size()))) {
      faults.push_back("not a sample of " + type_ + " " + family_ + ": " + line);
    }
  }

  std::string family_, type_ = "gauge";
  std::set<std::string> families_;
  bool ended_ = false;
};

TEST(Metrics, PageIsValidOpenMetrics) {
  Metrics metrics;
  metrics.Count(Summary(0, 200, 50));
  metrics.SetExtra([](std::string* out) {
    Metrics::AppendGauge(out, "things", 7);
    Metrics::AppendCounter(out, "events", 8);
    Metrics::AppendGauges(out, "lag", "node", {{"west", 3}, {"north", 4}});
    Metrics::AppendGauges(out, "lag_of_nobody", "node", {});
    Metrics::AppendInfo(out, "state", {{{"node", "west"}, {"words", "a \"quoted\" \\ line\nand one more"}}});
  });
  const Checker page(metrics.Format());
  EXPECT_TRUE(page.faults.empty()) << page.faults.front();
  EXPECT_EQ(page.samples.at("things"), "7");
  EXPECT_EQ(page.samples.at("events_total"), "8");
  EXPECT_EQ(page.samples.at(R"(lag{node="west"})"), "3");
  EXPECT_EQ(page.samples.at(R"(lag{node="north"})"), "4");
  EXPECT_EQ(page.samples.at(R"(state_info{node="west",words="a \"quoted\" \\ line\nand one more"})"), "1");
}

TEST(Metrics, CheckerFindsFaults) {
  for (const char* page : {"things 7\n", "# TYPE a counter\na 1\n# EOF\n", "# TYPE a gauge\na{b=c} 1\n# EOF\n",
                           "# TYPE a gauge\na 1\na 1\n# EOF\n", "# EOF\n# TYPE a gauge\n# EOF\n"}) {
    EXPECT_FALSE(Checker(page).faults.empty()) << page;
  }
}

TEST(Metrics, CountsByClassAndStatus) {
  Metrics metrics;
  metrics.Count(Summary(0, 200, 50));
  metrics.Count(Summary(1, 304, 50));
  metrics.Count(Summary(1, 206, 50));
  metrics.Count(Summary(2, 507, 50));
  metrics.Count(Summary(3, 0, 50));      // The client left.
  metrics.Count(Summary(200, 999, 50));  // Out of range, both.
  const Checker page(metrics.Format());
  EXPECT_EQ(page.samples.at(R"(http_requests_total{class="metadata",code="2xx"})"), "1");
  EXPECT_EQ(page.samples.at(R"(http_requests_total{class="tarball",code="2xx"})"), "1");
  EXPECT_EQ(page.samples.at(R"(http_requests_total{class="tarball",code="3xx"})"), "1");
  EXPECT_EQ(page.samples.at(R"(http_requests_total{class="write",code="5xx"})"), "1");
  EXPECT_EQ(page.samples.at(R"(http_requests_total{class="admin",code="0xx"})"), "1");
  EXPECT_EQ(page.samples.at(R"(http_requests_total{class="admin",code="5xx"})"), "1");
  EXPECT_EQ(page.samples.at(R"(http_received_bytes_total{class="tarball"})"), "20");
  EXPECT_EQ(page.samples.at(R"(http_sent_bytes_total{class="tarball"})"), "200");
}

TEST(Metrics, HistogramIsCumulativeAndItsBoundsCanonical) {
  Metrics metrics;
  for (const uint64_t duration_us : {100, 101, 1'000'000, 20'000'000}) metrics.Count(Summary(0, 200, duration_us));
  const Checker page(metrics.Format());
  const auto bucket = [&](const std::string& bound) {
    const auto sample = page.samples.find("http_seconds_bucket{class=\"metadata\",le=\"" + bound + "\"}");
    return sample == page.samples.end() ? "none" : sample->second;
  };
  EXPECT_EQ(bucket("0.0001"), "1") << "a bound belongs to its bucket";
  EXPECT_EQ(bucket("0.0005"), "2");
  EXPECT_EQ(bucket("0.02"), "2");
  EXPECT_EQ(bucket("1.0"), "3");
  EXPECT_EQ(bucket("10.0"), "3");
  EXPECT_EQ(bucket("+Inf"), "4");
  EXPECT_EQ(page.samples.at("http_seconds_count{class=\"metadata\"}"), "4");
  EXPECT_EQ(page.samples.at("http_seconds_sum{class=\"metadata\"}"), "21.000201");
}

}  // namespace
}  // namespace tarn::http
