#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/check.h"
#include "storage/base/trust_limits.h"
#include "storage/registry/audit_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto packages = ReadBulkAudit(text);
  if (packages.ok()) CHECK(packages->size() <= tarn::limits::kAuditPackagesMax);
  const auto tree = ReadAuditTree(text);
  if (!tree.ok()) return 0;
  CHECK(!tree->nodes.empty() && tree->nodes[0].parent == AuditNode::kNone);
  for (size_t i = 1; i < tree->nodes.size(); ++i) {
    CHECK(tree->nodes[i].parent < i);  // Nobody holds themselves, so every walk upwards ends.
    const std::string path = tree->PathOf(i);
    CHECK(path.ends_with(tree->nodes[i].name));
    CHECK(path.size() <= 2 * tarn::limits::kAuditPathBytesMax + size);
  }
  CHECK(tree->Packages().size() < tree->nodes.size());
  return 0;
}
