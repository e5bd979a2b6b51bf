#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

struct XXH3_state_s;

namespace tarn {

// XXH3-64 with seed 0: finds damage, proves nothing. Written to disk since format 1.
uint64_t Checksum64(std::string_view bytes);
// XXH3-128 with seed 0, low word first. Tells apart what nobody forged. Written to disk since format 1.
std::array<uint64_t, 2> Checksum128(std::string_view bytes);

// The same over bytes that arrive in pieces.
// Threads: one at a time. Cost here: about 0.15 ms of CPU per MB.
class Checksum64Stream {
 public:
  Checksum64Stream();
  ~Checksum64Stream();
  Checksum64Stream(Checksum64Stream&&) noexcept;
  Checksum64Stream& operator=(Checksum64Stream&&) noexcept;

  void Update(std::string_view bytes);
  // Of everything since the construction or the last Reset.
  uint64_t Sum() const;
  void Reset();

 private:
  struct StateDeleter {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, StateDeleter> state_;
};

}  // namespace tarn
