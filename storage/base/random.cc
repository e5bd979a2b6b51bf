#include "storage/base/random.h"

#include <sys/random.h>

#include <cerrno>

#include "storage/base/check.h"

namespace tarn {
namespace {

class KernelRandom final : public Random {
 public:
  std::string Bytes(size_t count) override {
    std::string bytes(count, '\0');
    size_t done = 0;
    while (done < count) {
      const ssize_t got = getrandom(bytes.data() + done, count - done, 0);
      CHECK(got > 0 || errno == EINTR);
      if (got > 0) done += static_cast<size_t>(got);
    }
    return bytes;
  }
};

}  // namespace

Random& SystemRandom() {
  static KernelRandom random;
  return random;
}

// SplitMix64 (Steele, Lea, Flood 2014): one word of state, passes BigCrush.
uint64_t SeededRandom::Next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::string SeededRandom::Bytes(size_t count) {
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(Next());
  return bytes;
}

}  // namespace tarn
