#include "storage/registry/organisations.h"

#include <algorithm>

#include "storage/base/org_limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/org_state.h"

namespace tarn::registry {
namespace {

using engine::Family;
using engine::Mutation;

struct Done {};

std::optional<OrgRole> RoleOf(const OrgRecord& org, std::string_view user) {
  for (const auto& [member, role] : org.members) {
    if (member == user) return role;
  }
  return std::nullopt;
}

Status CheckKeepsOwner(const OrgRecord& org, std::string_view leaving) {
  const bool has_other = std::any_of(org.members.begin(), org.members.end(), [&](const auto& member) {
    return member.second == OrgRole::kOwner && member.first != leaving;
  });
  if (has_other) return OkStatus();
  return FailedPrecondition("\"" + std::string(leaving) + "\" is the only owner of the organisation \"" + org.name +
                            "\". Make somebody else an owner first.");
}

void SetRole(std::string_view user, OrgRole role, OrgRecord* org) {
  const auto place = std::lower_bound(org->members.begin(), org->members.end(), user,
                                      [](const auto& member, std::string_view name) { return member.first < name; });
  if (place != org->members.end() && place->first == user) {
    place->second = role;
  } else {
    org->members.emplace(place, user, role);
  }
}

Result<Stored<UserRecord>> ReadKnownUser(const engine::ReadView& view, std::string_view user) {
  ASSIGN_OR_RETURN(auto stored, ReadUser(view, user));
  if (stored.record && !stored.record->is_removed()) return stored;
  return NotFound("There is no user \"" + std::string(user) + "\".");
}

}  // namespace

Result<Stored<OrgRecord>> Organisations::Enter(const ReadView& view, const Principal& principal, std::string_view org,
                                               OrgAction action) {
  ASSIGN_OR_RETURN(auto stored, ReadOrg(view, org));
  std::optional<OrgRole> role;
  if (stored.record && principal.kind == Principal::Kind::kUser) role = RoleOf(*stored.record, principal.user);
  RETURN_IF_ERROR(DecideOrg(principal, org, role, action));
  if (!stored.record) return NotFound(std::string(kNotFoundText));
  return stored;
}

Status Organisations::CheckSecondFactor(const Principal& principal, const PackageRecord* package) {
  return second_factors_->Check(principal, SecondFactorAct::kWrite, package);
}

Status Organisations::Commit(const Principal& principal, std::string_view package, const Plan& plan) {
  return CommitWithRetries<Done>(
             store_,
             [&](const ReadView& view) -> Result<PlannedWrite<Done>> {
               ASSIGN_OR_RETURN(std::optional<Mutation> mutation, plan(view));
               if (!mutation) return PlannedWrite<Done>{std::nullopt, {}};
               mutation->event = {.kind = package.empty() ? engine::EventKind::kPutOrg : engine::EventKind::kSetAccess,
                                  .package = std::string(package),
                                  .version = {},
                                  .actor = principal.user,
                                  .idempotency_key = {}};
               return PlannedWrite<Done>{std::move(mutation), {}};
             })
      .status();
}

Result<Organisations::Members> Organisations::ListMembers(const Principal& principal, std::string_view org) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto stored, Enter(*view, principal, org, OrgAction::kSee));
  return stored.record->members;
}

Result<std::optional<Mutation>> Organisations::PlanFounding(const ReadView& view, const Principal& principal,
                                                            std::optional<OrgRole> role, Member* member) {
  ASSIGN_OR_RETURN(const PackageName example, PackageName::ParseNew("@" + member->org + "/example"));
  const std::string key = engine::NameKey(example.scope());
  ASSIGN_OR_RETURN(const auto account, view.Get(Family::kUser, key));
  if (account) {
    return AlreadyExists("\"" + member->org +
                         "\" is the name of a user, whose scope it is: no organisation can have it.");
  }
  if (role.value_or(OrgRole::kOwner) != OrgRole::kOwner) {
    return InvalidArgument("There is no organisation \"" + member->org +
                           "\" yet. Its first member founds it, and must be its owner.");
  }
  RETURN_IF_ERROR(CheckSecondFactor(principal));
  ASSIGN_OR_RETURN(const auto user, ReadKnownUser(view, member->user));
  member->role = OrgRole::kOwner;
  member->org_size = 1;
  Mutation mutation;
  mutation.preconditions.push_back({Family::kOrg, key, std::nullopt});
  mutation.preconditions.push_back({Family::kUser, key, std::nullopt});
  mutation.preconditions.push_back({Family::kUser, engine::NameKey(member->user), user.raw});
  mutation.changes.push_back(
      {Family::kOrg, key, Encode(OrgRecord{member->org, clock_->NowMs(), {{member->user, OrgRole::kOwner}}})});
  return std::optional<Mutation>(std::move(mutation));
}

Result<std::optional<Mutation>> Organisations::PlanMember(const ReadView& view, const Principal& principal,
                                                          std::optional<OrgRole> role, Member* member) {
  const auto entered = Enter(view, principal, member->org, OrgAction::kManage);
  if (entered.code() == Code::kNotFound && principal.is_admin) return PlanFounding(view, principal, role, member);
  RETURN_IF_ERROR(entered.status());
  const Stored<OrgRecord>& org = *entered;
  const std::optional<OrgRole> current = RoleOf(*org.record, member->user);
  member->role = role.value_or(current.value_or(OrgRole::kDeveloper));
  member->org_size = org.record->members.size() + (current ? 0 : 1);
  if (member->role == OrgRole::kOwner || current == OrgRole::kOwner) {
    RETURN_IF_ERROR(Enter(view, principal, member->org, OrgAction::kManageOwners).status());
  }
  RETURN_IF_ERROR(CheckSecondFactor(principal));
  ASSIGN_OR_RETURN(const auto user, ReadKnownUser(view, member->user));
  if (current == member->role) return std::optional<Mutation>();
  if (current == OrgRole::kOwner) RETURN_IF_ERROR(CheckKeepsOwner(*org.record, member->user));
  if (member->org_size > limits::kOrgMembersMax) {
    return TooLarge("an organisation has at most " + std::to_string(limits::kOrgMembersMax) + " members");
  }
  OrgRecord next = *org.record;
  SetRole(member->user, member->role, &next);
  const std::string org_key = engine::NameKey(next.name);
  Mutation mutation;
  mutation.preconditions.push_back({Family::kOrg, org_key, org.raw});
  mutation.preconditions.push_back({Family::kUser, engine::NameKey(member->user), user.raw});
  mutation.changes.push_back({Family::kOrg, org_key, Encode(next)});
  if (current) return std::optional<Mutation>(std::move(mutation));
  // Who joins is a developer. While that team has no record, its members are those of the organisation.
  ASSIGN_OR_RETURN(auto developers, ReadTeam(view, *org.record, kDevelopersTeam));
  const std::string team_key = TeamKey(next.name, kDevelopersTeam);
  mutation.preconditions.push_back({Family::kOrg, team_key, developers.raw});
  if (developers.raw && developers.record->Add(member->user)) {
    mutation.changes.push_back({Family::kOrg, team_key, Encode(*developers.record)});
  }
  return std::optional<Mutation>(std::move(mutation));
}

Result<Organisations::Member> Organisations::SetMember(const Principal& principal, std::string_view org,
                                                       std::string_view user, std::optional<OrgRole> role) {
  Member member{std::string(org), std::string(user), OrgRole::kDeveloper, 0};
  RETURN_IF_ERROR(
      Commit(principal, "", [&](const ReadView& view) { return PlanMember(view, principal, role, &member); }));
  return member;
}

Status Organisations::RemoveMember(const Principal& principal, std::string_view org, std::string_view user) {
  return Commit(principal, "", [&](const ReadView& view) -> Result<std::optional<Mutation>> {
    ASSIGN_OR_RETURN(const auto stored, Enter(view, principal, org, OrgAction::kLeave));
    const std::optional<OrgRole> role = RoleOf(*stored.record, user);
    const bool leaves = principal.kind == Principal::Kind::kUser && principal.user == user;
    if (!leaves) {
      const OrgAction action = role == OrgRole::kOwner ? OrgAction::kManageOwners : OrgAction::kManage;
      RETURN_IF_ERROR(Enter(view, principal, org, action).status());
    }
    RETURN_IF_ERROR(CheckSecondFactor(principal));
    if (!role) {
      return NotFound("\"" + std::string(user) + "\" is not in the organisation \"" + std::string(org) + "\".");
    }
    if (role == OrgRole::kOwner) RETURN_IF_ERROR(CheckKeepsOwner(*stored.record, user));
    Mutation mutation;
    RETURN_IF_ERROR(AppendDeparture(view, stored, user, &mutation));
    return std::optional<Mutation>(std::move(mutation));
  });
}

}  // namespace tarn::registry
