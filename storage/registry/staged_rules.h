#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/base/stage_limits.h"
#include "storage/registry/access.h"
#include "storage/registry/package_access.h"
#include "storage/registry/package_name.h"
#include "storage/registry/records.h"
#include "storage/registry/staged_record.h"

// The rules of versions that wait for approval (contract 6), as pure functions. What a version must be to be staged is
// what it must be to be published (publish_rules.h). Threads: any.
namespace tarn::registry {

// When it is, and how long staged versions are kept.
struct StagedTerm {
  uint64_t now_ms = 0;
  uint64_t kept_ms = limits::kStagedDays * limits::kDayMs;

  uint64_t ExpiryOf(const StagedEntry& entry) const { return entry.created_ms + kept_ms; }
  bool HasExpired(const StagedEntry& entry) const { return now_ms >= ExpiryOf(entry); }
};

// May the caller stage something under `name`? What CheckMayPublish says of their user, if the token allows to stage or to
// publish; and kPermissionDenied for the first version of a package where those must be published.
enum class FirstVersions : uint8_t { kMayBeStaged, kMustBePublished };
Status CheckMayStage(const Principal& principal, const PackageName& name, const std::optional<PackageRecord>& package,
                     const ScopeState& scope, FirstVersions first_versions);

// The same caller by rights of their user, whatever the token allows: for rules that are asked once the token was.
Principal WithoutTokenLimits(Principal principal);

// In whose list a version that the caller stages now is kept. Empty: the package's, whose business it is. Otherwise the
// caller's: nobody has the name yet, nor the right to it.
std::string StagedOwner(const Principal& principal, const PackageName& name,
                        const std::optional<PackageRecord>& package, const ScopeState& scope);

// May the caller see what is in the list of `owner`? Those who may publish the package, with any token that reads it.
// Nobody may, once a package exists, what others staged before they lost the name.
bool MaySeeStaged(const Principal& principal, const PackageName& name, std::string_view owner,
                  const std::optional<PackageRecord>& package, const ScopeState& scope);

// May the caller approve or reject what they see of this package? kPermissionDenied: the token is limited. What
// CheckMayChangePackages says is asked before, for it is the same for a version that does not exist.
Status CheckMayDecideStaged(const Principal& principal, const PackageName& name);

// One more in `list`? kConflict: the number is staged already. kFailedPrecondition: too many are waiting.
Status CheckRoomForStaged(const PackageName& name, const StagedPackageRecord& list, const Version& version);

// A published version may not have the number of a staged one. kAlreadyExists, in the words that tools look for.
Status CheckNotStaged(const StagedEntry* staged);

// What a number that was taken means for staging and for approval: kConflict instead of kAlreadyExists (contract 6).
Status AsStagingConflict(Status status);

// "public" or "restricted" for a package that is there, or will be.
bool IsStagedPublic(const PackageName& name, const StagedEntry& entry, const std::optional<PackageRecord>& package,
                    bool scoped_default_is_restricted);

// The id in the form it is stored in; nullopt when it is no UUID. Case does not count.
std::optional<std::string> ParseStagedId(std::string_view text);

}  // namespace tarn::registry
