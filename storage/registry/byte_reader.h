#pragma once

#include <cstddef>
#include <string_view>

#include "storage/base/bytes.h"

namespace tarn::registry {

// Reads back what AppendLittleEndian and append wrote. A read past the end answers false and takes
// nothing. Views point into the bytes given.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  [[nodiscard]] bool Read(T* value) {
    if (rest_.size() < sizeof(T)) return false;
    *value = LoadLittleEndian<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return true;
  }
  [[nodiscard]] bool ReadBytes(uint64_t count, std::string_view* bytes) {
    if (rest_.size() < count) return false;
    *bytes = rest_.substr(0, static_cast<size_t>(count));
    rest_.remove_prefix(static_cast<size_t>(count));
    return true;
  }
  size_t remaining() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

}  // namespace tarn::registry
