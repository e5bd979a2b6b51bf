#pragma once

#include <string>

namespace tarn::http {

// "[a,b]" of what `append` (std::string*, item) writes for each item.
template <typename Items, typename Append>
std::string JsonList(const Items& items, const Append& append) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    append(&out, item);
  }
  return out + "]";
}

}  // namespace tarn::http
