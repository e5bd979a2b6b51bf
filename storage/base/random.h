#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tarn {

// Where unpredictable bytes come from. Passed in, so that tests are repeatable.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::string Bytes(size_t count) = 0;
};

// The kernel's generator (getrandom). Threads: any.
Random& SystemRandom();

// Repeatable: the same seed gives the same bytes. For tests and simulations only; not secret. Threads: one at a time.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  std::string Bytes(size_t count) override;
  uint64_t Next();
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound) { return Next() % bound; }

 private:
  uint64_t state_;
};

}  // namespace tarn
