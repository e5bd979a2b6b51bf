// The teams of Organisations, and what they are granted.

#include <algorithm>

#include "storage/base/org_limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/access_reader.h"
#include "storage/registry/org_state.h"
#include "storage/registry/organisations.h"

namespace tarn::registry {
namespace {

using engine::Family;
using engine::Mutation;

Status CheckTeamName(std::string_view name) {
  constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  const bool is_good = !name.empty() && name.size() <= limits::kTeamNameBytesMax && name.front() != '.' &&
                       name.front() != '_' && name.find_first_not_of(kCharacters) == std::string_view::npos;
  if (is_good) return OkStatus();
  return InvalidArgument("the name of a team has 1 to " + std::to_string(limits::kTeamNameBytesMax) +
                         " small letters, digits, '-', '_' and '.', and begins with a letter, a digit or '-'");
}

bool IsCounted(const TeamRecord& team) { return team.name != kDevelopersTeam; }

// What the grants of a package become.
void PutGrants(const PackageName& name, const Stored<GrantRecord>& before, const GrantRecord& after,
               Mutation* mutation) {
  std::string key = engine::NameKey(name.full());
  mutation->preconditions.push_back({Family::kGrant, key, before.raw});
  auto value = after.grants.empty() ? std::nullopt : std::optional<std::string>(Encode(after));
  mutation->changes.push_back({Family::kGrant, std::move(key), std::move(value)});
}

void PutTeam(const Stored<TeamRecord>& before, const TeamRecord& after, Mutation* mutation) {
  std::string key = TeamKey(after.org, after.name);
  mutation->preconditions.push_back({Family::kOrg, key, before.raw});
  mutation->changes.push_back({Family::kOrg, std::move(key), Encode(after)});
}

Status CheckNewTeam(const engine::ReadView& view, const OrgRecord& org, std::string_view team) {
  size_t count = 1;  // `developers` is there, with a record or without.
  bool is_there = team == kDevelopersTeam;
  RETURN_IF_ERROR(ScanTeams(view, org.name, [&](const Stored<TeamRecord>& stored) {
    if (stored.record->name == team) is_there = true;
    if (IsCounted(*stored.record)) ++count;
    return true;
  }));
  if (is_there) return AlreadyExists("There is a team \"" + TeamId(org.name, team) + "\" already.");
  if (count < limits::kTeamsPerOrgMax) return OkStatus();
  return TooLarge("an organisation has at most " + std::to_string(limits::kTeamsPerOrgMax) + " teams");
}

}  // namespace

Result<std::vector<std::string>> Organisations::ListTeams(const Principal& principal, std::string_view org) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto stored, Enter(*view, principal, org, OrgAction::kSee));
  std::vector<std::string> names{std::string(kDevelopersTeam)};
  RETURN_IF_ERROR(ScanTeams(*view, stored.record->name, [&](const Stored<TeamRecord>& team) {
    if (IsCounted(*team.record)) names.push_back(team.record->name);
    return true;
  }));
  std::sort(names.begin(), names.end());
  return names;
}

Status Organisations::CreateTeam(const Principal& principal, std::string_view org, std::string_view team,
                                 std::string_view description) {
  return Commit(principal, "", [&](const ReadView& view) -> Result<std::optional<Mutation>> {
    ASSIGN_OR_RETURN(const auto stored, Enter(view, principal, org, OrgAction::kManage));
    RETURN_IF_ERROR(CheckTeamName(team));
    if (description.size() > limits::kTeamDescriptionBytesMax) {
      return InvalidArgument("the description of a team has at most " +
                             std::to_string(limits::kTeamDescriptionBytesMax) + " bytes");
    }
    RETURN_IF_ERROR(CheckSecondFactor(principal));
    RETURN_IF_ERROR(CheckNewTeam(view, *stored.record, team));
    TeamRecord record;
    record.org = stored.record->name;
    record.name = team;
    record.description = description;
    record.created_ms = clock_->NowMs();
    Mutation mutation;
    mutation.preconditions.push_back({Family::kOrg, engine::NameKey(org), stored.raw});
    PutTeam({}, record, &mutation);
    return std::optional<Mutation>(std::move(mutation));
  });
}

Status Organisations::DestroyTeam(const Principal& principal, std::string_view org, std::string_view team) {
  return Commit(principal, "", [&](const ReadView& view) -> Result<std::optional<Mutation>> {
    ASSIGN_OR_RETURN(const auto stored, Enter(view, principal, org, OrgAction::kManage));
    ASSIGN_OR_RETURN(const auto doomed, ReadTeam(view, *stored.record, team));
    if (!IsCounted(*doomed.record)) {
      return FailedPrecondition("Every organisation has a team \"" + std::string(kDevelopersTeam) +
                                "\". Take its members off, or revoke what it is granted.");
    }
    RETURN_IF_ERROR(CheckSecondFactor(principal));
    const std::string id = TeamId(stored.record->name, team);
    Mutation mutation;
    ASSIGN_OR_RETURN(const auto packages, ListGrantedPackages(view, id));
    for (const std::string& package : packages) {
      ASSIGN_OR_RETURN(const PackageName name, PackageName::Parse(package));
      ASSIGN_OR_RETURN(const auto before, ReadGrants(view, package));
      GrantRecord after = before.record.value_or(GrantRecord{});
      if (after.Remove(id)) PutGrants(name, before, after, &mutation);
    }
    std::string key = TeamKey(stored.record->name, team);
    mutation.preconditions.push_back({Family::kOrg, key, doomed.raw});
    mutation.changes.push_back({Family::kOrg, std::move(key), std::nullopt});
    return std::optional<Mutation>(std::move(mutation));
  });
}

Result<std::vector<std::string>> Organisations::ListTeamMembers(const Principal& principal, std::string_view org,
                                                                std::string_view team) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto stored, Enter(*view, principal, org, OrgAction::kSee));
  ASSIGN_OR_RETURN(const auto found, ReadTeam(*view, *stored.record, team));
  return found.record->members;
}

Status Organisations::ChangeTeam(const Principal& principal, std::string_view org, std::string_view team,
                                 const EditTeam& edit) {
  return Commit(principal, "", [&](const ReadView& view) -> Result<std::optional<Mutation>> {
    ASSIGN_OR_RETURN(const auto stored, Enter(view, principal, org, OrgAction::kManage));
    ASSIGN_OR_RETURN(const auto before, ReadTeam(view, *stored.record, team));
    RETURN_IF_ERROR(CheckSecondFactor(principal));
    TeamRecord after = *before.record;
    ASSIGN_OR_RETURN(const bool is_changed, edit(*stored.record, &after));
    if (!is_changed) return std::optional<Mutation>();
    Mutation mutation;
    // Who leaves the organisation meanwhile must not be left in a team, and who joins must not be left out.
    mutation.preconditions.push_back({Family::kOrg, engine::NameKey(org), stored.raw});
    PutTeam(before, after, &mutation);
    return std::optional<Mutation>(std::move(mutation));
  });
}

Status Organisations::AddToTeam(const Principal& principal, std::string_view org, std::string_view team,
                                std::string_view user) {
  return ChangeTeam(principal, org, team, [&](const OrgRecord& stored, TeamRecord* record) -> Result<bool> {
    if (stored.IsMember(user)) return record->Add(user);
    const std::string who(user);
    return InvalidArgument("\"" + who + "\" is not in the organisation \"" + stored.name +
                           "\": add them with `npm org set " + stored.name + " " + who + "`");
  });
}

Status Organisations::RemoveFromTeam(const Principal& principal, std::string_view org, std::string_view team,
                                     std::string_view user) {
  return ChangeTeam(principal, org, team, [&](const OrgRecord& stored, TeamRecord* record) -> Result<bool> {
    if (record->Remove(user)) return true;
    return NotFound("\"" + std::string(user) + "\" is not in the team \"" + TeamId(stored.name, team) + "\".");
  });
}

Result<Organisations::Grants> Organisations::ListGrants(const Principal& principal, std::string_view org,
                                                        std::string_view team) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto stored, Enter(*view, principal, org, OrgAction::kSee));
  RETURN_IF_ERROR(ReadTeam(*view, *stored.record, team).status());
  const std::string id = TeamId(stored.record->name, team);
  ASSIGN_OR_RETURN(const auto packages, ListGrantedPackages(*view, id));
  AccessReader access(*view, principal);
  Grants grants;
  for (const std::string& package : packages) {
    ASSIGN_OR_RETURN(const PackageName name, PackageName::Parse(package));
    const auto visible = access.ReadVisible(name);
    if (visible.code() == Code::kNotFound) continue;
    RETURN_IF_ERROR(visible.status());
    ASSIGN_OR_RETURN(const auto record, ReadGrants(*view, package));
    const auto permission = record.record ? record.record->Find(id) : std::nullopt;
    if (permission) grants.emplace_back(package, *permission);
  }
  return grants;
}

Result<std::optional<Mutation>> Organisations::PlanGrant(const ReadView& view, const Principal& principal,
                                                         std::string_view org, std::string_view team,
                                                         const PackageName& name, TeamPermission permission) {
  ASSIGN_OR_RETURN(const auto stored, Enter(view, principal, org, OrgAction::kManage));
  ASSIGN_OR_RETURN(const auto package, ReadPackage(view, name));
  ASSIGN_OR_RETURN(const ScopeState scope, ReadScope(view, principal, name));
  const PackageRecord* record = package.record ? &*package.record : nullptr;
  RETURN_IF_ERROR(Decide(principal, name, record, scope, PackageAction::kManage));
  ASSIGN_OR_RETURN(const auto grantee, ReadTeam(view, *stored.record, team));
  RETURN_IF_ERROR(CheckSecondFactor(principal, record));

  ASSIGN_OR_RETURN(const auto before, ReadGrants(view, name.full()));
  GrantRecord after = before.record.value_or(GrantRecord{});
  const std::string id = TeamId(stored.record->name, team);
  const auto current = after.Find(id);
  if (current == permission) return std::optional<Mutation>();
  after.Set(id, permission);
  if (after.grants.size() > limits::kTeamsPerPackageMax) {
    return TooLarge("a package is granted to at most " + std::to_string(limits::kTeamsPerPackageMax) + " teams");
  }
  Mutation mutation;
  PutGrants(name, before, after, &mutation);
  if (current || !IsCounted(*grantee.record)) return std::optional<Mutation>(std::move(mutation));
  // Written with each new grant, so that no grant can outlive its team.
  TeamRecord counted = *grantee.record;
  if (++counted.package_count > limits::kPackagesPerTeamMax) {
    return TooLarge("a team is granted at most " + std::to_string(limits::kPackagesPerTeamMax) + " packages");
  }
  PutTeam(grantee, counted, &mutation);
  return std::optional<Mutation>(std::move(mutation));
}

Status Organisations::Grant(const Principal& principal, std::string_view org, std::string_view team,
                            const PackageName& package, TeamPermission permission) {
  return Commit(principal, package.full(),
                [&](const ReadView& view) { return PlanGrant(view, principal, org, team, package, permission); });
}

Result<std::optional<Mutation>> Organisations::PlanRevoke(const ReadView& view, const Principal& principal,
                                                          std::string_view org, std::string_view team,
                                                          const PackageName& name) {
  RETURN_IF_ERROR(CheckMayChangePackages(principal));
  ASSIGN_OR_RETURN(const auto package, ReadPackage(view, name));
  ASSIGN_OR_RETURN(const ScopeState scope, ReadScope(view, principal, name));
  const PackageRecord* record = package.record ? &*package.record : nullptr;
  RETURN_IF_ERROR(Decide(principal, name, record, scope, PackageAction::kRead));
  const bool manages_package = Decide(principal, name, record, scope, PackageAction::kManage).ok();
  const auto entered = Enter(view, principal, org, OrgAction::kManage);
  if (!entered.ok() && !manages_package) return entered.status();
  RETURN_IF_ERROR(CheckSecondFactor(principal, record));

  const std::string id = TeamId(org, team);
  ASSIGN_OR_RETURN(const auto before, ReadGrants(view, name.full()));
  GrantRecord after = before.record.value_or(GrantRecord{});
  if (!after.Remove(id)) return NotFound("The team \"" + id + "\" is not granted \"" + name.full() + "\".");
  Mutation mutation;
  PutGrants(name, before, after, &mutation);
  ASSIGN_OR_RETURN(const auto owner, ReadOrg(view, org));
  if (team == kDevelopersTeam || !owner.record) return std::optional<Mutation>(std::move(mutation));
  ASSIGN_OR_RETURN(const auto grantee, ReadTeam(view, *owner.record, team));
  TeamRecord counted = *grantee.record;
  if (counted.package_count > 0) --counted.package_count;
  PutTeam(grantee, counted, &mutation);
  return std::optional<Mutation>(std::move(mutation));
}

Status Organisations::Revoke(const Principal& principal, std::string_view org, std::string_view team,
                             const PackageName& package) {
  return Commit(principal, package.full(),
                [&](const ReadView& view) { return PlanRevoke(view, principal, org, team, package); });
}

}  // namespace tarn::registry
