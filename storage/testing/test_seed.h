#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace tarn {

// The seeds of a randomised test: 1 to `count`, or only $TEST_SEED, or as many as $TEST_SEED_COUNT says. A test prints
// the seed of whatever fails (SCOPED_TRACE).
inline std::vector<uint64_t> TestSeeds(uint64_t count) {
  if (const char* seed = std::getenv("TEST_SEED")) return {std::stoull(seed)};
  if (const char* more = std::getenv("TEST_SEED_COUNT")) count = std::stoull(more);
  std::vector<uint64_t> seeds;
  for (uint64_t seed = 1; seed <= count; ++seed) seeds.push_back(seed);
  return seeds;
}

inline std::string SeedTrace(uint64_t seed) { return "repeat with TEST_SEED=" + std::to_string(seed); }

}  // namespace tarn
