#include "storage/registry/package_access.h"

#include <algorithm>

#include "storage/registry/trusted_grant.h"

namespace tarn::registry {
namespace {

// What an action takes: so much of the caller, and that of their token.
struct Needs {
  AccessLevel level;
  TokenAct act;
};

Needs NeedsOf(PackageAction action) {
  switch (action) {
    case PackageAction::kRead: break;
    case PackageAction::kStar: return {AccessLevel::kRead, TokenAct::kChangePackage};
    case PackageAction::kPublish:
    case PackageAction::kCreate: return {AccessLevel::kWrite, TokenAct::kPublish};
    case PackageAction::kStage: return {AccessLevel::kWrite, TokenAct::kStage};
    case PackageAction::kChange: return {AccessLevel::kWrite, TokenAct::kChangePackage};
    case PackageAction::kManage: return {AccessLevel::kManage, TokenAct::kChangePackage};
  }
  return {AccessLevel::kRead, TokenAct::kReadPackage};
}

Status NoPermission(const PackageName& name, AccessLevel needed) {
  if (needed < AccessLevel::kManage) {
    return PermissionDenied("You do not have permission to publish \"" + name.full() +
                            "\". Are you logged in as the correct user?");
  }
  return PermissionDenied("You do not have permission to change who has access to \"" + name.full() +
                          "\". Its maintainers may, and owners and admins of its organisation.");
}

Status NotWithThisToken(const PackageName& name) {
  return PermissionDenied("This token is limited: it does not allow that with \"" + name.full() + "\".");
}

bool OwnsEverything(const Principal& principal) { return principal.is_admin || principal.is_limited_admin; }

bool RunsOrganisation(const ScopeState& scope) {
  return scope.role == OrgRole::kOwner || scope.role == OrgRole::kAdmin;
}

bool IsScopeOwn(const Principal& principal, const PackageName& name, const ScopeState& scope) {
  return name.is_scoped() && !scope.is_org && principal.kind == Principal::Kind::kUser &&
         name.scope() == principal.user;
}

Status DecideCreate(const Principal& principal, const PackageName& name, const ScopeState& scope) {
  if (!principal.TokenAllows(TokenAct::kPublish, name.full())) return NotWithThisToken(name);
  const auto valid = PackageName::ParseNew(name.full());
  // An administrator brings packages over from elsewhere, and many applications need those whose names nobody could
  // choose today: webpack depends on "events", eslint on "punycode".
  if (!valid.ok() && !OwnsEverything(principal)) return valid.status();
  if (!name.is_scoped() || OwnsEverything(principal) || scope.role || IsScopeOwn(principal, name, scope)) {
    return OkStatus();
  }
  if (!scope.is_free()) return NoPermission(name, AccessLevel::kWrite);
  if (principal.TokenAllows(TokenAct::kChangeOrg, name.scope())) return OkStatus();
  return PermissionDenied("Nobody has the scope @" + std::string(name.scope()) +
                          " yet, and this token is limited: the first package of a scope founds an organisation, which "
                          "takes a token that may do that.");
}

}  // namespace

AccessLevel LevelOf(const Principal& principal, const PackageName& name, const PackageRecord& package,
                    const ScopeState& scope) {
  if (OwnsEverything(principal)) return AccessLevel::kManage;
  const AccessLevel level = package.is_restricted() ? AccessLevel::kNone : AccessLevel::kRead;
  if (principal.trusted) return principal.trusted->package == name.full() ? AccessLevel::kWrite : level;
  if (principal.kind != Principal::Kind::kUser) return level;
  if (RunsOrganisation(scope) || IsScopeOwn(principal, name, scope)) return AccessLevel::kManage;
  const bool is_outsider = scope.is_org && !scope.role;
  if (!is_outsider && package.IsMaintainer(principal.user)) return AccessLevel::kManage;
  return std::max(level, std::min(scope.granted, AccessLevel::kWrite));
}

Status Decide(const Principal& principal, const PackageName& name, const PackageRecord* package,
              const ScopeState& scope, PackageAction action) {
  if (action != PackageAction::kRead) RETURN_IF_ERROR(CheckMayChangePackages(principal));
  if (action == PackageAction::kCreate) {
    return principal.trusted ? NotFound(std::string(kNotFoundText)) : DecideCreate(principal, name, scope);
  }
  const AccessLevel level = package == nullptr ? AccessLevel::kNone : LevelOf(principal, name, *package, scope);
  const bool is_visible = level >= AccessLevel::kRead && (!package->is_restricted() || principal.trusted ||
                                                          principal.TokenAllows(TokenAct::kReadPackage, name.full()));
  if (action == PackageAction::kRead) return is_visible ? OkStatus() : NotFound(std::string(kNotFoundText));
  const auto [needed, act] = NeedsOf(action);
  // A trusted publisher adds versions, and changes nothing (publish_rules.cc).
  const bool token_allows = !principal.trusted && principal.TokenAllows(act, name.full());
  // A token may allow to publish where it does not allow to read.
  if (level >= needed && token_allows && (is_visible || needed >= AccessLevel::kWrite)) return OkStatus();
  if (!is_visible) return NotFound(std::string(kNotFoundText));
  return token_allows ? NoPermission(name, needed) : NotWithThisToken(name);
}

bool MayRead(const Principal& principal, const PackageName& name, const PackageRecord& package,
             const ScopeState& scope) {
  return Decide(principal, name, &package, scope, PackageAction::kRead).ok();
}

bool MayChange(const Principal& principal, const PackageName& name, const PackageRecord& package,
               const ScopeState& scope) {
  return Decide(principal, name, &package, scope, PackageAction::kChange).ok();
}

Status CheckMayChangePackages(const Principal& principal) {
  if (!principal.is_authenticated()) return Unauthenticated("You must be logged in to do this.");
  if (!principal.may_write) return PermissionDenied("This token is read-only: it cannot change anything.");
  return OkStatus();
}

Status CheckMayChange(const Principal& principal) {
  RETURN_IF_ERROR(CheckMayChangePackages(principal));
  if (principal.TokenAllows(TokenAct::kAccount, "")) return OkStatus();
  return PermissionDenied("This token is limited: it can change no account, token or setting.");
}

Status DecideOrg(const Principal& principal, std::string_view org, std::optional<OrgRole> role, OrgAction action) {
  const bool sees = (principal.is_admin || role) && principal.TokenAllows(TokenAct::kReadOrg, org);
  if (action != OrgAction::kSee) RETURN_IF_ERROR(CheckMayChangePackages(principal));
  if (!sees) return NotFound(std::string(kNotFoundText));
  if (action == OrgAction::kSee) return OkStatus();
  if (!principal.TokenAllows(TokenAct::kChangeOrg, org)) {
    return PermissionDenied("This token is limited: it cannot change the organisation \"" + std::string(org) + "\".");
  }
  if (principal.is_admin || action == OrgAction::kLeave || role == OrgRole::kOwner) return OkStatus();
  if (action == OrgAction::kManage && role == OrgRole::kAdmin) return OkStatus();
  return PermissionDenied((action == OrgAction::kManage ? "Only owners and admins of the organisation \""
                                                        : "Only owners of the organisation \"") +
                          std::string(org) + "\" may do this.");
}

}  // namespace tarn::registry
