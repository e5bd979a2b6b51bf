#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/manifest.h"
#include "storage/registry/package_name.h"
#include "storage/registry/records.h"
#include "storage/registry/semver.h"

// The rules for changing what is published: dist-tags, deprecation, unpublishing, owners, access, stars (contract 8
// and 9). Pure: each takes the package's record and answers with the next one, without its revision. Rights are
// checked before (package_access.h). Threads: any.
namespace tarn::registry {

// The live version of this number, or nothing.
using VersionLookup = std::function<Result<std::optional<VersionRecord>>(const Version&)>;
// The account of this name as a maintainer, or nothing.
using UserLookup = std::function<Result<std::optional<Maintainer>>(std::string_view)>;

// What a body at `PUT /{pkg}` or `PUT /{pkg}/-rev/{rev}` asks for (contract 8.1).
enum class WriteKind : uint8_t {
  kPublish,   // A tarball came with it.
  kVersions,  // Versions without a tarball: deprecation, and on -rev/ the removal of those that are missing.
  kOwners,    // On -rev/: maintainers and no versions.
  kStars,     // Users and no versions.
  kNothing,
};
enum class RevInPath : uint8_t { kNo, kYes };
// kInvalidArgument: maintainers without a revision in the path, which would overwrite what the client never saw.
Result<WriteKind> ClassifyWrite(const PublishRequest& request, bool has_tarball, RevInPath rev_in_path);

// OK when `rev` is the package's. kConflict otherwise, so also for yarn's "undefined".
Status CheckRevision(const PackageRecord& package, std::string_view rev);

// --- dist-tags: nullopt when the package has the tag so already ---
// kInvalidArgument: not a tag, or no such version. kTooLarge.
Result<std::optional<PackageRecord>> PlanSetTag(const PackageRecord& package, std::string_view tag,
                                                std::string_view version, const VersionLookup& lookup);
// kPermissionDenied: latest. kNotFound: no such tag.
Result<PackageRecord> PlanRemoveTag(const PackageRecord& package, std::string_view tag);

// --- deprecation: only `deprecated` of the versions that mention it; all else in the body is ignored ---
struct DeprecationPlan {
  PackageRecord package;
  std::vector<VersionRecord> changed;  // Empty: nothing changes.
};
// kInvalidArgument: a message over limits::kDeprecationBytesMax. kTooLarge: too many bytes for one commit.
Result<DeprecationPlan> PlanDeprecation(const PackageRecord& package, const PublishRequest& request,
                                        const VersionLookup& lookup);

// --- unpublish ---
// The live versions that the body no longer lists, in their order. A key that is not a version names none.
std::vector<Version> MissingVersions(const std::vector<Version>& live, const PublishRequest& request);

struct UnpublishPlan {
  PackageRecord package;
  std::vector<TombstoneRecord> tombstones;  // One for each of `removed`, in their order.
};
// `removed` is a part of `live`, not empty; both ascend. Tags of removed versions go; `latest` moves to the highest
// that remains, releases first. With the last version the package itself becomes unpublished.
Result<UnpublishPlan> PlanUnpublish(const PackageRecord& package, const std::vector<Version>& live,
                                    const std::vector<Version>& removed, std::string_view actor,
                                    const VersionLookup& lookup, uint64_t now_ms);

// --- owners: the list replaces the old one; addresses come from the accounts ---
// kInvalidArgument: nobody left, an unknown user. kTooLarge.
Result<PackageRecord> PlanOwners(const PackageRecord& package, const std::vector<Maintainer>& requested,
                                 const UserLookup& lookup);

// --- access: "public", "restricted" or "private" ---
// nullopt when it is so already. kInvalidArgument: another word, or an unscoped package that shall be restricted.
Result<std::optional<PackageRecord>> PlanAccess(const PackageName& name, const PackageRecord& package,
                                                std::string_view access);

// --- whether publishing asks for a second factor: what is absent stays ---
struct PublishRule {
  std::optional<bool> requires_second_factor;
  std::optional<bool> automation_bypasses_second_factor;  // Tokens made for machines need none all the same.
};
// nullopt when it is so already.
std::optional<PackageRecord> PlanPublishRule(const PackageRecord& package, const PublishRule& rule);

// --- stars: of the caller alone, whatever else the body says ---
std::optional<PackageRecord> PlanStar(const PackageRecord& package, std::string_view user,
                                      const PublishRequest& request);

}  // namespace tarn::registry
