#include "storage/registry/change_rules.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "storage/base/limits.h"
#include "storage/registry/manifest_summary.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kLatest = "latest";

// Brings the summary in line with the `latest` tag.
Status RefreshSummary(PackageRecord* package, const VersionLookup& lookup) {
  const std::string* latest = package->FindTag(kLatest);
  if (latest == nullptr) {
    package->latest.reset();
    return OkStatus();
  }
  const auto version = Version::ParseLoose(*latest);
  if (!version.ok() && package->imported) {
    package->latest.reset();
    return OkStatus();
  }
  RETURN_IF_ERROR(version.status());
  ASSIGN_OR_RETURN(const std::optional<VersionRecord> record, lookup(*version));
  if (!record) return Corruption("latest names " + *latest + ", which is not there");
  ASSIGN_OR_RETURN(package->latest, Summarise(*record));
  return OkStatus();
}

}  // namespace

Result<WriteKind> ClassifyWrite(const PublishRequest& request, bool has_tarball, RevInPath rev_in_path) {
  if (has_tarball) return WriteKind::kPublish;
  if (request.versions) return WriteKind::kVersions;
  if (request.maintainers) {
    if (rev_in_path == RevInPath::kYes) return WriteKind::kOwners;
    return InvalidArgument("owners are changed at /-rev/{rev} with the package's current revision");
  }
  if (request.users) return WriteKind::kStars;
  return WriteKind::kNothing;
}

Status CheckRevision(const PackageRecord& package, std::string_view rev) {
  if (rev == package.rev()) return OkStatus();
  return Conflict("The package has changed since it was read: revision " + std::string(rev) +
                  " is not the current one, which is " + package.rev() + ". Run the command again.");
}

Result<std::optional<PackageRecord>> PlanSetTag(const PackageRecord& package, std::string_view tag,
                                                std::string_view version, const VersionLookup& lookup) {
  RETURN_IF_ERROR(ValidateDistTag(tag));
  const auto parsed = Version::ParseLoose(version);
  if (!parsed.ok()) return InvalidArgument("a dist-tag needs a version, not \"" + std::string(version) + "\"");
  ASSIGN_OR_RETURN(const std::optional<VersionRecord> target, lookup(*parsed));
  if (!target) return InvalidArgument("version not found: " + std::string(version));
  const std::string* current = package.FindTag(tag);
  if (current != nullptr && *current == target->version) return std::optional<PackageRecord>();
  PackageRecord next = package;
  next.SetTag(tag, target->version);
  if (next.dist_tags.size() > limits::kDistTagsPerPackageMax) {
    return TooLarge("a package has at most " + std::to_string(limits::kDistTagsPerPackageMax) + " dist-tags");
  }
  if (tag == kLatest) RETURN_IF_ERROR(RefreshSummary(&next, lookup));
  return std::optional<PackageRecord>(std::move(next));
}

Result<PackageRecord> PlanRemoveTag(const PackageRecord& package, std::string_view tag) {
  if (tag == kLatest) return PermissionDenied("Packages must have a \"latest\" dist-tag");
  PackageRecord next = package;
  if (!next.RemoveTag(tag)) return NotFound("no such dist-tag: " + std::string(tag));
  return next;
}

Result<DeprecationPlan> PlanDeprecation(const PackageRecord& package, const PublishRequest& request,
                                        const VersionLookup& lookup) {
  DeprecationPlan plan{package, {}};
  uint64_t bytes = 0;
  std::set<std::string> seen;  // Two keys may name one version: they may differ in build metadata.
  for (const PublishedManifest& manifest : *request.versions) {
    // What does not mention it leaves it as it is: the sender may have read an older or a shorter document.
    if (!manifest.index.deprecated) continue;
    const std::string& text = *manifest.index.deprecated;
    if (text.size() > limits::kDeprecationBytesMax) {
      return InvalidArgument("the deprecation message is over " + std::to_string(limits::kDeprecationBytesMax) +
                             " bytes");
    }
    const auto version = Version::ParseLoose(manifest.key);
    if (!version.ok()) continue;
    ASSIGN_OR_RETURN(std::optional<VersionRecord> record, lookup(*version));
    if (!record || record->deprecated == text || !seen.insert(record->version).second) continue;
    record->deprecated = text;
    bytes += record->manifest.size() + record->readme.size();
    if (bytes > limits::kRecordBytesMax / 2) {
      return TooLarge("too many versions to change at once: deprecate them in several ranges");
    }
    if (plan.package.latest && plan.package.latest->version == record->version) {
      plan.package.latest->is_deprecated = !text.empty();
    }
    plan.changed.push_back(std::move(*record));
  }
  return plan;
}

std::vector<Version> MissingVersions(const std::vector<Version>& live, const PublishRequest& request) {
  std::vector<Version> listed;
  for (const PublishedManifest& manifest : *request.versions) {
    auto version = Version::ParseLoose(manifest.key);
    if (version.ok()) listed.push_back(std::move(version).value());
  }
  std::sort(listed.begin(), listed.end());
  std::vector<Version> missing;
  for (const Version& version : live) {
    if (!std::binary_search(listed.begin(), listed.end(), version)) missing.push_back(version);
  }
  return missing;
}

namespace {

// Where `latest` goes when its version does. `versions` ascend and are not empty.
const Version& HighestOf(const std::vector<Version>& versions) {
  const auto release =
      std::find_if(versions.rbegin(), versions.rend(), [](const Version& version) { return !version.is_prerelease(); });
  return release != versions.rend() ? *release : versions.back();
}

Unpublished Describe(const PackageRecord& package, const std::vector<Version>& versions, std::string_view actor,
                     uint64_t now_ms) {
  Unpublished unpublished;
  unpublished.actor = actor;
  unpublished.time_ms = now_ms;
  unpublished.dist_tags = package.dist_tags;
  unpublished.maintainers = package.maintainers;
  if (package.latest) unpublished.description = package.latest->description;
  for (const Version& version : versions) unpublished.versions.push_back(version.ToString());
  return unpublished;
}

}  // namespace

Result<UnpublishPlan> PlanUnpublish(const PackageRecord& package, const std::vector<Version>& live,
                                    const std::vector<Version>& removed, std::string_view actor,
                                    const VersionLookup& lookup, uint64_t now_ms) {
  UnpublishPlan plan{package, {}};
  std::vector<Version> remaining;
  std::set_difference(live.begin(), live.end(), removed.begin(), removed.end(), std::back_inserter(remaining));
  for (const Version& version : removed) {
    ASSIGN_OR_RETURN(const std::optional<VersionRecord> record, lookup(version));
    if (!record) return Corruption("version " + version.ToString() + " is listed but not there");
    plan.tombstones.push_back({.version = record->version,
                               .ordinal = record->ordinal,
                               .published_ms = record->time_ms,
                               .unpublished_ms = now_ms,
                               .actor = std::string(actor)});
  }

  PackageRecord& next = plan.package;
  next.version_count = static_cast<uint32_t>(remaining.size());
  if (remaining.empty()) {
    next.unpublished = Describe(package, live, actor, now_ms);
    next.dist_tags.clear();
    next.latest.reset();
    return plan;
  }
  std::erase_if(next.dist_tags, [&](const auto& entry) {
    const auto target = Version::ParseLoose(entry.second);
    return !target.ok() || std::binary_search(removed.begin(), removed.end(), *target);
  });
  if (next.FindTag(kLatest) == nullptr) {
    ASSIGN_OR_RETURN(const std::optional<VersionRecord> highest, lookup(HighestOf(remaining)));
    if (!highest) return Corruption("version " + HighestOf(remaining).ToString() + " is listed but not there");
    next.SetTag(kLatest, highest->version);
    RETURN_IF_ERROR(RefreshSummary(&next, lookup));
  }
  return plan;
}

Result<PackageRecord> PlanOwners(const PackageRecord& package, const std::vector<Maintainer>& requested,
                                 const UserLookup& lookup) {
  if (requested.empty()) return InvalidArgument("a package needs at least one maintainer");
  if (requested.size() > limits::kMaintainersPerPackageMax) {
    return TooLarge("a package has at most " + std::to_string(limits::kMaintainersPerPackageMax) + " maintainers");
  }
  PackageRecord next = package;
  next.maintainers.clear();
  for (const Maintainer& wanted : requested) {
    if (next.IsMaintainer(wanted.name)) continue;
    ASSIGN_OR_RETURN(const std::optional<Maintainer> known, lookup(wanted.name));
    if (!known) return InvalidArgument("there is no user \"" + wanted.name + "\"");
    next.maintainers.push_back(*known);
  }
  return next;
}

Result<std::optional<PackageRecord>> PlanAccess(const PackageName& name, const PackageRecord& package,
                                                std::string_view access) {
  PackageAccess wanted = PackageAccess::kPublic;
  if (access == "restricted" || access == "private") {
    wanted = PackageAccess::kRestricted;
  } else if (access != "public") {
    return InvalidArgument("access is \"public\" or \"restricted\", not \"" + std::string(access) + "\"");
  }
  if (wanted == PackageAccess::kRestricted && !name.is_scoped()) {
    return InvalidArgument("unscoped packages are always public");
  }
  if (package.access == wanted) return std::optional<PackageRecord>();
  PackageRecord next = package;
  next.access = wanted;
  return std::optional<PackageRecord>(std::move(next));
}

std::optional<PackageRecord> PlanPublishRule(const PackageRecord& package, const PublishRule& rule) {
  PackageRecord next = package;
  next.requires_second_factor = rule.requires_second_factor.value_or(package.requires_second_factor);
  next.automation_bypasses_second_factor =
      rule.automation_bypasses_second_factor.value_or(package.automation_bypasses_second_factor);
  if (next == package) return std::nullopt;
  return next;
}

std::optional<PackageRecord> PlanStar(const PackageRecord& package, std::string_view user,
                                      const PublishRequest& request) {
  const auto wish = request.users->find(std::string(user));
  const bool wanted = wish != request.users->end() && wish->second;
  const auto position = std::lower_bound(package.stars.begin(), package.stars.end(), user);
  const bool present = position != package.stars.end() && *position == user;
  if (wanted == present) return std::nullopt;
  PackageRecord next = package;
  const auto place = next.stars.begin() + (position - package.stars.begin());
  if (wanted) {
    next.stars.emplace(place, user);
  } else {
    next.stars.erase(place);
  }
  return next;
}

}  // namespace tarn::registry
