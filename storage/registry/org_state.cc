#include "storage/registry/org_state.h"

#include <algorithm>

#include "storage/engine/keys.h"

namespace tarn::registry {

using engine::ByUserKind;
using engine::Family;

Result<Stored<OrgRecord>> ReadOrg(const engine::ReadView& view, std::string_view org) {
  return ReadRecord<OrgRecord>(view, Family::kOrg, engine::NameKey(org));
}

Result<Stored<TeamRecord>> ReadTeam(const engine::ReadView& view, const OrgRecord& org, std::string_view team) {
  ASSIGN_OR_RETURN(auto stored, ReadRecord<TeamRecord>(view, Family::kOrg, TeamKey(org.name, team)));
  if (stored.record) return stored;
  if (team != kDevelopersTeam) return NotFound("There is no team \"" + TeamId(org.name, team) + "\".");
  TeamRecord& developers = stored.record.emplace();
  developers.org = org.name;
  developers.name = kDevelopersTeam;
  developers.created_ms = org.created_ms;
  for (const auto& [member, role] : org.members) developers.members.push_back(member);
  return stored;
}

Result<Stored<GrantRecord>> ReadGrants(const engine::ReadView& view, std::string_view package) {
  return ReadRecord<GrantRecord>(view, Family::kGrant, engine::NameKey(package));
}

Status ScanTeams(const engine::ReadView& view, std::string_view org,
                 const std::function<bool(Stored<TeamRecord>)>& visit) {
  Status failed;
  RETURN_IF_ERROR(view.ScanPrefix(Family::kOrg, engine::NamePrefix(org), [&](std::string_view, std::string_view value) {
    auto team = Decode<TeamRecord>(value);
    if (!team.ok()) {
      failed = team.status().WithContext("a team of " + std::string(org));
      return false;
    }
    return visit({std::move(team).value(), std::string(value)});
  }));
  return failed;
}

namespace {

Result<std::vector<std::string>> ListItems(const engine::ReadView& view, std::string_view owner, ByUserKind kind) {
  std::vector<std::string> items;
  Status failed;
  RETURN_IF_ERROR(
      view.ScanPrefix(Family::kByUser, engine::ByUserPrefix(owner, kind), [&](std::string_view key, std::string_view) {
        const auto item = engine::ParseByUserItem(key, owner);
        failed = item.status();
        if (item.ok()) items.emplace_back(*item);
        return failed.ok();
      }));
  RETURN_IF_ERROR(failed);
  return items;
}

}  // namespace

Result<std::vector<std::string>> ListGrantedPackages(const engine::ReadView& view, std::string_view team_id) {
  return ListItems(view, team_id, ByUserKind::kGranted);
}

Result<std::vector<std::string>> ListMaintainedPackages(const engine::ReadView& view, std::string_view user) {
  return ListItems(view, user, ByUserKind::kMaintains);
}

Result<std::vector<std::string>> ListOrganisations(const engine::ReadView& view, std::string_view user) {
  return ListItems(view, user, ByUserKind::kMember);
}

Status AppendDeparture(const engine::ReadView& view, const Stored<OrgRecord>& org, std::string_view user,
                       engine::Mutation* mutation) {
  const std::string org_key = engine::NameKey(org.record->name);
  OrgRecord next = *org.record;
  std::erase_if(next.members, [&](const auto& member) { return member.first == user; });
  mutation->preconditions.push_back({Family::kOrg, org_key, org.raw});
  mutation->changes.push_back({Family::kOrg, org_key, Encode(next)});
  return ScanTeams(view, next.name, [&](Stored<TeamRecord> team) {
    if (!team.record->Remove(user)) return true;
    std::string key = TeamKey(team.record->org, team.record->name);
    mutation->preconditions.push_back({Family::kOrg, key, std::move(team.raw)});
    mutation->changes.push_back({Family::kOrg, std::move(key), Encode(*team.record)});
    return true;
  });
}

Status AppendDepartures(const engine::ReadView& view, std::string_view user, engine::Mutation* mutation) {
  ASSIGN_OR_RETURN(const std::vector<std::string> orgs, ListOrganisations(view, user));
  for (const std::string& name : orgs) {
    ASSIGN_OR_RETURN(const Stored<OrgRecord> org, ReadOrg(view, name));
    if (org.record) RETURN_IF_ERROR(AppendDeparture(view, org, user, mutation));
  }
  return OkStatus();
}

}  // namespace tarn::registry
