// The lists of PackageReader: who has access to a package, and to which packages somebody has access (contract 10.1).

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "storage/engine/keys.h"
#include "storage/registry/access_reader.h"
#include "storage/registry/org_state.h"
#include "storage/registry/package_reader.h"

namespace tarn::registry {
namespace {

using engine::Family;

using Levels = std::map<std::string, AccessLevel>;

void Raise(Levels* levels, const std::string& name, AccessLevel level) {
  AccessLevel& known = levels->try_emplace(name, AccessLevel::kNone).first->second;
  known = std::max(known, level);
}

PackageReader::Permissions InWords(const Levels& levels) {
  PackageReader::Permissions words;
  for (const auto& [name, level] : levels) {
    if (level < AccessLevel::kRead) continue;
    words.emplace_back(name, level >= AccessLevel::kWrite ? "write" : "read");
  }
  return words;
}

Principal UserOf(std::string_view name) {
  return {.kind = Principal::Kind::kUser,
          .user = std::string(name),
          .is_admin = false,
          .may_write = true,
          .token = std::nullopt};
}

// Everybody in a team that is granted the package, and in its organisation.
Status AddGranted(const engine::ReadView& view, const PackageName& name, Levels* users) {
  ASSIGN_OR_RETURN(const auto grants, ReadGrants(view, name.full()));
  if (!grants.record) return OkStatus();
  for (const auto& [id, permission] : grants.record->grants) {
    const auto [org_name, team_name] = SplitTeamId(id);
    ASSIGN_OR_RETURN(const auto org, ReadOrg(view, org_name));
    if (!org.record) continue;
    const auto team = ReadTeam(view, *org.record, team_name);
    if (team.code() == Code::kNotFound) continue;
    RETURN_IF_ERROR(team.status());
    const AccessLevel level = permission == TeamPermission::kWrite ? AccessLevel::kWrite : AccessLevel::kRead;
    for (const std::string& member : team->record->members) {
      if (org.record->IsMember(member)) Raise(users, member, level);
    }
  }
  return OkStatus();
}

Status ScanScope(const engine::ReadView& view, std::string_view scope,
                 const std::function<Status(const PackageName&, const PackageRecord&)>& visit) {
  Status failed;
  RETURN_IF_ERROR(view.ScanPrefix(Family::kPackage, "@" + std::string(scope) + "/",
                                  [&](std::string_view key, std::string_view value) {
                                    const auto name = PackageName::Parse(key);
                                    const auto record = Decode<PackageRecord>(value);
                                    failed = !name.ok() ? name.status() : record.status();
                                    if (failed.ok()) failed = visit(*name, *record);
                                    return failed.ok();
                                  }));
  return failed;
}

// The packages that a user has by way of one organisation; more than they may have in the end.
Status AddOfOrganisation(const engine::ReadView& view, std::string_view user, const OrgRecord& org,
                         std::set<std::string>* names) {
  std::vector<std::string> teams;
  ASSIGN_OR_RETURN(const auto developers, ReadTeam(view, org, kDevelopersTeam));
  if (!developers.raw) teams.emplace_back(kDevelopersTeam);  // ScanTeams meets those with a record.
  RETURN_IF_ERROR(ScanTeams(view, org.name, [&](const Stored<TeamRecord>& team) {
    if (team.record->IsMember(user)) teams.push_back(team.record->name);
    return true;
  }));
  for (const std::string& team : teams) {
    ASSIGN_OR_RETURN(const auto granted, ListGrantedPackages(view, TeamId(org.name, team)));
    names->insert(granted.begin(), granted.end());
  }
  const bool runs_it = std::any_of(org.members.begin(), org.members.end(), [&](const auto& member) {
    return member.first == user && member.second != OrgRole::kDeveloper;
  });
  if (!runs_it) return OkStatus();
  return ScanScope(view, org.name, [&](const PackageName& name, const PackageRecord&) {
    names->insert(name.full());
    return OkStatus();
  });
}

}  // namespace

Result<PackageReader::Permissions> PackageReader::Collaborators(const Principal& principal, const PackageName& name) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  AccessReader access(*view, principal);
  ASSIGN_OR_RETURN(const VisiblePackage visible, access.ReadVisible(name));
  ASSIGN_OR_RETURN(const ScopeState scope, access.ScopeOf(name));
  ASSIGN_OR_RETURN(const auto org,
                   name.is_scoped() ? ReadOrg(*view, name.scope()) : Result<Stored<OrgRecord>>(Stored<OrgRecord>{}));
  Levels users;
  for (const Maintainer& maintainer : visible.record.maintainers) {
    if (!org.record || org.record->IsMember(maintainer.name)) Raise(&users, maintainer.name, AccessLevel::kManage);
  }
  if (scope.is_user) Raise(&users, std::string(name.scope()), AccessLevel::kManage);
  // Maintainers stand in the packument; who is in an organisation and its teams is for those who have to do with it.
  const bool is_insider = (org.record && DecideOrg(principal, name.scope(), scope.role, OrgAction::kSee).ok()) ||
                          MayChange(principal, name, visible.record, scope);
  if (!is_insider) return InWords(users);
  if (org.record) {
    for (const auto& [member, role] : org.record->members) {
      if (role != OrgRole::kDeveloper) Raise(&users, member, AccessLevel::kManage);
    }
  }
  RETURN_IF_ERROR(AddGranted(*view, name, &users));
  return InWords(users);
}

Result<PackageReader::Permissions> PackageReader::PackagesOfUser(const Principal& principal, std::string_view user) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto account, ReadUser(*view, user));
  if (!account.record || account.record->is_removed()) {
    return NotFound("There is no user \"" + std::string(user) + "\".");
  }
  AccessReader caller(*view, principal);
  std::set<std::string> names;
  ASSIGN_OR_RETURN(const auto maintained, ListMaintainedPackages(*view, user));
  names.insert(maintained.begin(), maintained.end());
  ASSIGN_OR_RETURN(const auto orgs, ListOrganisations(*view, user));
  for (const std::string& name : orgs) {
    // Who is in an organisation is shown to those who are in it themselves.
    ASSIGN_OR_RETURN(const auto role, caller.RoleIn(name));
    if (!DecideOrg(principal, name, role, OrgAction::kSee).ok()) continue;
    ASSIGN_OR_RETURN(const auto org, ReadOrg(*view, name));
    if (org.record) RETURN_IF_ERROR(AddOfOrganisation(*view, user, *org.record, &names));
  }
  const Principal subject = UserOf(user);
  AccessReader of_subject(*view, subject);
  Levels packages;
  for (const std::string& text : names) {
    ASSIGN_OR_RETURN(const PackageName name, PackageName::Parse(text));
    const auto visible = caller.ReadVisible(name);
    if (visible.code() == Code::kNotFound) continue;
    RETURN_IF_ERROR(visible.status());
    ASSIGN_OR_RETURN(const AccessLevel level, of_subject.LevelFor(name, visible->record));
    Raise(&packages, text, level);
  }
  return InWords(packages);
}

Result<PackageReader::Permissions> PackageReader::PackagesOfScope(const Principal& principal, std::string_view scope) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  const Status unknown = NotFound("There is no organisation \"" + std::string(scope) + "\".");
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto org, ReadOrg(*view, scope));
  if (!org.record) return unknown;
  AccessReader access(*view, principal);
  Levels packages;
  RETURN_IF_ERROR(ScanScope(*view, scope, [&](const PackageName& name, const PackageRecord& record) -> Status {
    ASSIGN_OR_RETURN(const ScopeState state, access.ScopeOf(name));
    if (!MayRead(principal, name, record, state)) return OkStatus();
    const bool may_change = MayChange(principal, name, record, state);
    Raise(&packages, name.full(), may_change ? AccessLevel::kWrite : AccessLevel::kRead);
    return OkStatus();
  }));
  Permissions words = InWords(packages);
  ASSIGN_OR_RETURN(const auto role, access.RoleIn(scope));
  // An organisation that has nothing public does not exist for strangers.
  if (words.empty() && !DecideOrg(principal, scope, role, OrgAction::kSee).ok()) return unknown;
  return words;
}

}  // namespace tarn::registry
