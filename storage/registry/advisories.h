#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/advisory.h"

namespace tarn::registry {

// The advisories of a store: imported, listed, removed, and asked in audits. What they promise stands at Registry's calls of
// the same names.
//
// Kept twice: by package, which is one read for each name of an audit, and by id, for the next import of the same document.
// Threads: any. Blocks.
class Advisories {
 public:
  Advisories(engine::Store* store, Clock* clock) : store_(store), clock_(clock) {}

  Result<std::vector<PackageAdvisories>> Audit(const std::vector<AuditedPackage>& packages) const;
  Result<AdvisoryImport> Import(const std::vector<std::string_view>& documents);
  Result<AdvisoryPage> List(std::string_view package, std::string_view after) const;
  Status Remove(const std::vector<std::string>& ids);

 private:
  engine::Store* const store_;
  Clock* const clock_;
};

}  // namespace tarn::registry
