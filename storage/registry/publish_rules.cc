#include "storage/registry/publish_rules.h"

#include "storage/base/limits.h"
#include "storage/registry/attestations.h"
#include "storage/registry/manifest_summary.h"
#include "storage/registry/trusted_grant.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kLatest = "latest";

bool IsRepeat(const VersionRecord& stored, const NewVersion& candidate, const Principal& principal,
              const PublishPolicy& policy, uint64_t now_ms) {
  return stored.tarball.sha512 == candidate.record.tarball.sha512 && stored.publisher.name == principal.user &&
         stored.manifest == candidate.record.manifest && now_ms <= stored.time_ms + policy.republish_window_ms;
}

Status AlreadyPublished(const std::string& version) {
  return AlreadyExists("You cannot publish over the previously published versions: " + version + ".");
}

Status CheckNameIsFree(const PackageName& name, const PackageRecord& package, const Principal& principal,
                       uint64_t now_ms) {
  if (!package.unpublished || principal.kind == Principal::Kind::kSystem) return OkStatus();
  if (now_ms >= package.unpublished->time_ms + limits::kNameBlockedMs) return OkStatus();
  return PermissionDenied(name.full() + " cannot be republished until 24 hours have passed.");
}

Status CheckCounts(const PackageName& name, const PackageRecord& package) {
  if (package.version_count >= limits::kVersionsPerPackageMax) {
    return TooLarge(name.full() + " has " + std::to_string(limits::kVersionsPerPackageMax) +
                    " versions, which is the limit");
  }
  if (package.dist_tags.size() > limits::kDistTagsPerPackageMax) {
    return TooLarge(name.full() + " would have more than " + std::to_string(limits::kDistTagsPerPackageMax) +
                    " dist-tags");
  }
  return OkStatus();
}

// A package that nobody published before. What the document says about access counts here only: old npm always sends
// "public" and yarn always "restricted", so for an existing package it would undo what its owners decided.
PackageRecord NewPackage(const PackageName& name, const NewVersion& candidate, const Maintainer& publisher,
                         const PublishPolicy& policy, uint64_t now_ms) {
  PackageRecord package;
  package.created_ms = now_ms;
  if (!publisher.name.empty()) package.maintainers = {publisher};
  switch (candidate.access) {
    case PublishRequest::Access::kPublic: package.access = PackageAccess::kPublic; break;
    case PublishRequest::Access::kRestricted: package.access = PackageAccess::kRestricted; break;
    case PublishRequest::Access::kKeep:
      package.access = name.is_scoped() && policy.scoped_default == RegistryOptions::ScopedDefault::kRestricted
                           ? PackageAccess::kRestricted
                           : PackageAccess::kPublic;
      break;
  }
  return package;
}

std::optional<OrgRecord> ClaimedScope(const PackageName& name, const ScopeState& scope, const Maintainer& publisher,
                                      uint64_t now_ms) {
  if (!name.is_scoped() || !scope.is_free() || publisher.name.empty()) return std::nullopt;
  return OrgRecord{std::string(name.scope()), now_ms, {{publisher.name, OrgRole::kOwner}}};
}

}  // namespace

PublishPolicy PublishPolicyOf(const RegistryOptions& options) {
  return {options.scoped_default, options.republish_window_ms};
}

Status CheckMayPublish(const Principal& principal, const PackageName& name, const std::optional<PackageRecord>& package,
                       const ScopeState& scope) {
  if (principal.trusted) {
    if (!package) return NotFound(std::string(kNotFoundText));
    return CheckTrusted(*principal.trusted, name, TrustedAct::kPublish);
  }
  if (package) {
    const Status decision = Decide(principal, name, &*package, scope, PackageAction::kPublish);
    if (decision.code() != Code::kNotFound) return decision;
  }
  // An invisible package answers as a missing one does, so far as it can: the name is not free.
  RETURN_IF_ERROR(Decide(principal, name, nullptr, scope, PackageAction::kCreate));
  return package ? NotFound(std::string(kNotFoundText)) : OkStatus();
}

Result<PublishPlan> PlanPublish(const PackageName& name, const NewVersion& candidate, const PublishState& state,
                                const Principal& principal, const Maintainer& publisher, const PublishPolicy& policy,
                                uint64_t now_ms) {
  RETURN_IF_ERROR(CheckMayPublish(principal, name, state.package, state.scope));
  if (state.version) {
    if (!IsRepeat(*state.version, candidate, principal, policy, now_ms)) {
      return AlreadyPublished(state.version->version);
    }
    return PublishPlan{
        .repeats = true, .package = *state.package, .version = *state.version, .new_org = {}, .new_grant = {}};
  }
  if (state.tombstone) return AlreadyPublished(state.tombstone->version);

  PublishPlan plan;
  if (state.package) {
    RETURN_IF_ERROR(CheckNameIsFree(name, *state.package, principal, now_ms));
    plan.package = *state.package;
  } else {
    plan.package = NewPackage(name, candidate, publisher, policy, now_ms);
    if (principal.TokenAllows(TokenAct::kChangeOrg, name.scope())) {
      plan.new_org = ClaimedScope(name, state.scope, publisher, now_ms);
    }
    if (plan.new_org || state.scope.is_org) {
      plan.new_grant.emplace().Set(TeamId(name.scope(), kDevelopersTeam), TeamPermission::kWrite);
    }
  }
  PackageRecord& package = plan.package;
  if (candidate.record.bundle && package.is_restricted()) {
    return InvalidArgument(std::string(kProvenanceRefused) + "the package is not public");
  }
  package.unpublished.reset();
  package.SetTag(candidate.dist_tag, candidate.record.version);
  if (package.FindTag(kLatest) == nullptr) package.SetTag(kLatest, candidate.record.version);
  RETURN_IF_ERROR(CheckCounts(name, package));

  plan.version = candidate.record;
  plan.version.ordinal = package.next_ordinal++;
  plan.version.publisher = publisher;
  if (principal.trusted) plan.version.trusted_publisher = {principal.trusted->type, principal.trusted->config_id};
  plan.version.maintainers = package.maintainers;
  plan.version.time_ms = now_ms;
  ++package.version_count;
  if (*package.FindTag(kLatest) == candidate.record.version) {
    ASSIGN_OR_RETURN(package.latest, Summarise(plan.version));
  }
  return plan;
}

}  // namespace tarn::registry
