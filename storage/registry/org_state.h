#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/org_records.h"
#include "storage/registry/package_state.h"
#include "storage/registry/records.h"

// Typed reads of organisations, teams and grants in one state of the store; as package_state.h.
namespace tarn::registry {

Result<Stored<OrgRecord>> ReadOrg(const engine::ReadView& view, std::string_view org);
// `developers` also without a record: then `raw` is empty. kNotFound.
Result<Stored<TeamRecord>> ReadTeam(const engine::ReadView& view, const OrgRecord& org, std::string_view team);
Result<Stored<GrantRecord>> ReadGrants(const engine::ReadView& view, std::string_view package);
// Those with a record, by name, until `visit` returns false.
Status ScanTeams(const engine::ReadView& view, std::string_view org,
                 const std::function<bool(Stored<TeamRecord>)>& visit);
// The packages that a team is granted, by name.
Result<std::vector<std::string>> ListGrantedPackages(const engine::ReadView& view, std::string_view team_id);
// The packages that a user maintains, by name.
Result<std::vector<std::string>> ListMaintainedPackages(const engine::ReadView& view, std::string_view user);
// The organisations that a user is in, by name.
Result<std::vector<std::string>> ListOrganisations(const engine::ReadView& view, std::string_view user);

// Takes `user` out of the organisation and all its teams.
Status AppendDeparture(const engine::ReadView& view, const Stored<OrgRecord>& org, std::string_view user,
                       engine::Mutation* mutation);
// Out of all organisations, even as the last owner: an administrator can name another.
Status AppendDepartures(const engine::ReadView& view, std::string_view user, engine::Mutation* mutation);

}  // namespace tarn::registry
