#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/registry/access.h"
#include "storage/registry/package_name.h"
#include "storage/registry/records.h"

// Who may do what with a package, as pure functions over what is stored. All routes ask here, by way of Decide.
//
// A scope belongs to the user it is named after; any other scope to the organisation of that name, which its first
// publisher founds. In a package of an organisation's scope
//   owners, admins   may do everything;
//   other members    may read or write what one of their teams is granted, everything with the packages that they
//                    maintain, and make new packages;
//   everybody else   may read what is public. Maintainers who are no members (any more) are among these.
// In other packages maintainers may do everything, and the user of the scope; teams that are granted it, read or write.
// Administrators may do everything everywhere.
// A token that is limited allows no more than its limits of that (token_limits.h). Threads: any.
namespace tarn::registry {

// What somebody may do with a package; each includes those before it.
enum class AccessLevel : uint8_t {
  kNone = 0,
  kRead = 1,
  kWrite = 2,   // Publish, unpublish, deprecate, tag.
  kManage = 3,  // Change who else may: access, owners, grants, what is asked of publishers.
};

// What of the stored state, beside the package's own record, decides for one caller and one name: access_reader.h reads it.
struct ScopeState {
  bool is_org = false;   // There is an organisation of this name.
  bool is_user = false;  // There is, or was, an account of this name. Not looked up where there is an organisation.
  bool has_packages = false;                 // The scope is nobody's, and yet has packages: an operator brought them.
  std::optional<OrgRole> role = {};          // Of the caller in the organisation.
  AccessLevel granted = AccessLevel::kNone;  // The most that one of the caller's teams, of any organisation, has.

  // Whoever publishes first founds the organisation.
  bool is_free() const { return !is_org && !is_user && !has_packages; }
};

// What a missing name and an invisible one have in common: the whole answer.
inline constexpr std::string_view kNotFoundText = "Not found";

enum class PackageAction : uint8_t {
  kRead,
  kStar,
  kPublish,  // A new version.
  kStage,    // The same, once somebody approves.
  kChange,   // Tags, deprecation, removal.
  kManage,   // Access, owners, grants, what is asked of publishers.
  kCreate,   // The first version of a package that is not there.
};

// The one decision: OK, or what the caller is told.
//   package  nullptr when there is none; kCreate does not look at it.
// kUnauthenticated for changes by anonymous callers, kPermissionDenied for those of read-only tokens: first, and the same
// for a name that does not exist. kNotFound when there is no package or it is not for their eyes; a token may allow to
// publish where it does not allow to read. kPermissionDenied when they, or the limits of their token, may not do that.
// For kCreate: kInvalidArgument when it is no name for a new package and the caller is no administrator,
// kPermissionDenied when the scope is somebody else's.
Status Decide(const Principal& principal, const PackageName& name, const PackageRecord* package,
              const ScopeState& scope, PackageAction action);

// What Decide goes by, whatever the caller's credentials allow.
AccessLevel LevelOf(const Principal& principal, const PackageName& name, const PackageRecord& package,
                    const ScopeState& scope);

// Shorthands.
bool MayRead(const Principal& principal, const PackageName& name, const PackageRecord& package,
             const ScopeState& scope);
bool MayChange(const Principal& principal, const PackageName& name, const PackageRecord& package,
               const ScopeState& scope);

// A known user whose credentials allow changes of some package; otherwise kUnauthenticated or kPermissionDenied. The
// answer is the same whatever package they ask for.
Status CheckMayChangePackages(const Principal& principal);
// The same for everything that is no package: accounts, tokens, settings. Not with limited tokens.
Status CheckMayChange(const Principal& principal);

// --- the organisation itself ---
enum class OrgAction : uint8_t {
  kSee,     // Its members, teams, and what they are granted.
  kLeave,   // Oneself.
  kManage,  // Teams, grants, and members who are no owners.
  kManageOwners,
};
//   role  of the caller; nullopt: none, or there is no such organisation.
// kNotFound for whoever is not in it, as if there were none. Otherwise as Decide.
Status DecideOrg(const Principal& principal, std::string_view org, std::optional<OrgRole> role, OrgAction action);

}  // namespace tarn::registry
