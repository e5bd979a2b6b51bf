#pragma once

#include <cstdint>
#include <cstdlib>

// Rounds and seed of a crash test, from the environment: TARN_CRASH_ROUNDS and TEST_SEED.
namespace tarn {

inline uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}
inline uint64_t CrashRounds(uint64_t otherwise) { return FromEnvironment("TARN_CRASH_ROUNDS", otherwise); }
inline uint64_t CrashSeed() { return FromEnvironment("TEST_SEED", 1); }

}  // namespace tarn
