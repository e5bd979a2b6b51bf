#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/advisory.h"

// What clients send to be audited (contract 12.2). Threads: pure functions.
namespace tarn::registry {

// npm 7 and later, pnpm 11, yarn 4, bun: `{"name":["1.0.0",…],…}`. kInvalidArgument, kTooLarge.
Result<std::vector<AuditedPackage>> ReadBulkAudit(std::string_view json);

// npm 6 and 7 to 10 as their second try, pnpm up to 10: a lock file as a tree (`requires`, `dependencies`).
struct AuditNode {
  static constexpr size_t kNone = SIZE_MAX;
  std::string name;
  std::string version;
  size_t parent = kNone;     // The node that holds it on disk.
  size_t dependent = kNone;  // The first node that asks for it, by breadth from the root; or kNone.
  bool is_dev = false;
  bool is_optional = false;
  bool is_bundled = false;
};
struct AuditTree {
  std::vector<AuditNode> nodes;  // The first is the root.
  // Each name once, with all of its versions.
  std::vector<AuditedPackage> Packages() const;
  // "a>b>c": who asks for whom; where nobody does, who holds whom. Cut at the front to limits::kAuditPathBytesMax.
  std::string PathOf(size_t node) const;
};
Result<AuditTree> ReadAuditTree(std::string_view json);

}  // namespace tarn::registry
