#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tarn::registry {

// One version as a finished JSON object, written once at publish, without what depends on who asks: the public base URL in
// `dist.tarball`, and in `dist.attestations.url` where there is one.
struct ManifestFragment {
  std::string json;
  uint32_t base_offset = 0;               // In `json`, where the base URL belongs; 0 when there is no such place.
  uint32_t attestations_base_offset = 0;  // The second such place, after the first; 0 when there is none.
};

// Appends the object with the base URL put in. `escaped_base_url`: no trailing slash, already
// escaped as the inside of a JSON string ("https://npm.example/prefix").
inline void AppendWithBaseUrl(std::string* out, const ManifestFragment& fragment, std::string_view escaped_base_url) {
  const std::string_view json = fragment.json;
  if (fragment.base_offset == 0) {
    out->append(json);
    return;
  }
  out->append(json.substr(0, fragment.base_offset));
  out->append(escaped_base_url);
  size_t written = fragment.base_offset;
  if (fragment.attestations_base_offset != 0) {
    out->append(json.substr(written, fragment.attestations_base_offset - written));
    out->append(escaped_base_url);
    written = fragment.attestations_base_offset;
  }
  out->append(json.substr(written));
}

}  // namespace tarn::registry
