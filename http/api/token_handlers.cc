#include <charconv>

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/token_json.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

constexpr uint64_t kDayMs = uint64_t{24} * 3600 * 1000;
constexpr uint64_t kExpiryDaysMax = 36'500;

// `expires`: a number of days (npm's client) or an ISO time (the published API).
Result<std::optional<uint64_t>> ParseExpiry(const JsonBody& body, uint64_t now_ms) {
  if (!body.Has("expires")) return std::optional<uint64_t>();
  const auto days = body.Number("expires");
  if (days.ok()) {
    if (**days == 0 || **days > kExpiryDaysMax) return InvalidArgument("\"expires\" must be 1 to 36500 days");
    return std::optional<uint64_t>(now_ms + **days * kDayMs);
  }
  const auto text = body.String("expires");
  const auto time_ms = text.ok() ? ParseIsoTime(**text) : Result<uint64_t>(text.status());
  if (!time_ms.ok()) {
    return InvalidArgument("\"expires\" must be a number of days or a time such as 2030-01-31T00:00:00.000Z");
  }
  if (*time_ms <= now_ms) return InvalidArgument("\"expires\" is in the past");
  return std::optional<uint64_t>(*time_ms);
}

// Scopes, packages and organisations of granular tokens are not enforced here, so a token that asks for them is refused
// rather than made wider than asked.
Status RefuseRestrictions(const JsonBody& body) {
  for (const char* field : {"packages", "scopes", "orgs"}) {
    ASSIGN_OR_RETURN(const auto list, body.Strings(field));
    const bool is_everything = list && list->size() == 1 && list->front() == "*";
    if (list && !list->empty() && !is_everything) {
      return InvalidArgument(std::string("tokens limited to ") + field +
                             " are not supported by this registry; create a read-only or CIDR-limited one instead");
    }
  }
  return OkStatus();
}

struct TokenRequest {
  registry::TokenSpec spec;
  std::string password;
};

Result<TokenRequest> ParseTokenRequest(const Call& call, uint64_t now_ms) {
  TokenRequest request;
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(const auto password, body.String("password"));
  if (!password) return Unauthenticated("The password is needed to create a token.");
  request.password = *password;
  ASSIGN_OR_RETURN(const auto name, body.String("name"));
  ASSIGN_OR_RETURN(auto description, body.String("description"));
  if (!description) {
    ASSIGN_OR_RETURN(description, body.String("token_description"));
  }
  request.spec.name = name.value_or("");
  request.spec.description = description.value_or("");
  ASSIGN_OR_RETURN(const auto read_only, body.Bool("readonly"));
  ASSIGN_OR_RETURN(const auto permission, body.String("packages_and_scopes_permission"));
  if (permission && *permission != "read-only" && *permission != "read-write" && *permission != "no-access") {
    return InvalidArgument("\"packages_and_scopes_permission\" must be read-only or read-write on this registry");
  }
  // A granular token without a write permission may not write.
  request.spec.read_only = read_only.value_or(permission && *permission != "read-write");
  RETURN_IF_ERROR(RefuseRestrictions(body));
  for (const char* field : {"cidr_whitelist", "cidr"}) {
    ASSIGN_OR_RETURN(const auto cidrs, body.Strings(field));
    if (cidrs) request.spec.cidrs.insert(request.spec.cidrs.end(), cidrs->begin(), cidrs->end());
  }
  ASSIGN_OR_RETURN(request.spec.expires_ms, ParseExpiry(body, now_ms));
  return request;
}

uint64_t NumberOr(const std::optional<std::string>& text, uint64_t otherwise, uint64_t most) {
  if (!text) return otherwise;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return otherwise;
  return std::min(number, most);
}

}  // namespace

std::string TokenMembers(const registry::TokenInfo& token) {
  std::string cidrs = "null";
  if (!token.spec.cidrs.empty()) {
    cidrs = "[";
    for (const std::string& cidr : token.spec.cidrs) cidrs += (cidrs.size() > 1 ? "," : "") + JsonString(cidr);
    cidrs += "]";
  }
  const std::string created = JsonString(FormatIsoTime(token.created_ms));
  const std::string expiry = token.spec.expires_ms ? JsonString(FormatIsoTime(*token.spec.expires_ms)) : "null";
  std::string out = "\"key\":" + JsonString(token.key) + ",\"name\":" + JsonString(token.spec.name);
  out +=
      ",\"description\":" + JsonString(token.spec.description) + ",\"created\":" + created + ",\"updated\":" + created;
  out += ",\"accessed\":null,\"expiry\":" + expiry + ",\"expires\":" + expiry;
  out += std::string(",\"readonly\":") + (token.spec.read_only ? "true" : "false");
  out +=
      ",\"automation\":false,\"bypass_2fa\":false,\"revoked\":null,\"cidr_whitelist\":" + cidrs + ",\"cidr\":" + cidrs;
  out += ",\"scopes\":[{\"type\":\"package\",\"name\":\"*\"}],\"permissions\":[{\"name\":\"package\",\"action\":\"";
  out += token.spec.read_only ? "read\"}]" : "write\"}]";
  return out;
}

Response HandleListTokens(const Services& services, const Call& call) {
  const auto tokens = services.registry.ListTokens(call.principal, call.principal.user);
  if (!tokens.ok()) return ErrorResponse(tokens.status());
  const uint64_t per_page = std::max<uint64_t>(1, NumberOr(QueryValue(call.query, "perPage"), 100, 1000));
  const uint64_t page = NumberOr(QueryValue(call.query, "page"), 0, 1'000'000);
  const uint64_t begin = std::min<uint64_t>(page * per_page, tokens->size());
  const uint64_t end = std::min<uint64_t>(begin + per_page, tokens->size());
  std::string body = "{\"objects\":[";
  for (uint64_t i = begin; i < end; ++i) {
    const registry::TokenInfo& token = (*tokens)[i];
    body += (i > begin ? ",{" : "{") + TokenMembers(token) + ",\"token\":" + JsonString(token.preview) + "}";
  }
  body += "],\"total\":" + std::to_string(tokens->size()) + ",\"urls\":{";
  if (end < tokens->size()) {
    body += "\"next\":" + JsonString(std::string(call.base_url) + "/-/npm/v1/tokens?page=" + std::to_string(page + 1) +
                                     "&perPage=" + std::to_string(per_page));
  }
  return PrivateJsonResponse(200, body + "}}");
}

Response HandleCreateToken(const Services& services, const Call& call) {
  const auto request = ParseTokenRequest(call, services.clock.NowMs());
  if (!request.ok()) return ErrorResponse(request.status());
  const auto token =
      services.registry.CreateToken(call.principal, call.principal.user, request->password, request->spec);
  if (!token.ok()) return LoginErrorResponse(token.status());
  return PrivateJsonResponse(201, "{\"token\":" + JsonString(token->token) + "," + TokenMembers(token->info) + "}");
}

Response HandleRevokeToken(const Services& services, const Call& call) {
  const Status revoked = services.registry.RevokeToken(call.principal, call.Parameter("key"));
  if (!revoked.ok()) return ErrorResponse(revoked);
  Response response;
  response.set_status(204);
  return response;
}

}  // namespace tarn::http
