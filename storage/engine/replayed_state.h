#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "storage/engine/log.h"
#include "storage/engine/state_hash.h"

namespace tarn::engine {

// The state that a journal gives, as hashes: about 80 bytes of memory per live entry, whatever the size of values. Used
// to compare a journal with a database entry by entry.
// Threads: one at a time.
class ReplayedState {
 public:
  void Apply(const Change& change);

  enum class Match : uint8_t { kEqual, kOther, kAbsent };
  // What the journal says about this entry of the database; counts it as seen.
  Match See(Family family, std::string_view key, std::string_view payload);
  // Entries the database should have and that were not seen.
  uint64_t unseen() const { return unseen_; }
  // Whether the key is one of them; the next call says no.
  bool TakeUnseen(Family family, std::string_view key);
  const StateHash& hash() const { return hash_; }

 private:
  using KeyHash = std::array<uint64_t, 2>;
  struct Hasher {
    size_t operator()(const KeyHash& hash) const { return hash[0]; }
  };
  struct Live {
    StateHash entry_hash;
    bool is_seen = false;
  };
  static KeyHash HashKey(Family family, std::string_view key);

  std::unordered_map<KeyHash, Live, Hasher> live_;
  uint64_t unseen_ = 0;
  StateHash hash_;
};

}  // namespace tarn::engine
