#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace tarn::registry {

// The seed of a randomised test: TEST_SEED, or `fallback`. Printed, so that a failure can be run
// again.
inline uint64_t TestSeed(uint64_t fallback) {
  const char* text = std::getenv("TEST_SEED");
  const uint64_t seed = text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
  std::printf("TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace tarn::registry
