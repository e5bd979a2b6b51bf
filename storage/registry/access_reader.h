#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/package_access.h"
#include "storage/registry/package_name.h"
#include "storage/registry/package_state.h"
#include "storage/registry/records.h"

namespace tarn::registry {

// Reads what decides about one caller in one state of the store, by key, without scanning: the organisation of a scope,
// the grants of a package, and the teams that these name. What was read once is remembered, so lists use one reader for all
// their packages; a reader must not outlive its view or principal. Nothing is kept from one state to the next, so what was
// revoked is gone for whoever asks afterwards.
// What everybody may read costs the package's record alone.
// Errors: those of ReadView; kCorruption. Threads: one at a time.
class AccessReader {
 public:
  AccessReader(const engine::ReadView& view, const Principal& principal) : view_(view), principal_(principal) {}
  AccessReader(const AccessReader&) = delete;

  Result<ScopeState> ScopeOf(const PackageName& name);
  // kNotFound, always with the same text, when there is none or not for their eyes.
  Result<VisiblePackage> ReadVisible(const PackageName& name);
  Result<bool> IsVisible(const PackageName& name, const PackageRecord& package);
  Result<AccessLevel> LevelFor(const PackageName& name, const PackageRecord& package);

  // The caller's; nullopt: none, or there is no such organisation.
  Result<std::optional<OrgRole>> RoleIn(std::string_view org);

 private:
  struct Org {
    bool exists = false;
    std::optional<OrgRole> role;
  };
  Result<Org> ReadOrg(std::string_view org);
  // The most that one of the caller's teams is granted.
  Result<AccessLevel> GrantedOn(const PackageName& name);
  Result<bool> IsInTeam(const std::string& team_id);
  Result<bool> HasPackages(std::string_view scope);

  const engine::ReadView& view_;
  const Principal& principal_;
  std::map<std::string, Org, std::less<>> orgs_;
  std::map<std::string, bool, std::less<>> teams_;
};

}  // namespace tarn::registry
