#include "bench/load/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tarn::bench {
namespace {

TEST(LatencyHistogram, IsZeroWhenEmpty) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.QuantileNs(0.5), 0U);
  EXPECT_EQ(histogram.count(), 0U);
}

TEST(LatencyHistogram, KeepsSmallValuesExactly) {
  LatencyHistogram histogram;
  for (uint64_t value = 1; value <= 200; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.QuantileNs(0.5), 100U);
  EXPECT_EQ(histogram.QuantileNs(0.99), 198U);
  EXPECT_EQ(histogram.QuantileNs(1.0), 200U);
}

TEST(LatencyHistogram, IsNeverBelowTheTrueQuantileAndAtMostOnePercentAbove) {
  std::mt19937_64 random(20);
  std::vector<uint64_t> values;
  LatencyHistogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t value = random() >> (random() % 64);  // Every order of magnitude.
    values.push_back(value);
    histogram.Record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(quantile * static_cast<double>(values.size()));
    const uint64_t truth = values[rank - 1];
    EXPECT_GE(histogram.QuantileNs(quantile), truth) << quantile;
    EXPECT_LE(histogram.QuantileNs(quantile) - truth, truth / 100) << quantile;
  }
}

}  // namespace
}  // namespace tarn::bench
