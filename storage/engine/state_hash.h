#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "storage/engine/column_families.h"

namespace tarn::engine {

// What a set of live replicated entries adds up to: the 128-bit wrapping sum of XXH3-128 of each entry. The order of
// changes does not matter, and an update costs its own entry only. Guards against divergence, not against an adversary
// (the chain hash does that). Written to disk since format 1; FORMAT.md, "Log record".
// Threads: as a value type.
class StateHash {
 public:
  StateHash() = default;
  explicit StateHash(const std::array<uint64_t, 2>& words) : words_(words) {}

  void Add(const StateHash& other);
  void Subtract(const StateHash& other);
  // Low word first.
  const std::array<uint64_t, 2>& words() const { return words_; }
  bool operator==(const StateHash&) const = default;

 private:
  std::array<uint64_t, 2> words_{};
};

// XXH3-128 of: family[1], key length[4, little-endian], key, payload.
StateHash HashEntry(Family family, std::string_view key, std::string_view payload);

}  // namespace tarn::engine
