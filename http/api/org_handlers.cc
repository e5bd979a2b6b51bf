#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/json_list.h"
#include "storage/base/logging.h"
#include "storage/registry/organisations.h"

// Organisations, teams and grants (contract 10). `npm` asks for lists with format=cli and wants plain names, pnpm asks
// without and wants objects.
namespace tarn::http {
namespace {

using registry::OrgRole;
using registry::PackageName;
using registry::TeamPermission;

// "corp" of {scope}, which may come as "@corp".
std::string_view OrgOf(const Call& call) {
  std::string_view org = call.Parameter("scope");
  if (org.starts_with('@')) org.remove_prefix(1);
  return org;
}

std::string_view RoleName(OrgRole role) {
  switch (role) {
    case OrgRole::kOwner: return "owner";
    case OrgRole::kAdmin: return "admin";
    case OrgRole::kDeveloper: break;
  }
  return "developer";
}

Result<std::optional<OrgRole>> ParseRole(const std::optional<std::string>& name) {
  if (!name) return std::optional<OrgRole>();
  for (const OrgRole role : {OrgRole::kOwner, OrgRole::kAdmin, OrgRole::kDeveloper}) {
    if (*name == RoleName(role)) return std::optional<OrgRole>(role);
  }
  return InvalidArgument("\"role\" must be owner, admin or developer");
}

Result<TeamPermission> ParsePermission(const JsonBody& body) {
  ASSIGN_OR_RETURN(const auto name, body.String("permissions"));
  if (name == "read-only" || name == "read") return TeamPermission::kRead;
  if (name == "read-write" || name == "write") return TeamPermission::kWrite;
  return InvalidArgument("\"permissions\" must be read-only or read-write");
}

// A text that must be there. `what` says what it is.
Result<std::string> Needed(const JsonBody& body, const char* field, const char* what) {
  ASSIGN_OR_RETURN(auto text, body.String(field));
  if (!text || text->empty()) return InvalidArgument("\"" + std::string(field) + "\" is needed: " + what);
  return *std::move(text);
}

// The user that a body names; npm takes "@alice" and "~alice" off itself, others do not.
Result<std::string> UserIn(const Call& call) {
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(std::string user, Needed(body, "user", "whom this is about"));
  if (user.front() == '@' || user.front() == '~') user.erase(0, 1);
  return user;
}

Result<PackageName> PackageIn(const JsonBody& body) {
  ASSIGN_OR_RETURN(const std::string text, Needed(body, "package", "which package this is about"));
  const auto name = PackageName::Parse(text);
  if (!name.ok()) return NotFound("Not found");
  return *name;
}

// npm up to 6 parses the body of whatever it asks here, of a DELETE too.
Response Created(const Services& services, const Status& status, std::string body = "{}") {
  if (!status.ok()) return ErrorResponse(status);
  Response response = PrivateJsonResponse(201, std::move(body));
  AddLsn(services, &response);
  return response;
}

Response Gone(const Services& services, const Status& status) {
  if (!status.ok()) return ErrorResponse(status);
  Response response = PrivateJsonResponse(200, "{}");
  AddLsn(services, &response);
  return response;
}

// `prefix` stands before the names that npm is shown, as in "corp:developers".
Response Names(const Call& call, const Result<std::vector<std::string>>& names, const std::string& prefix) {
  if (!names.ok()) return ErrorResponse(names.status());
  const bool is_plain = QueryValue(call.query, "format") == "cli";
  return PrivateJsonResponse(200, JsonList(*names, [&](std::string* out, const std::string& name) {
                               *out += is_plain ? JsonString(prefix + name) : "{\"name\":" + JsonString(name) + "}";
                             }));
}

}  // namespace

Response HandleOrgMembers(const Services& services, const Call& call) {
  const auto members = services.registry.organisations().ListMembers(call.principal, OrgOf(call));
  if (!members.ok()) return ErrorResponse(members.status());
  std::vector<std::pair<std::string, std::string>> roles;
  for (const auto& [user, role] : *members) roles.emplace_back(user, RoleName(role));
  return PrivateJsonResponse(200, PermissionMap(roles));
}

Response HandleSetOrgMember(const Services& services, const Call& call) {
  const auto user = UserIn(call);
  if (!user.ok()) return ErrorResponse(user.status());
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  const auto role_name = body->String("role");
  if (!role_name.ok()) return ErrorResponse(role_name.status());
  const auto role = ParseRole(*role_name);
  if (!role.ok()) return ErrorResponse(role.status());
  const auto member = services.registry.organisations().SetMember(call.principal, OrgOf(call), *user, *role);
  if (!member.ok()) return ErrorResponse(member.status());
  return Created(services, OkStatus(),
                 "{\"org\":{\"name\":" + JsonString(member->org) + ",\"size\":" + std::to_string(member->org_size) +
                     "},\"user\":" + JsonString(member->user) + ",\"role\":" + JsonString(RoleName(member->role)) +
                     "}");
}

Response HandleRemoveOrgMember(const Services& services, const Call& call) {
  const auto user = UserIn(call);
  if (!user.ok()) return ErrorResponse(user.status());
  return Gone(services, services.registry.organisations().RemoveMember(call.principal, OrgOf(call), *user));
}

Response HandleTeams(const Services& services, const Call& call) {
  return Names(call, services.registry.organisations().ListTeams(call.principal, OrgOf(call)),
               std::string(OrgOf(call)) + ":");
}

Response HandleCreateTeam(const Services& services, const Call& call) {
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  // yarn 1 calls it "team".
  const auto name = Needed(*body, body->Has("team") ? "team" : "name", "what the team is called");
  if (!name.ok()) return ErrorResponse(name.status());
  const auto description = body->String("description");
  if (!description.ok()) return ErrorResponse(description.status());
  return Created(
      services,
      services.registry.organisations().CreateTeam(call.principal, OrgOf(call), *name, description->value_or("")),
      "{\"name\":" + JsonString(*name) + "}");
}

Response HandleDestroyTeam(const Services& services, const Call& call) {
  return Gone(services,
              services.registry.organisations().DestroyTeam(call.principal, OrgOf(call), call.Parameter("team")));
}

Response HandleTeamMembers(const Services& services, const Call& call) {
  return Names(
      call, services.registry.organisations().ListTeamMembers(call.principal, OrgOf(call), call.Parameter("team")), "");
}

Response HandleAddToTeam(const Services& services, const Call& call) {
  const auto user = UserIn(call);
  if (!user.ok()) return ErrorResponse(user.status());
  return Created(services, services.registry.organisations().AddToTeam(call.principal, OrgOf(call),
                                                                       call.Parameter("team"), *user));
}

Response HandleRemoveFromTeam(const Services& services, const Call& call) {
  const auto user = UserIn(call);
  if (!user.ok()) return ErrorResponse(user.status());
  return Gone(services, services.registry.organisations().RemoveFromTeam(call.principal, OrgOf(call),
                                                                         call.Parameter("team"), *user));
}

Response HandleTeamPackages(const Services& services, const Call& call) {
  const auto grants = services.registry.organisations().ListGrants(call.principal, OrgOf(call), call.Parameter("team"));
  if (!grants.ok()) return ErrorResponse(grants.status());
  std::vector<std::pair<std::string, std::string>> permissions;
  for (const auto& [package, permission] : *grants) {
    permissions.emplace_back(package, permission == TeamPermission::kWrite ? "write" : "read");
  }
  return PrivateJsonResponse(200, PermissionMap(permissions));
}

Response HandleGrant(const Services& services, const Call& call) {
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  const auto package = PackageIn(*body);
  if (!package.ok()) return ErrorResponse(package.status());
  const auto permission = ParsePermission(*body);
  if (!permission.ok()) return ErrorResponse(permission.status());
  return Created(services, services.registry.organisations().Grant(call.principal, OrgOf(call), call.Parameter("team"),
                                                                   *package, *permission));
}

Response HandleRevoke(const Services& services, const Call& call) {
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  const auto package = PackageIn(*body);
  if (!package.ok()) return ErrorResponse(package.status());
  return Gone(services,
              services.registry.organisations().Revoke(call.principal, OrgOf(call), call.Parameter("team"), *package));
}

}  // namespace tarn::http
