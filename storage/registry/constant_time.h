#pragma once

#include <string_view>

namespace tarn::registry {

// Whether two secrets are equal, in a time that depends on their lengths alone.
inline bool EqualInConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace tarn::registry
