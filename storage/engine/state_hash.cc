#include "storage/engine/state_hash.h"

#include <string>

#include "storage/base/bytes.h"
#include "storage/base/checksum.h"

namespace tarn::engine {

void StateHash::Add(const StateHash& other) {
  const uint64_t low = words_[0] + other.words_[0];
  const uint64_t carry = low < words_[0] ? 1 : 0;
  words_ = {low, words_[1] + other.words_[1] + carry};
}

void StateHash::Subtract(const StateHash& other) {
  const uint64_t borrow = words_[0] < other.words_[0] ? 1 : 0;
  words_ = {words_[0] - other.words_[0], words_[1] - other.words_[1] - borrow};
}

StateHash HashEntry(Family family, std::string_view key, std::string_view payload) {
  std::string bytes;
  bytes.reserve(sizeof(uint8_t) + sizeof(uint32_t) + key.size() + payload.size());
  bytes.push_back(static_cast<char>(family));
  AppendLittleEndian(&bytes, static_cast<uint32_t>(key.size()));
  bytes += key;
  bytes += payload;
  return StateHash(Checksum128(bytes));
}

}  // namespace tarn::engine
