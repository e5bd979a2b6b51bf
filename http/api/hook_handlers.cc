// Webhooks: users' own over the wire (contract 12.5), all of them at the operator's socket.
#include <algorithm>
#include <charconv>

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "storage/base/logging.h"
#include "storage/registry/hooks.h"

namespace tarn::http {
namespace {

using registry::HookInfo;
using registry::HookStatus;
using registry::HookType;

constexpr size_t kListedDefault = 100;

std::string_view StatusName(HookStatus status) {
  switch (status) {
    case HookStatus::kActive: return "active";
    case HookStatus::kFailing: return "failing";
    case HookStatus::kSuspended: return "suspended";
  }
  return "";
}

std::string TimeOrNull(uint64_t time_ms) { return time_ms == 0 ? "null" : JsonString(FormatIsoTime(time_ms)); }

// The hook as npm prints it, and what is ours: where it is and why it fails. Never the secret.
std::string FormatHook(const HookInfo& hook, bool is_deleted = false) {
  const registry::HookRecord& record = hook.record;
  const registry::HookDeliveryRecord& delivery = hook.delivery;
  std::string out = "{\"id\":" + JsonString(hook.id) + ",\"username\":" + JsonString(record.user);
  out += ",\"name\":" + JsonString(record.name) + ",\"type\":" + JsonString(HookTypeName(record.type));
  out += ",\"endpoint\":" + JsonString(record.endpoint) + ",\"created\":" + TimeOrNull(record.created_ms);
  out += ",\"updated\":" + TimeOrNull(record.updated_ms);
  out += std::string(",\"deleted\":") + (is_deleted ? "true" : "false");
  out += std::string(",\"delivered\":") + (delivery.last_delivery_ms != 0 ? "true" : "false");
  out += ",\"last_delivery\":" + TimeOrNull(delivery.last_delivery_ms);
  out += ",\"response_code\":" + (delivery.response_code == 0 ? "null" : std::to_string(delivery.response_code));
  out += ",\"status\":" + JsonString(StatusName(hook.status));
  out += ",\"deliveries\":" + std::to_string(delivery.delivered_count);
  out += ",\"failing_since\":" + TimeOrNull(delivery.failing_since_ms);
  out += ",\"last_error\":" + (delivery.last_error.empty() ? "null" : JsonString(delivery.last_error));
  out += ",\"position\":" + std::to_string(delivery.position_lsn) + ",\"lag\":" + std::to_string(hook.lag_lsn);
  return out + "}";
}

Response HookResponse(uint16_t http_status, const Result<HookInfo>& hook, bool is_deleted = false) {
  return hook.ok() ? PrivateJsonResponse(http_status, FormatHook(*hook, is_deleted)) : ErrorResponse(hook.status());
}

Result<std::string> Needed(const JsonBody& body, std::string_view key) {
  ASSIGN_OR_RETURN(auto text, body.String(key));
  if (!text) return InvalidArgument("\"" + std::string(key) + "\" is missing");
  return std::move(*text);
}

Result<registry::HookSpec> ParseSpec(const std::string& text) {
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(text));
  registry::HookSpec spec;
  ASSIGN_OR_RETURN(const std::string type, Needed(body, "type"));
  if (type == "package")
    spec.type = HookType::kPackage;
  else if (type == "scope")
    spec.type = HookType::kScope;
  else if (type == "owner")
    spec.type = HookType::kOwner;
  else
    return InvalidArgument("\"type\" must be package, scope or owner");
  ASSIGN_OR_RETURN(spec.name, Needed(body, "name"));
  ASSIGN_OR_RETURN(spec.endpoint, Needed(body, "endpoint"));
  ASSIGN_OR_RETURN(spec.secret, Needed(body, "secret"));
  return spec;
}

size_t NumberOf(const Call& call, std::string_view key, size_t otherwise, size_t most) {
  const auto text = QueryValue(call.query, key);
  if (!text) return otherwise;
  size_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  return error != std::errc() || end != text->data() + text->size() ? otherwise : std::min(number, most);
}

Response ListResponse(const Result<std::vector<HookInfo>>& hooks) {
  if (!hooks.ok()) return ErrorResponse(hooks.status());
  std::string body = "{\"objects\":[";
  for (size_t i = 0; i < hooks->size(); ++i) body += (i > 0 ? "," : "") + FormatHook((*hooks)[i]);
  return PrivateJsonResponse(200, body + "],\"total\":" + std::to_string(hooks->size()) + ",\"urls\":{}}");
}

}  // namespace

Response HandleCreateHook(const Services& services, const Call& call) {
  const Status allowed = services.registry.CheckMayChangeAccount(call.principal);
  if (!allowed.ok()) return ErrorResponse(allowed);
  const auto spec = ParseSpec(call.body);
  if (!spec.ok()) return ErrorResponse(spec.status());
  const auto hook = services.hooks->Create(call.principal, *spec);
  return hook.code() == Code::kResourceExhausted ? ErrorResponse(403, hook.status().message())
                                                 : HookResponse(201, hook);
}

Response HandleListHooks(const Services& services, const Call& call) {
  registry::HookQuery query;
  query.name = QueryValue(call.query, "package").value_or("");
  query.limit = NumberOf(call, "limit", kListedDefault, limits::kHooksPageMax);
  query.offset = NumberOf(call, "offset", 0, limits::kHooksMax);
  return ListResponse(services.hooks->List(call.principal, query));
}

Response HandleGetHook(const Services& services, const Call& call) {
  return HookResponse(200, services.hooks->Get(call.principal, call.Parameter("id")));
}

Response HandleUpdateHook(const Services& services, const Call& call) {
  const Status allowed = services.registry.CheckMayChangeAccount(call.principal);
  if (!allowed.ok()) return ErrorResponse(allowed);
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  const auto endpoint = Needed(*body, "endpoint");
  if (!endpoint.ok()) return ErrorResponse(endpoint.status());
  const auto secret = body->String("secret");
  if (!secret.ok()) return ErrorResponse(secret.status());
  return HookResponse(200, services.hooks->Update(call.principal, call.Parameter("id"), *endpoint, *secret));
}

Response HandleRemoveHook(const Services& services, const Call& call) {
  const Status allowed = services.registry.CheckMayChangeAccount(call.principal);
  if (!allowed.ok()) return ErrorResponse(allowed);
  return HookResponse(200, services.hooks->Remove(call.principal, call.Parameter("id")), true);
}

Response HandleOperatorListHooks(const Services& services, const Call& call) {
  registry::HookQuery query;
  query.offset = NumberOf(call, "offset", 0, limits::kHooksMax);
  return ListResponse(services.hooks->List(call.principal, query));
}

Response HandleOperatorReplayHook(const Services& services, const Call& call) {
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  const auto from = body->Number("from");
  if (!from.ok()) return ErrorResponse(from.status());
  if (!*from) return ErrorResponse(400, "\"from\" is missing: the LSN to replay from");
  return HookResponse(200, services.hooks->Replay(call.principal, call.Parameter("id"), Lsn(**from)));
}

}  // namespace tarn::http
