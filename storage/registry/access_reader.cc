#include "storage/registry/access_reader.h"

#include <algorithm>

#include "storage/engine/keys.h"
#include "storage/registry/org_records.h"
#include "storage/registry/package_state.h"

namespace tarn::registry {

using engine::Family;

Result<AccessReader::Org> AccessReader::ReadOrg(std::string_view org) {
  if (const auto known = orgs_.find(org); known != orgs_.end()) return known->second;
  ASSIGN_OR_RETURN(const auto raw, view_.Get(Family::kOrg, engine::NameKey(org)));
  Org state;
  state.exists = raw.has_value();
  if (raw && principal_.kind == Principal::Kind::kUser) {
    ASSIGN_OR_RETURN(state.role, DecodeRole(*raw, principal_.user));
  }
  orgs_.emplace(org, state);
  return state;
}

Result<std::optional<OrgRole>> AccessReader::RoleIn(std::string_view org) {
  ASSIGN_OR_RETURN(const Org state, ReadOrg(org));
  return state.role;
}

Result<bool> AccessReader::IsInTeam(const std::string& team_id) {
  if (const auto known = teams_.find(team_id); known != teams_.end()) return known->second;
  const auto [org, team] = SplitTeamId(team_id);
  // Who left the organisation is in none of its teams, whatever their records say.
  ASSIGN_OR_RETURN(const std::optional<OrgRole> role, RoleIn(org));
  bool is_in = false;
  if (role) {
    ASSIGN_OR_RETURN(const auto raw, view_.Get(Family::kOrg, TeamKey(org, team)));
    if (raw) {
      ASSIGN_OR_RETURN(is_in, DecodeIsInTeam(*raw, principal_.user));
    } else {
      is_in = team == kDevelopersTeam;
    }
  }
  teams_.emplace(team_id, is_in);
  return is_in;
}

Result<AccessLevel> AccessReader::GrantedOn(const PackageName& name) {
  ASSIGN_OR_RETURN(const auto raw, view_.Get(Family::kGrant, engine::NameKey(name.full())));
  if (!raw) return AccessLevel::kNone;
  ASSIGN_OR_RETURN(const GrantRecord record, Decode<GrantRecord>(*raw));
  AccessLevel most = AccessLevel::kNone;
  for (const auto& [team, permission] : record.grants) {
    const AccessLevel level = permission == TeamPermission::kWrite ? AccessLevel::kWrite : AccessLevel::kRead;
    if (level <= most) continue;
    ASSIGN_OR_RETURN(const bool is_in, IsInTeam(team));
    if (is_in) most = level;
  }
  return most;
}

Result<bool> AccessReader::HasPackages(std::string_view scope) {
  bool has = false;
  RETURN_IF_ERROR(
      view_.ScanPrefix(Family::kPackage, "@" + std::string(scope) + "/", [&](std::string_view, std::string_view) {
        has = true;
        return false;
      }));
  return has;
}

Result<ScopeState> AccessReader::ScopeOf(const PackageName& name) {
  ScopeState scope;
  if (name.is_scoped()) {
    ASSIGN_OR_RETURN(const Org org, ReadOrg(name.scope()));
    scope.is_org = org.exists;
    scope.role = org.role;
    if (!scope.is_org) {
      ASSIGN_OR_RETURN(const auto user, view_.Get(Family::kUser, engine::NameKey(name.scope())));
      scope.is_user = user.has_value();
    }
    if (!scope.is_org && !scope.is_user) {
      ASSIGN_OR_RETURN(scope.has_packages, HasPackages(name.scope()));
    }
  }
  if (principal_.kind == Principal::Kind::kUser) {
    ASSIGN_OR_RETURN(scope.granted, GrantedOn(name));
  }
  return scope;
}

Result<AccessLevel> AccessReader::LevelFor(const PackageName& name, const PackageRecord& package) {
  ASSIGN_OR_RETURN(const ScopeState scope, ScopeOf(name));
  return LevelOf(principal_, name, package, scope);
}

Result<bool> AccessReader::IsVisible(const PackageName& name, const PackageRecord& package) {
  // For these the rest of the state decides nothing.
  const bool is_clear = !package.is_restricted() || principal_.is_admin || principal_.trusted ||
                        principal_.kind != Principal::Kind::kUser;
  if (is_clear) return MayRead(principal_, name, package, {});
  ASSIGN_OR_RETURN(const ScopeState scope, ScopeOf(name));
  return MayRead(principal_, name, package, scope);
}

Result<VisiblePackage> AccessReader::ReadVisible(const PackageName& name) {
  ASSIGN_OR_RETURN(auto package, ReadPackage(view_, name));
  bool is_visible = false;
  if (package.record) {
    ASSIGN_OR_RETURN(is_visible, IsVisible(name, *package.record));
  }
  if (!is_visible) return NotFound(std::string(kNotFoundText));
  return VisiblePackage{std::move(*package.record)};
}

}  // namespace tarn::registry
