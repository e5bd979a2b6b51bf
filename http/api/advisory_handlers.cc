#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "storage/base/logging.h"
#include "storage/registry/json_text.h"

namespace tarn::http {
namespace {

// The documents of an import: {"documents":[{…},…]}, as they were written.
Result<std::vector<std::string_view>> DocumentsOf(std::string_view body) {
  ASSIGN_OR_RETURN(const auto members, registry::ParseJsonObject(body));
  for (const registry::JsonMember& member : members) {
    if (member.key == "documents") return registry::SplitJsonArray(member.raw_value);
  }
  return InvalidArgument("\"documents\" is needed");
}

std::string ListingJson(const registry::AdvisoryListing& advisory) {
  std::string packages = "[";
  for (const std::string& name : advisory.packages) packages += (packages.size() > 1 ? "," : "") + JsonString(name);
  return "{\"id\":" + JsonString(advisory.id) +
         ",\"severity\":" + JsonString(registry::SeverityName(advisory.severity)) +
         ",\"title\":" + JsonString(advisory.title) + ",\"packages\":" + packages +
         "],\"modified\":" + JsonString(FormatIsoTime(advisory.modified_ms)) + "}";
}

Status Remove(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(const auto ids, body.Strings("ids"));
  if (!ids || ids->empty()) return InvalidArgument("\"ids\" is needed");
  return services.registry.RemoveAdvisories(call.principal, *ids);
}

}  // namespace

Response HandleOperatorImportAdvisories(const Services& services, const Call& call) {
  const auto documents = DocumentsOf(call.body);
  if (!documents.ok()) return ErrorResponse(documents.status());
  const auto import = services.registry.ImportAdvisories(call.principal, *documents);
  if (!import.ok()) return ErrorResponse(import.status());
  std::string body = "{\"imported\":" + std::to_string(import->imported) +
                     ",\"unchanged\":" + std::to_string(import->unchanged) +
                     ",\"withdrawn\":" + std::to_string(import->withdrawn) +
                     ",\"irrelevant\":" + std::to_string(import->irrelevant) + ",\"failures\":[";
  for (size_t i = 0; i < import->failures.size(); ++i) {
    const auto& [index, reason] = import->failures[i];
    body += (i > 0 ? ",{" : "{") + ("\"index\":" + std::to_string(index)) + ",\"reason\":" + JsonString(reason) + "}";
  }
  return PrivateJsonResponse(200, body + "]}");
}

Response HandleOperatorListAdvisories(const Services& services, const Call& call) {
  const auto page = services.registry.ListAdvisories(call.principal, QueryValue(call.query, "package").value_or(""),
                                                     QueryValue(call.query, "after").value_or(""));
  if (!page.ok()) return ErrorResponse(page.status());
  std::string body = "{\"total\":" + std::to_string(page->total) + ",\"next\":" + JsonString(page->next);
  body += ",\"advisories\":[";
  for (size_t i = 0; i < page->advisories.size(); ++i) body += (i > 0 ? "," : "") + ListingJson(page->advisories[i]);
  return PrivateJsonResponse(200, body + "]}");
}

Response HandleOperatorRemoveAdvisories(const Services& services, const Call& call) {
  const Status removed = Remove(services, call);
  return removed.ok() ? PrivateJsonResponse(200, "{\"ok\":true}") : ErrorResponse(removed);
}

}  // namespace tarn::http
