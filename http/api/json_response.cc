#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "storage/base/logging.h"

namespace tarn::http {

Result<registry::PackageName> PackageOf(const Call& call) {
  auto name = registry::PackageName::Parse(call.package);
  if (!name.ok()) return NotFound("Not found");
  return name;
}

Response JsonResponse(uint16_t http_status, std::string body) {
  Response response;
  response.set_status(http_status);
  response.AddHeader("content-type", "application/json");
  response.SetBody(std::move(body));
  return response;
}

Response PrivateJsonResponse(uint16_t http_status, std::string body) {
  Response response = JsonResponse(http_status, std::move(body));
  response.AddHeader("cache-control", "no-store");
  return response;
}

void AddLsn(const Services& services, Response* response) {
  response->AddHeader("tarn-lsn", std::to_string(services.node.applied_lsn().value()));
}

Response WriteResponse(const Services& services, const Result<registry::WriteAnswer>& answer) {
  if (!answer.ok()) return ErrorResponse(answer.status());
  Response response = PrivateJsonResponse(
      answer->created ? 201 : 200,
      "{\"ok\":true,\"success\":true,\"id\":" + JsonString(answer->id) + ",\"rev\":" + JsonString(answer->rev) + "}");
  AddLsn(services, &response);
  return response;
}

std::string PermissionMap(const std::vector<std::pair<std::string, std::string>>& permissions) {
  std::string out = "{";
  for (const auto& [key, value] : permissions) {
    if (out.size() > 1) out += ',';
    AppendJsonString(&out, key);
    out += ':';
    AppendJsonString(&out, value);
  }
  return out + "}";
}

}  // namespace tarn::http
