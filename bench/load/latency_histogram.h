// Latencies of a run in constant memory: a log-linear histogram with 128 buckets per power of two.
//
// Values are nanoseconds. A percentile is reported as the upper bound of its bucket, so it is never
// flattering and at most 0.8 % too high. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tarn::bench {

class LatencyHistogram {
 public:
  void Record(uint64_t value_ns);

  uint64_t count() const { return count_; }
  uint64_t max_ns() const { return max_ns_; }

  // The smallest recorded bucket that has at least `quantile` (0 < quantile <= 1) of all values at
  // or below it; 0 when nothing was recorded.
  uint64_t QuantileNs(double quantile) const;

 private:
  static constexpr unsigned kSubBucketBits = 7;
  static constexpr size_t kBucketCount = (64 - kSubBucketBits + 1) << kSubBucketBits;

  static size_t BucketOf(uint64_t value_ns);
  static uint64_t UpperBoundOf(size_t bucket);

  std::array<uint64_t, kBucketCount> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_ns_ = 0;
};

}  // namespace tarn::bench
