#pragma once

#include <map>
#include <string>
#include <vector>

#include "http/api/operator_jobs.h"
#include "storage/base/clock.h"
#include "storage/base/node_state.h"
#include "storage/engine/store.h"
#include "storage/registry/registry.h"

namespace tarn::cli {

// "gc" {"dry_run","age_ms","dead_percent"} and "verify" {"deep","bytes_per_second"}; every member may be missing. All outlive
// the jobs.
std::map<std::string, http::OperatorJobs::Kind> JobKinds(engine::Store* store, registry::Registry* registry,
                                                         const NodeState* node, Clock* clock);

// As `tarn verify --json` prints it. `references`: what the registry found.
std::string VerifyReportJson(const engine::VerifyReport& report, const std::vector<std::string>& references);

}  // namespace tarn::cli
