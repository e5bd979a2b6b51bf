#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/json_list.h"
#include "storage/base/logging.h"
#include "storage/registry/change_rules.h"

namespace tarn::http {
namespace {

using registry::PackageName;

Response MapResponse(const Result<std::vector<std::pair<std::string, std::string>>>& map) {
  return map.ok() ? PrivateJsonResponse(200, PermissionMap(*map)) : ErrorResponse(map.status());
}

Response DistTagsUpdated(const Services& services, const Result<registry::WriteAnswer>& answer) {
  if (!answer.ok()) return ErrorResponse(answer.status());
  Response response = PrivateJsonResponse(201, "{\"ok\":\"dist-tags updated\",\"id\":" + JsonString(answer->id) +
                                                   ",\"rev\":" + JsonString(answer->rev) + "}");
  response.AddHeader("tarn-lsn", std::to_string(services.node.applied_lsn().value()));
  return response;
}

Result<bool> IsPublic(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const PackageName name, PackageOf(call));
  return services.registry.IsPublic(call.principal, name);
}

// What `npm access set` wants: to change who reads it, or what is asked of those who publish.
struct AccessRequest {
  std::optional<std::string> access;
  registry::PublishRule rule;
};
Result<AccessRequest> ParseAccessRequest(const Call& call) {
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  AccessRequest request;
  ASSIGN_OR_RETURN(request.access, body.String("access"));
  ASSIGN_OR_RETURN(request.rule.requires_second_factor, body.Bool("publish_requires_tfa"));
  ASSIGN_OR_RETURN(request.rule.automation_bypasses_second_factor, body.Bool("automation_token_overrides_tfa"));
  if (request.access || request.rule.requires_second_factor || request.rule.automation_bypasses_second_factor) {
    return request;
  }
  return InvalidArgument(
      "nothing to set: \"access\" is \"public\" or \"restricted\", \"publish_requires_tfa\" and "
      "\"automation_token_overrides_tfa\" are true or false");
}

Result<registry::WriteAnswer> SetAccess(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const PackageName name, PackageOf(call));
  ASSIGN_OR_RETURN(const AccessRequest request, ParseAccessRequest(call));
  const bool has_rule = request.rule.requires_second_factor || request.rule.automation_bypasses_second_factor;
  if (!request.access) return services.registry.SetPublishRule(call.principal, name, request.rule);
  // Clients send one or the other.
  ASSIGN_OR_RETURN(auto answer, services.registry.SetAccess(call.principal, name, *request.access));
  if (!has_rule) return answer;
  return services.registry.SetPublishRule(call.principal, name, request.rule);
}

// pnpm 11 and later want a list where npm wants a map, and both say format=cli.
bool WantsList(const Call& call) {
  return QueryValue(call.query, "format") == "cli" && call.head.Get(KnownHeader::kUserAgent).starts_with("pnpm/");
}

std::string CollaboratorList(const Services& services, const Call& call,
                             const std::vector<std::pair<std::string, std::string>>& collaborators) {
  return JsonList(collaborators, [&](std::string* out, const auto& collaborator) {
    // The address only for whom the registry shows it to.
    const auto user = services.registry.GetUser(call.principal, collaborator.first);
    *out += "{\"username\":" + JsonString(collaborator.first) +
            ",\"email\":" + JsonString(user.ok() ? user->email : "") +
            ",\"permissions\":" + JsonString(collaborator.second) + "}";
  });
}

}  // namespace

Response HandleGetDistTags(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  return MapResponse(services.registry.GetDistTags(call.principal, *name));
}

Response HandleGetDistTag(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const auto tags = services.registry.GetDistTags(call.principal, *name);
  if (!tags.ok()) return ErrorResponse(tags.status());
  for (const auto& [tag, version] : *tags) {
    if (tag == call.Parameter("tag")) return PrivateJsonResponse(200, JsonString(version));
  }
  return ErrorResponse(404, "dist-tag not found: " + call.Parameter("tag"));
}

Response HandleSetDistTag(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const auto version = JsonBody::ParseString(call.body);
  if (!version.ok()) return ErrorResponse(version.status());
  return DistTagsUpdated(services,
                         services.registry.SetDistTag(call.principal, *name, call.Parameter("tag"), *version));
}

Response HandleRemoveDistTag(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  return DistTagsUpdated(services, services.registry.RemoveDistTag(call.principal, *name, call.Parameter("tag")));
}

Response HandleVisibility(const Services& services, const Call& call) {
  const auto is_public = IsPublic(services, call);
  if (!is_public.ok()) return ErrorResponse(is_public.status());
  return PrivateJsonResponse(200, *is_public ? "{\"public\":true}" : "{\"public\":false}");
}

Response HandleGetAccess(const Services& services, const Call& call) {
  const auto is_public = IsPublic(services, call);
  if (!is_public.ok()) return ErrorResponse(is_public.status());
  return PrivateJsonResponse(200, *is_public ? "{\"access\":\"public\"}" : "{\"access\":\"restricted\"}");
}

Response HandleSetAccess(const Services& services, const Call& call) {
  return WriteResponse(services, SetAccess(services, call));
}

Response HandleCollaborators(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  auto collaborators = services.registry.Collaborators(call.principal, *name);
  if (const auto user = QueryValue(call.query, "user"); user && collaborators.ok()) {
    std::erase_if(*collaborators, [&](const auto& entry) { return entry.first != *user; });
  }
  if (collaborators.ok() && WantsList(call)) {
    return PrivateJsonResponse(200, CollaboratorList(services, call, *collaborators));
  }
  return MapResponse(collaborators);
}

Response HandlePackagesOfScope(const Services& services, const Call& call) {
  std::string_view scope = call.Parameter("scope");
  if (scope.starts_with('@')) scope.remove_prefix(1);
  return MapResponse(services.registry.PackagesOfScope(call.principal, scope));
}

Response HandleOwnPackages(const Services& services, const Call& call) {
  return MapResponse(services.registry.PackagesOfUser(call.principal, call.principal.user));
}

Response HandlePackagesOfUser(const Services& services, const Call& call) {
  return MapResponse(services.registry.PackagesOfUser(call.principal, call.Parameter("user")));
}

}  // namespace tarn::http
