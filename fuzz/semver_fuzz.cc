#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/check.h"
#include "storage/registry/package_name.h"
#include "storage/registry/semver.h"

namespace tarn::registry {
namespace {

std::string_view TakeLine(std::string_view* rest) {
  const size_t end = rest->find('\n');
  const std::string_view line = rest->substr(0, end);
  rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
  return line;
}

void CheckVersion(const Version& version) {
  const auto canonical = Version::Parse(version.Canonical());
  CHECK(canonical.ok() && *canonical == version);
  CHECK(canonical->Canonical() == version.Canonical());
  CHECK(canonical->SortKey() == version.SortKey());
  const auto exact = Version::Parse(version.ToString());
  CHECK(exact.ok() && exact->ToString() == version.ToString());
  CHECK(Satisfies(version, version.Canonical()));
}

}  // namespace
}  // namespace tarn::registry

// Two versions and a range, a line each.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view first = TakeLine(&rest);
  const std::string_view second = TakeLine(&rest);
  const auto a = Version::Parse(first);
  const auto b = Version::ParseLoose(second);
  if (a.ok()) {
    CheckVersion(*a);
    // What is strict is loose as well, and the same.
    const auto loose = Version::ParseLoose(first);
    CHECK(loose.ok() && *loose == *a);
  }
  if (b.ok()) CheckVersion(*b);
  if (a.ok() && b.ok()) {
    const auto order = *a <=> *b;
    const int keys = a->SortKey().compare(b->SortKey());
    CHECK((order < 0) == (keys < 0) && (order == 0) == (keys == 0));
    CHECK((*b <=> *a < 0) == (keys > 0));
  }
  const auto range = Range::Parse(rest);
  if (!range.ok()) return 0;
  CHECK(!ValidateDistTag(rest).ok());
  for (const auto* version : {&a, &b}) {
    if (version->ok()) CHECK(range->Contains(**version) == Satisfies(**version, rest));
  }
  return 0;
}
