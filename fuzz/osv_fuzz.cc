#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/check.h"
#include "storage/base/limits.h"
#include "storage/base/trust_limits.h"
#include "storage/registry/advisory_osv.h"
#include "storage/registry/records.h"
#include "storage/registry/semver.h"

namespace tarn::registry {
namespace {

// What is kept of any document obeys its limits, reads as semver ranges, and survives its record.
void CheckAdvisory(const Advisory& advisory) {
  CHECK(IsAdvisoryId(advisory.id));
  CHECK(!advisory.title.empty() && advisory.title.size() <= limits::kAdvisoryTextBytesMax);
  CHECK(advisory.url.starts_with("https://") || advisory.url.starts_with("http://"));
  CHECK(!advisory.ranges.empty() || !advisory.versions.empty());
  CHECK(advisory.cvss_tenths <= 100);
  const std::string vulnerable = VulnerableVersions(advisory);
  CHECK(!vulnerable.empty());
  CHECK(vulnerable.size() > limits::kRangeBytesMax || IsValidRange(vulnerable));
  for (const std::string& version : advisory.versions) CHECK(Affects(advisory, version));
  for (const AdvisoryRange& range : advisory.ranges) {
    if (!range.introduced.empty()) CHECK(Affects(advisory, range.introduced));
    if (range.includes_end) CHECK(Affects(advisory, range.end));
    CHECK(!range.includes_end || !range.end.empty());
  }
}

}  // namespace
}  // namespace tarn::registry

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  const auto document = ReadOsv({reinterpret_cast<const char*>(data), size});
  if (!document.ok()) return 0;
  PackageAdvisoriesRecord record;
  for (const auto& [package, advisory] : document->affected) {
    CHECK(advisory.id == document->id);
    CheckAdvisory(advisory);
    record.advisories.push_back(advisory);
  }
  CHECK(*Decode<PackageAdvisoriesRecord>(Encode(record)) == record);
  return 0;
}
