#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/org_records.h"
#include "storage/registry/package_access.h"
#include "storage/registry/package_name.h"
#include "storage/registry/package_state.h"
#include "storage/registry/records.h"
#include "storage/registry/second_factors.h"

namespace tarn::registry {

// Organisations: their members, their teams, and what teams are granted (contract 10). Who may do what: package_access.h.
//
// An organisation begins with the first publish into a scope that nobody had, or when an administrator names an owner.
// Every member is in the team `developers` from the beginning, and may be taken off it. An organisation keeps an owner.
// Everything here counts for the next request of everybody: what is decided is read, not remembered.
// Errors, beside those of Registry: kNotFound for whoever is not in the organisation, as if there were none.
// kFailedPrecondition: it would be without an owner, or without its developers.
// Threads: any. Blocks on disk, and changes on a commit.
class Organisations {
 public:
  Organisations(engine::Store* store, SecondFactors* second_factors, Clock* clock)
      : store_(store), second_factors_(second_factors), clock_(clock) {}

  // --- members ---
  using Members = std::vector<std::pair<std::string, OrgRole>>;  // Sorted by user.
  Result<Members> ListMembers(const Principal& principal, std::string_view org);
  struct Member {
    std::string org, user;
    OrgRole role;
    size_t org_size = 0;
  };
  //   role  nullopt: as before, or developer.
  Result<Member> SetMember(const Principal& principal, std::string_view org, std::string_view user,
                           std::optional<OrgRole> role);
  // From all teams too. Members may leave by themselves.
  Status RemoveMember(const Principal& principal, std::string_view org, std::string_view user);

  // --- teams ---
  Result<std::vector<std::string>> ListTeams(const Principal& principal, std::string_view org);
  Status CreateTeam(const Principal& principal, std::string_view org, std::string_view team,
                    std::string_view description);
  // With its grants.
  Status DestroyTeam(const Principal& principal, std::string_view org, std::string_view team);
  Result<std::vector<std::string>> ListTeamMembers(const Principal& principal, std::string_view org,
                                                   std::string_view team);
  Status AddToTeam(const Principal& principal, std::string_view org, std::string_view team, std::string_view user);
  Status RemoveFromTeam(const Principal& principal, std::string_view org, std::string_view team, std::string_view user);

  // --- grants ---
  // Package to permission, of those that the caller may read.
  using Grants = std::vector<std::pair<std::string, TeamPermission>>;
  Result<Grants> ListGrants(const Principal& principal, std::string_view org, std::string_view team);
  // For who manages both the organisation and the package.
  Status Grant(const Principal& principal, std::string_view org, std::string_view team, const PackageName& package,
               TeamPermission permission);
  // For who manages one of them, and sees the package.
  Status Revoke(const Principal& principal, std::string_view org, std::string_view team, const PackageName& package);

 private:
  using ReadView = engine::ReadView;
  using Mutation = engine::Mutation;

  // The organisation, if the caller may do `action` with it.
  Result<Stored<OrgRecord>> Enter(const ReadView& view, const Principal& principal, std::string_view org,
                                  OrgAction action);
  // Plans and commits. Empty: there is nothing to change. The mutation gets its event here.
  //   package  whose access changes; empty: an organisation changes.
  using Plan = std::function<Result<std::optional<Mutation>>(const ReadView&)>;
  Status Commit(const Principal& principal, std::string_view package, const Plan& plan);
  // After the right is known to be there.
  Status CheckSecondFactor(const Principal& principal, const PackageRecord* package = nullptr);

  Result<std::optional<Mutation>> PlanMember(const ReadView& view, const Principal& principal,
                                             std::optional<OrgRole> role, Member* member);
  Result<std::optional<Mutation>> PlanFounding(const ReadView& view, const Principal& principal,
                                               std::optional<OrgRole> role, Member* member);
  using EditTeam = std::function<Result<bool>(const OrgRecord& org, TeamRecord* team)>;
  Status ChangeTeam(const Principal& principal, std::string_view org, std::string_view team, const EditTeam& edit);
  Result<std::optional<Mutation>> PlanGrant(const ReadView& view, const Principal& principal, std::string_view org,
                                            std::string_view team, const PackageName& name, TeamPermission permission);
  Result<std::optional<Mutation>> PlanRevoke(const ReadView& view, const Principal& principal, std::string_view org,
                                             std::string_view team, const PackageName& name);

  engine::Store* const store_;
  SecondFactors* const second_factors_;
  Clock* const clock_;
};

}  // namespace tarn::registry
