#pragma once

#include <optional>
#include <string>

#include "storage/base/result.h"
#include "storage/registry/access.h"
#include "storage/registry/package_name.h"
#include "storage/registry/records.h"

// Who may do what with a package, as pure functions over what is stored.
//
// A scope belongs to the user it is named after; any other scope to the organisation of that name, which its first
// publisher founds. Members of the organisation may write all packages of its scope, maintainers their own package,
// administrators everything. A token that is limited allows no more than its limits of that (token_limits.h).
// Threads: any.
namespace tarn::registry {

// What is known of the scope of a package; empty for an unscoped one.
struct ScopeState {
  std::optional<OrgRecord> org;
  bool is_user = false;  // There is, or was, an account of this name.
};

// What a missing name and an invisible one have in common: the whole answer.
inline constexpr std::string_view kNotFoundText = "Not found";

//   act  kPublish or kChangePackage. A token may allow to publish where it does not allow to read.
bool MayWrite(const Principal& principal, TokenAct act, const PackageName& name, const PackageRecord& package,
              const ScopeState& scope);
bool MayRead(const Principal& principal, const PackageName& name, const PackageRecord& package,
             const ScopeState& scope);

// OK, or what the caller is told: kNotFound when the package is not for their eyes, kUnauthenticated for anonymous,
// kPermissionDenied for tokens that do not allow it, and for strangers.
Status CheckWrite(const Principal& principal, TokenAct act, const PackageName& name, const PackageRecord& package,
                  const ScopeState& scope);

// Likewise, to put a star on what one may read.
Status CheckStar(const Principal& principal, const PackageName& name, const PackageRecord& package,
                 const ScopeState& scope);

// May the caller be the first to publish `name`? kInvalidArgument: not a name for a new package, and the caller is no
// administrator. kUnauthenticated, kPermissionDenied: as above, or the scope is somebody else's.
Status CheckCreate(const Principal& principal, const PackageName& name, const ScopeState& scope);

// A known user whose credentials allow changes of some package; otherwise kUnauthenticated or kPermissionDenied. The
// answer is the same whatever package they ask for.
Status CheckMayChangePackages(const Principal& principal);
// The same for everything that is no package: accounts, tokens, settings. Not with limited tokens.
Status CheckMayChange(const Principal& principal);

}  // namespace tarn::registry
