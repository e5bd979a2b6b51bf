#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tarn::registry {

// One version as a finished JSON object, written once at publish, without the part of
// `dist.tarball` that depends on who asks: the public base URL.
struct ManifestFragment {
  std::string json;
  uint32_t base_offset =
      0;  // Offset in `json` where the base URL belongs; 0 when the object holds no such place.
};

// Appends the object with the base URL put in. `escaped_base_url`: no trailing slash, already
// escaped as the inside of a JSON string ("https://npm.example/prefix").
inline void AppendWithBaseUrl(std::string* out, const ManifestFragment& fragment,
                              std::string_view escaped_base_url) {
  const std::string_view json = fragment.json;
  if (fragment.base_offset == 0) {
    out->append(json);
    return;
  }
  out->append(json.substr(0, fragment.base_offset));
  out->append(escaped_base_url);
  out->append(json.substr(fragment.base_offset));
}

}  // namespace tarn::registry
