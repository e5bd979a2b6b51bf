#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "storage/base/logging.h"

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

// What `npm access set` wants. "mfa=none" is how every package here is, so it keeps the access as it is; whether the caller
// may set it at all is still asked.
Result<std::string> WantedAccess(const Services& services, const Call& call, const JsonBody& body) {
  ASSIGN_OR_RETURN(const auto access, body.String("access"));
  if (access) return *access;
  ASSIGN_OR_RETURN(const auto second_factor, body.Bool("publish_requires_tfa"));
  if (!second_factor || *second_factor) {
    return InvalidArgument(
        "only \"access\": \"public\" or \"restricted\" can be set; publishing with a second factor "
        "is not offered by this registry");
  }
  ASSIGN_OR_RETURN(const bool is_public, IsPublic(services, call));
  return std::string(is_public ? "public" : "restricted");
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
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  const auto access = WantedAccess(services, call, *body);
  if (!access.ok()) return ErrorResponse(access.status());
  return WriteResponse(services, services.registry.SetAccess(call.principal, *name, *access));
}

Response HandleCollaborators(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  auto collaborators = services.registry.Collaborators(call.principal, *name);
  if (const auto user = QueryValue(call.query, "user"); user && collaborators.ok()) {
    std::erase_if(*collaborators, [&](const auto& entry) { return entry.first != *user; });
  }
  return MapResponse(collaborators);
}

Response HandlePackagesOfScope(const Services& services, const Call& call) {
  std::string_view scope = call.Parameter("scope");
  if (scope.starts_with('@')) scope.remove_prefix(1);
  return MapResponse(services.registry.PackagesOfScope(call.principal, scope));
}

Response HandlePackagesOfUser(const Services& services, const Call& call) {
  return MapResponse(services.registry.PackagesOfUser(call.principal, call.Parameter("user")));
}

}  // namespace tarn::http
