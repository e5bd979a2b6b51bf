// Lists and lockfiles of whatever content, and packuments that are cut down to the versions they name: nothing but an error
// comes of what is none, and what is left of a packument is one, with no other versions in it.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "migrate/registry/packument_filter.h"
#include "migrate/registry/wanted_packages.h"
#include "storage/registry/json_text.h"

// A list, a zero byte, a packument.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\0');
  const auto wanted = tarn::migrate::ParseWantedPackages(text.substr(0, end));
  if (!wanted.ok() || end == std::string_view::npos) return 0;
  const std::string_view packument = text.substr(end + 1);
  // As whoever asks for it does: only what is JSON is cut.
  if (!tarn::registry::ParseJsonObject(packument).ok()) return 0;
  for (const auto& [name, versions] : wanted->packages) {
    const auto filtered = tarn::migrate::FilterPackument(packument, versions);
    if (!filtered.ok() || !tarn::registry::ValidateJson(filtered->text).ok()) std::abort();
    const auto again = tarn::migrate::FilterPackument(filtered->text, versions);
    if (!again.ok() || again->text != filtered->text || again->absent != filtered->absent) std::abort();
  }
  return 0;
}
