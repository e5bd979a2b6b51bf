#include <algorithm>

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/token_json.h"
#include "storage/base/credential_limits.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

constexpr uint64_t kDayMs = uint64_t{24} * 3600 * 1000;

// `expires`: a number of days (npm's client) or an ISO time (the published API).
Result<std::optional<uint64_t>> ParseExpiry(const JsonBody& body, uint64_t now_ms) {
  if (!body.Has("expires")) return std::optional<uint64_t>();
  const auto days = body.Number("expires");
  if (days.ok()) {
    if (**days == 0 || **days > limits::kTokenDaysMax)
      return InvalidArgument("\"expires\" must be 1 to " + std::to_string(limits::kTokenDaysMax) + " days");
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
  request.spec.read_only = read_only.value_or(false);
  ASSIGN_OR_RETURN(request.spec.limits, ParseTokenLimits(body));
  for (const char* field : {"cidr_whitelist", "cidr"}) {
    ASSIGN_OR_RETURN(const auto cidrs, body.Strings(field));
    if (cidrs) request.spec.cidrs.insert(request.spec.cidrs.end(), cidrs->begin(), cidrs->end());
  }
  ASSIGN_OR_RETURN(request.spec.expires_ms, ParseExpiry(body, now_ms));
  return request;
}

}  // namespace

Response HandleListTokens(const Services& services, const Call& call) {
  const auto tokens = services.registry.ListTokens(call.principal, call.principal.user);
  if (!tokens.ok()) return ErrorResponse(tokens.status());
  const uint64_t per_page = std::max<uint64_t>(1, QueryNumber(call.query, "perPage", 100, 1000));
  const uint64_t page = QueryNumber(call.query, "page", 0, 1'000'000);
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
