#pragma once

#include <optional>
#include <string>

#include "storage/base/result.h"
#include "storage/registry/org_records.h"
#include "storage/registry/package_access.h"
#include "storage/registry/publish_request.h"
#include "storage/registry/records.h"
#include "storage/registry/registry.h"

// The rules of publishing that depend on what is there already (contract 5.2, 5.3, 15), as a pure function: an import
// and a test ask the same one. Threads: any.
namespace tarn::registry {

// What the registry knows about one (package, version).
struct PublishState {
  std::optional<PackageRecord> package;
  ScopeState scope;
  std::optional<VersionRecord> version;      // Live, of the same number.
  std::optional<TombstoneRecord> tombstone;  // Of the same number.
};

struct PublishPolicy {
  RegistryOptions::ScopedDefault scoped_default = RegistryOptions::ScopedDefault::kPublic;
  uint64_t republish_window_ms = 0;
};

PublishPolicy PublishPolicyOf(const RegistryOptions& options);

// What to write. `repeats` is set instead when this publish was done already, a moment ago, by the same user with the
// same bytes: npm sends a PUT again when it did not get the answer.
struct PublishPlan {
  bool repeats = false;
  PackageRecord package;  // Still with the revision of the state.
  VersionRecord version;
  std::optional<OrgRecord> new_org;      // The scope had no owner; its first publisher becomes it.
  std::optional<GrantRecord> new_grant;  // Of a new package of an organisation: its developers may write.
};

//   publisher  the principal's name and e-mail address; both empty for the system.
// Errors, worded as npm's tools expect them: kAlreadyExists (the number is or was taken), kPermissionDenied,
// kUnauthenticated, kNotFound, kInvalidArgument (no name for a new package), kTooLarge.
Result<PublishPlan> PlanPublish(const PackageName& name, const NewVersion& candidate, const PublishState& state,
                                const Principal& principal, const Maintainer& publisher, const PublishPolicy& policy,
                                uint64_t now_ms);

// May the caller publish something under `name`? Answers before the body is read.
Status CheckMayPublish(const Principal& principal, const PackageName& name, const std::optional<PackageRecord>& package,
                       const ScopeState& scope);

}  // namespace tarn::registry
