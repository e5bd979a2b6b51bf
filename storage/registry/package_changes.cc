// The writes of PackageWriter that change what is there already.

#include "storage/engine/keys.h"
#include "storage/registry/org_records.h"
#include "storage/registry/package_writer.h"

namespace tarn::registry {
namespace {

using engine::EventKind;
using engine::Family;

VersionLookup LookupIn(const engine::ReadView& view, const PackageName& name) {
  return [&view, &name](const Version& version) { return ReadVersion(view, name, version); };
}

// Who can be a maintainer. An organisation's package gets none but its members, because anybody else would have nothing by
// it; those who left stay on the list until somebody takes them off.
UserLookup OwnersIn(const engine::ReadView& view, const PackageName& name, const PackageRecord& package) {
  return [&view, &name, &package](std::string_view user) -> Result<std::optional<Maintainer>> {
    ASSIGN_OR_RETURN(const auto stored, ReadUser(view, user));
    if (!stored.record || stored.record->is_removed()) return std::optional<Maintainer>();
    if (name.is_scoped() && !package.IsMaintainer(user)) {
      ASSIGN_OR_RETURN(const auto org, view.Get(Family::kOrg, engine::NameKey(name.scope())));
      ASSIGN_OR_RETURN(const auto role, org ? DecodeRole(*org, user) : std::optional<OrgRole>(OrgRole::kOwner));
      if (!role) {
        const std::string who(user);
        const std::string scope(name.scope());
        return InvalidArgument("\"" + who + "\" is not in the organisation \"" + scope +
                               "\", which the package belongs to: add them with `npm org set " + scope + " " + who +
                               "`");
      }
    }
    return std::optional<Maintainer>(Maintainer{stored.record->name, stored.record->email});
  };
}

Result<std::vector<Version>> LiveVersions(const engine::ReadView& view, const PackageName& name) {
  ASSIGN_OR_RETURN(const auto slots, ListVersions(view, name));
  std::vector<Version> versions;
  versions.reserve(slots.size());
  for (const VersionSlot& slot : slots) {
    if (IsOddVersionKey(name, slot.key)) continue;
    ASSIGN_OR_RETURN(Version version, Version::ParseLoose(slot.version));
    versions.push_back(std::move(version));
  }
  return versions;
}

// Imported versions that no semver stands for: they go with the whole package, and not one by one.
Result<std::vector<VersionSlot>> OddVersions(const engine::ReadView& view, const PackageName& name) {
  ASSIGN_OR_RETURN(auto slots, ListVersions(view, name));
  std::erase_if(slots, [&](const VersionSlot& slot) { return !IsOddVersionKey(name, slot.key); });
  return slots;
}

Status NoTarball(std::string_view version) {
  return InvalidArgument("version " + std::string(version) + " came without a tarball in _attachments");
}

// A document without effect is fine when it tells nothing new, but not when it was meant to publish.
Status CheckAllKnown(const engine::ReadView& view, const PackageName& name, const PublishRequest& request) {
  for (const PublishedManifest& manifest : *request.versions) {
    ASSIGN_OR_RETURN(const auto record, ReadVersionByText(view, name, manifest.key));
    if (record) continue;
    const auto version = Version::ParseLoose(manifest.key);
    if (!version.ok()) return NoTarball(manifest.key);
    ASSIGN_OR_RETURN(const auto tombstone, ReadTombstone(view, name, *version));
    if (!tombstone) return NoTarball(manifest.key);
  }
  return OkStatus();
}

}  // namespace

Result<PackageWriter::PlannedChange> PackageWriter::PlanRemoval(const ReadView& view, const PackageName& name,
                                                                const PackageRecord& package,
                                                                const std::vector<Version>& live,
                                                                const std::vector<Version>& removed,
                                                                const Principal& principal) {
  ASSIGN_OR_RETURN(UnpublishPlan plan,
                   PlanUnpublish(package, live, removed, principal.user, LookupIn(view, name), clock_->NowMs()));
  PlannedChange change;
  change.kind = plan.package.version_count == 0 ? EventKind::kUnpublishPackage : EventKind::kUnpublishVersion;
  if (removed.size() == 1) change.version = plan.tombstones[0].version;
  for (size_t i = 0; i < removed.size(); ++i) {
    const std::string key = VersionKey(name, removed[i]);
    change.versions.push_back({Family::kVersion, key, std::nullopt});
    change.versions.push_back({Family::kTombstone, key, Encode(plan.tombstones[i])});
  }
  if (package.imported) RETURN_IF_ERROR(RemoveOddVersions(view, name, package, principal, &plan, &change));
  change.next = std::move(plan.package);
  return change;
}

Status PackageWriter::RemoveOddVersions(const ReadView& view, const PackageName& name, const PackageRecord& package,
                                        const Principal& principal, UnpublishPlan* plan, PlannedChange* change) {
  ASSIGN_OR_RETURN(const std::vector<VersionSlot> odd, OddVersions(view, name));
  if (!plan->package.unpublished || package.unpublished) {
    plan->package.version_count += static_cast<uint32_t>(odd.size());
    return OkStatus();
  }
  for (const VersionSlot& slot : odd) {
    plan->package.unpublished->versions.push_back(slot.version);
    const TombstoneRecord tombstone{slot.version, slot.ordinal, slot.time_ms, plan->package.unpublished->time_ms,
                                    principal.user};
    change->versions.push_back({Family::kVersion, slot.key, std::nullopt});
    change->versions.push_back({Family::kTombstone, slot.key, Encode(tombstone)});
  }
  return OkStatus();
}

Result<PackageWriter::PlannedChange> PackageWriter::PlanVersions(const ReadView& view, const PackageName& name,
                                                                 const PackageRecord& package,
                                                                 const PublishRequest& request, RevInPath rev_in_path,
                                                                 const Principal& principal) {
  if (rev_in_path == RevInPath::kYes) {
    ASSIGN_OR_RETURN(const std::vector<Version> live, LiveVersions(view, name));
    const std::vector<Version> missing = MissingVersions(live, request);
    if (!missing.empty()) return PlanRemoval(view, name, package, live, missing, principal);
  }
  ASSIGN_OR_RETURN(DeprecationPlan plan, PlanDeprecation(package, request, LookupIn(view, name)));
  PlannedChange change;
  change.kind = EventKind::kDeprecate;
  if (plan.changed.empty()) {
    if (rev_in_path == RevInPath::kNo) RETURN_IF_ERROR(CheckAllKnown(view, name, request));
    return change;
  }
  if (plan.changed.size() == 1) change.version = plan.changed[0].version;
  for (const VersionRecord& record : plan.changed) {
    ASSIGN_OR_RETURN(const Version version, Version::ParseLoose(record.version));
    change.versions.push_back({Family::kVersion, VersionKey(name, version), Encode(record)});
  }
  change.next = std::move(plan.package);
  return change;
}

Result<WriteAnswer> PackageWriter::Change(const Principal& principal, const PackageName& name,
                                          const std::optional<std::string>& rev, const PublishRequest& request,
                                          WriteKind kind) {
  if (kind == WriteKind::kStars) {
    return ChangePackage(principal, name, Right::kStar, rev,
                         [&](const ReadView&, const PackageRecord& package) -> Result<PlannedChange> {
                           return PlannedChange{PlanStar(package, principal.user, request), EventKind::kStar, {}, {}};
                         });
  }
  const Plan plan = [&](const ReadView& view, const PackageRecord& package) -> Result<PlannedChange> {
    if (kind == WriteKind::kVersions) {
      return PlanVersions(view, name, package, request, rev ? RevInPath::kYes : RevInPath::kNo, principal);
    }
    if (kind != WriteKind::kOwners) return PlannedChange{};
    ASSIGN_OR_RETURN(PackageRecord next, PlanOwners(package, *request.maintainers, OwnersIn(view, name, package)));
    if (next == package) return PlannedChange{};
    return PlannedChange{std::move(next), EventKind::kSetOwners, {}, {}};
  };
  const Right right = kind == WriteKind::kOwners ? Right::kManage : Right::kWrite;
  auto answer = ChangePackage(principal, name, right, rev, plan);
  // The caller was admitted, so the name is free for them: what is missing is the tarball.
  if (answer.code() == Code::kNotFound && !rev && request.versions && !request.versions->empty()) {
    return NoTarball(request.versions->front().key);
  }
  return answer;
}

Result<WriteAnswer> PackageWriter::UnpublishPackage(const Principal& principal, const PackageName& name,
                                                    std::string_view rev) {
  return ChangePackage(principal, name, Right::kWrite, std::string(rev),
                       [&](const ReadView& view, const PackageRecord& package) -> Result<PlannedChange> {
                         ASSIGN_OR_RETURN(const std::vector<Version> live, LiveVersions(view, name));
                         if (package.version_count == 0) return PlannedChange{};  // Unpublished already.
                         return PlanRemoval(view, name, package, live, live, principal);
                       });
}

Result<WriteAnswer> PackageWriter::DeleteTarball(const Principal& principal, const PackageName& name,
                                                 std::string_view file_name, std::string_view rev) {
  return ChangePackage(principal, name, Right::kWrite, std::string(rev),
                       [&](const ReadView& view, const PackageRecord&) -> Result<PlannedChange> {
                         const auto version = VersionOfTarball(name, file_name);
                         if (!version.ok()) return PlannedChange{};  // Nothing could refer to it.
                         ASSIGN_OR_RETURN(const auto record, ReadVersion(view, name, *version));
                         if (!record) return PlannedChange{};
                         return PermissionDenied("version " + record->version +
                                                 " is published and needs its tarball: unpublish the version");
                       });
}

PackageWriter::Right PackageWriter::RightToTag(const Principal& principal, std::string_view tag) {
  if (principal.trusted) return Right::kTrustedTag;
  return tag == "latest" ? Right::kWrite : Right::kTag;
}

Result<WriteAnswer> PackageWriter::SetDistTag(const Principal& principal, const PackageName& name, std::string_view tag,
                                              std::string_view version) {
  return ChangePackage(principal, name, RightToTag(principal, tag), std::nullopt,
                       [&](const ReadView& view, const PackageRecord& package) -> Result<PlannedChange> {
                         ASSIGN_OR_RETURN(auto next, PlanSetTag(package, tag, version, LookupIn(view, name)));
                         return PlannedChange{std::move(next), EventKind::kSetDistTags, std::string(version), {}};
                       });
}

Result<WriteAnswer> PackageWriter::RemoveDistTag(const Principal& principal, const PackageName& name,
                                                 std::string_view tag) {
  return ChangePackage(principal, name, RightToTag(principal, tag), std::nullopt,
                       [&](const ReadView&, const PackageRecord& package) -> Result<PlannedChange> {
                         ASSIGN_OR_RETURN(PackageRecord next, PlanRemoveTag(package, tag));
                         return PlannedChange{std::move(next), EventKind::kSetDistTags, {}, {}};
                       });
}

Result<WriteAnswer> PackageWriter::SetAccess(const Principal& principal, const PackageName& name,
                                             std::string_view access) {
  return ChangePackage(principal, name, Right::kManage, std::nullopt,
                       [&](const ReadView&, const PackageRecord& package) -> Result<PlannedChange> {
                         ASSIGN_OR_RETURN(auto next, PlanAccess(name, package, access));
                         return PlannedChange{std::move(next), EventKind::kSetAccess, {}, {}};
                       });
}

Result<WriteAnswer> PackageWriter::SetPublishRule(const Principal& principal, const PackageName& name,
                                                  const PublishRule& rule) {
  return ChangePackage(principal, name, Right::kManage, std::nullopt,
                       [&](const ReadView&, const PackageRecord& package) -> Result<PlannedChange> {
                         return PlannedChange{PlanPublishRule(package, rule), EventKind::kSetAccess, {}, {}};
                       });
}

}  // namespace tarn::registry
