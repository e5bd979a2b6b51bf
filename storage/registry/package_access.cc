#include "storage/registry/package_access.h"

#include "storage/registry/trusted_grant.h"

namespace tarn::registry {
namespace {

Status NoPermission(const PackageName& name) {
  return PermissionDenied("You do not have permission to publish \"" + name.full() +
                          "\". Are you logged in as the correct user?");
}

Status NotWithThisToken(const PackageName& name) {
  return PermissionDenied("This token is limited: it does not allow that with \"" + name.full() + "\".");
}

// By right of the scope alone.
bool OwnsScope(const Principal& principal, const PackageName& name, const ScopeState& scope) {
  if (!name.is_scoped() || principal.kind != Principal::Kind::kUser) return false;
  return name.scope() == principal.user || (scope.org && scope.org->IsMember(principal.user));
}

bool OwnsEverything(const Principal& principal) { return principal.is_admin || principal.is_limited_admin; }

// Whatever their credentials allow.
bool BelongsTo(const Principal& principal, const PackageName& name, const PackageRecord& package,
               const ScopeState& scope) {
  if (OwnsEverything(principal)) return true;
  if (principal.trusted) return principal.trusted->package == name.full();
  if (principal.kind != Principal::Kind::kUser) return false;
  return package.IsMaintainer(principal.user) || OwnsScope(principal, name, scope);
}

}  // namespace

bool MayWrite(const Principal& principal, TokenAct act, const PackageName& name, const PackageRecord& package,
              const ScopeState& scope) {
  // A trusted publisher adds versions, and changes nothing (publish_rules.cc).
  if (!principal.may_write || principal.trusted) return false;
  return principal.TokenAllows(act, name.full()) && BelongsTo(principal, name, package, scope);
}

bool MayRead(const Principal& principal, const PackageName& name, const PackageRecord& package,
             const ScopeState& scope) {
  if (!package.is_restricted()) return true;
  if (principal.trusted) return BelongsTo(principal, name, package, scope);
  return principal.TokenAllows(TokenAct::kReadPackage, name.full()) && BelongsTo(principal, name, package, scope);
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

Status CheckWrite(const Principal& principal, TokenAct act, const PackageName& name, const PackageRecord& package,
                  const ScopeState& scope) {
  RETURN_IF_ERROR(CheckMayChangePackages(principal));  // First: the same for a name that does not exist.
  if (MayWrite(principal, act, name, package, scope)) return OkStatus();
  if (!MayRead(principal, name, package, scope)) return NotFound(std::string(kNotFoundText));
  return principal.TokenAllows(act, name.full()) ? NoPermission(name) : NotWithThisToken(name);
}

Status CheckStar(const Principal& principal, const PackageName& name, const PackageRecord& package,
                 const ScopeState& scope) {
  RETURN_IF_ERROR(CheckMayChangePackages(principal));
  if (!MayRead(principal, name, package, scope)) return NotFound(std::string(kNotFoundText));
  return principal.TokenAllows(TokenAct::kChangePackage, name.full()) ? OkStatus() : NotWithThisToken(name);
}

Status CheckCreate(const Principal& principal, const PackageName& name, const ScopeState& scope) {
  RETURN_IF_ERROR(CheckMayChangePackages(principal));
  if (principal.trusted) return NotFound(std::string(kNotFoundText));
  if (!principal.TokenAllows(TokenAct::kPublish, name.full())) return NotWithThisToken(name);
  const auto valid = PackageName::ParseNew(name.full());
  // An administrator brings packages over from elsewhere, and many applications need those whose names nobody could
  // choose today: webpack depends on "events", eslint on "punycode".
  if (!valid.ok() && !OwnsEverything(principal)) return valid.status();
  if (!name.is_scoped() || OwnsEverything(principal) || OwnsScope(principal, name, scope)) return OkStatus();
  if (scope.org || scope.is_user) return NoPermission(name);
  // Unclaimed: whoever publishes first founds the organisation.
  if (principal.TokenAllows(TokenAct::kChangeOrg, name.scope())) return OkStatus();
  return PermissionDenied("Nobody has the scope @" + std::string(name.scope()) +
                          " yet, and this token is limited: the first package of a scope founds an organisation, which "
                          "takes a token that may do that.");
}

}  // namespace tarn::registry
