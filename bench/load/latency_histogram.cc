#include "bench/load/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tarn::bench {

void LatencyHistogram::Record(uint64_t value_ns) {
  ++buckets_[BucketOf(value_ns)];
  ++count_;
  max_ns_ = std::max(max_ns_, value_ns);
}

uint64_t LatencyHistogram::QuantileNs(double quantile) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(quantile * static_cast<double>(count_));
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, count_);
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) return std::min(UpperBoundOf(bucket), max_ns_);
  }
  return max_ns_;
}

// Below 2^(bits + 1) every value has its own bucket. Above, `shift` low bits are dropped; the value
// that remains is in [2^bits, 2^(bits + 1)), so the ranges of successive shifts follow each other
// without a gap.
size_t LatencyHistogram::BucketOf(uint64_t value_ns) {
  const unsigned width = static_cast<unsigned>(std::bit_width(value_ns));
  const unsigned shift = width > kSubBucketBits + 1 ? width - (kSubBucketBits + 1) : 0;
  return (static_cast<size_t>(shift) << kSubBucketBits) + static_cast<size_t>(value_ns >> shift);
}

uint64_t LatencyHistogram::UpperBoundOf(size_t bucket) {
  if (bucket < (size_t{2} << kSubBucketBits)) return bucket;
  const size_t shift = (bucket >> kSubBucketBits) - 1;
  const uint64_t reduced = bucket - (shift << kSubBucketBits);
  return ((reduced + 1) << shift) - 1;
}

}  // namespace tarn::bench
