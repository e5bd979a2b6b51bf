#include "storage/registry/staged_rules.h"

#include "storage/registry/publish_rules.h"
#include "storage/registry/trusted_grant.h"

namespace tarn::registry {
namespace {

constexpr size_t kUuidBytes = 36;

bool IsDashPlace(size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

}  // namespace

Status CheckMayStage(const Principal& principal, const PackageName& name, const std::optional<PackageRecord>& package,
                     const ScopeState& scope, FirstVersions first_versions) {
  if (principal.trusted) {
    if (!package) return NotFound(std::string(kNotFoundText));
    return CheckTrusted(*principal.trusted, name, TrustedAct::kStage);
  }
  const bool token_allows =
      principal.TokenAllows(TokenAct::kStage, name.full()) || principal.TokenAllows(TokenAct::kPublish, name.full());
  // Where the token does not allow it, what is said of a publish is right too.
  RETURN_IF_ERROR(CheckMayPublish(token_allows ? WithoutTokenLimits(principal) : principal, name, package, scope));
  if (package || first_versions == FirstVersions::kMayBeStaged) return OkStatus();
  return PermissionDenied("The first version of a package cannot be staged here: publish it.");
}

Principal WithoutTokenLimits(Principal principal) {
  principal.limits = nullptr;
  if (principal.trusted) {
    TrustedGrant grant = *principal.trusted;
    grant.may_publish = grant.may_publish || grant.may_stage;
    principal.trusted = std::make_shared<const TrustedGrant>(std::move(grant));
  }
  return principal;
}

std::string StagedOwner(const Principal& principal, const PackageName& name,
                        const std::optional<PackageRecord>& package, const ScopeState& scope) {
  const bool name_is_taken = package || (name.is_scoped() && (scope.is_org || scope.is_user));
  return name_is_taken || principal.kind != Principal::Kind::kUser ? std::string() : principal.user;
}

bool MaySeeStaged(const Principal& principal, const PackageName& name, std::string_view owner,
                  const std::optional<PackageRecord>& package, const ScopeState& scope) {
  if (!principal.is_authenticated() || (package && !owner.empty())) return false;
  if (!principal.TokenAllows(TokenAct::kReadPackage, name.full())) return false;
  if (!owner.empty()) return principal.is_admin || principal.is_limited_admin || principal.user == owner;
  Principal user = WithoutTokenLimits(principal);
  user.may_write = true;
  const PackageRecord none;
  const bool may_publish = Decide(user, name, package ? &*package : &none, scope, PackageAction::kPublish).ok();
  // Of a package that is not there yet: who may make it in their organisation.
  return may_publish || (!package && scope.role.has_value());
}

Status CheckMayDecideStaged(const Principal& principal, const PackageName& name) {
  if (principal.TokenAllows(TokenAct::kChangePackage, name.full())) return OkStatus();
  return PermissionDenied("This token is limited: it can neither approve nor reject staged versions.");
}

Status CheckRoomForStaged(const PackageName& name, const StagedPackageRecord& list, const Version& version) {
  if (const StagedEntry* staged = list.FindVersion(version)) {
    return Conflict(name.full() + "@" + staged->version + " is staged already. Approve or reject it first (" +
                    staged->id + ").");
  }
  if (list.entries.size() < limits::kStagedPerPackageMax) return OkStatus();
  return FailedPrecondition(name.full() + " has " + std::to_string(limits::kStagedPerPackageMax) +
                            " staged versions, which is the limit. Approve or reject some of them first.");
}

Status CheckNotStaged(const StagedEntry* staged) {
  if (staged == nullptr) return OkStatus();
  return AlreadyExists("You cannot publish over the previously staged versions: " + staged->version +
                       ". Approve or reject it first (" + staged->id + ").");
}

Status AsStagingConflict(Status status) {
  return status.code() == Code::kAlreadyExists ? Conflict(std::string(status.message())) : status;
}

bool IsStagedPublic(const PackageName& name, const StagedEntry& entry, const std::optional<PackageRecord>& package,
                    bool scoped_default_is_restricted) {
  if (package) return !package->is_restricted();
  switch (entry.access) {
    case PublishRequest::Access::kPublic: return true;
    case PublishRequest::Access::kRestricted: return false;
    case PublishRequest::Access::kKeep: break;
  }
  return !(name.is_scoped() && scoped_default_is_restricted);
}

std::optional<std::string> ParseStagedId(std::string_view text) {
  if (text.size() != kUuidBytes) return std::nullopt;
  std::string id;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    const bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (IsDashPlace(i) ? c != '-' : !is_hex) return std::nullopt;
    id += c;
  }
  return id;
}

}  // namespace tarn::registry
