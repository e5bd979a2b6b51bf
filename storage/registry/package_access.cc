#include "storage/registry/package_access.h"

namespace tarn::registry {
namespace {

Status NoPermission(const PackageName& name) {
  return PermissionDenied("You do not have permission to publish \"" + name.full() +
                          "\". Are you logged in as the correct user?");
}

// By right of the scope alone.
bool OwnsScope(const Principal& principal, const PackageName& name, const ScopeState& scope) {
  if (!name.is_scoped() || principal.kind != Principal::Kind::kUser) return false;
  return name.scope() == principal.user || (scope.org && scope.org->IsMember(principal.user));
}

// Whatever their credentials allow.
bool BelongsTo(const Principal& principal, const PackageName& name, const PackageRecord& package,
               const ScopeState& scope) {
  if (principal.is_admin) return true;
  if (principal.kind != Principal::Kind::kUser) return false;
  return package.IsMaintainer(principal.user) || OwnsScope(principal, name, scope);
}

}  // namespace

bool MayWrite(const Principal& principal, const PackageName& name, const PackageRecord& package,
              const ScopeState& scope) {
  return principal.may_write && BelongsTo(principal, name, package, scope);
}

bool MayRead(const Principal& principal, const PackageName& name, const PackageRecord& package,
             const ScopeState& scope) {
  return !package.is_restricted() || BelongsTo(principal, name, package, scope);
}

Status CheckMayChange(const Principal& principal) {
  if (!principal.is_authenticated()) return Unauthenticated("You must be logged in to do this.");
  if (!principal.may_write) return PermissionDenied("This token is read-only: it cannot change anything.");
  return OkStatus();
}

Status CheckWrite(const Principal& principal, const PackageName& name, const PackageRecord& package,
                  const ScopeState& scope) {
  RETURN_IF_ERROR(CheckMayChange(principal));  // First: it must answer the same for a name that does not exist.
  if (!MayRead(principal, name, package, scope)) return NotFound(std::string(kNotFoundText));
  return MayWrite(principal, name, package, scope) ? OkStatus() : NoPermission(name);
}

Status CheckCreate(const Principal& principal, const PackageName& name, const ScopeState& scope) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  const auto valid = PackageName::ParseNew(name.full());
  // An administrator brings packages over from elsewhere, and many applications need those whose names nobody could
  // choose today: webpack depends on "events", eslint on "punycode".
  if (!valid.ok() && !principal.is_admin) return valid.status();
  if (!name.is_scoped() || principal.is_admin || OwnsScope(principal, name, scope)) return OkStatus();
  // Unclaimed: whoever publishes first founds the organisation.
  if (!scope.org && !scope.is_user) return OkStatus();
  return NoPermission(name);
}

}  // namespace tarn::registry
