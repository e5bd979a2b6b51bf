#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/metrics.h"
#include "http/api/token_json.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

std::string UserJson(const registry::UserInfo& user) {
  return "{\"name\":" + JsonString(user.name) + ",\"email\":" + JsonString(user.email) +
         ",\"admin\":" + (user.is_admin ? "true" : "false") +
         ",\"created\":" + JsonString(FormatIsoTime(user.created_ms)) + "}";
}

Result<registry::UserInfo> AddUser(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(const auto name, body.String("name"));
  ASSIGN_OR_RETURN(const auto password, body.String("password"));
  ASSIGN_OR_RETURN(const auto email, body.String("email"));
  ASSIGN_OR_RETURN(const auto admin, body.Bool("admin"));
  if (!name || !password) return InvalidArgument("\"name\" and \"password\" are needed");
  return services.registry.CreateUser(
      call.principal, *name, *password, email.value_or(""),
      admin.value_or(false) ? registry::Registry::Admin::kYes : registry::Registry::Admin::kNo);
}

Result<registry::NewToken> CreateToken(const Services& services, const Call& call) {
  registry::TokenSpec spec;
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(const auto name, body.String("name"));
  ASSIGN_OR_RETURN(const auto read_only, body.Bool("read_only"));
  ASSIGN_OR_RETURN(const auto cidrs, body.Strings("cidrs"));
  ASSIGN_OR_RETURN(spec.expires_ms, body.Number("expires_ms"));
  spec.name = name.value_or("");
  spec.read_only = read_only.value_or(false);
  if (cidrs) spec.cidrs = *cidrs;
  ASSIGN_OR_RETURN(spec.limits, ParseTokenLimits(body));
  return services.registry.CreateToken(call.principal, call.Parameter("user"), std::nullopt, spec);
}

Response DoneResponse(const Status& status) {
  return status.ok() ? PrivateJsonResponse(200, "{\"ok\":true}") : ErrorResponse(status);
}

}  // namespace

Response HandleOperatorStatus(const Services& services, const Call&) {
  const Status ready = services.node.Ready();
  const Status writable = services.node.CanWrite();
  std::string body = "{\"version\":\"" TARN_VERSION "\",\"role\":";
  body += services.node.role() == NodeRole::kLeader ? "\"leader\"" : "\"follower\"";
  body += ",\"epoch\":" + std::to_string(services.node.epoch().value());
  body += ",\"lsn\":" + std::to_string(services.node.applied_lsn().value());
  body += ",\"ready\":" + JsonString(ready.ok() ? "yes" : ready.message());
  body += ",\"writable\":" + JsonString(writable.ok() ? "yes" : writable.message());
  body += ",\"metrics\":" + JsonString(services.metrics.Format()) + "}";
  return PrivateJsonResponse(200, std::move(body));
}

Response HandleOperatorListUsers(const Services& services, const Call& call) {
  const auto users = services.registry.ListUsers(call.principal);
  if (!users.ok()) return ErrorResponse(users.status());
  std::string body = "{\"users\":[";
  for (size_t i = 0; i < users->size(); ++i) body += (i > 0 ? "," : "") + UserJson((*users)[i]);
  return PrivateJsonResponse(200, body + "]}");
}

Response HandleOperatorAddUser(const Services& services, const Call& call) {
  const auto user = AddUser(services, call);
  if (user.code() == Code::kAlreadyExists) return ErrorResponse(409, user.status().message());
  return user.ok() ? PrivateJsonResponse(201, UserJson(*user)) : ErrorResponse(user.status());
}

Response HandleOperatorSetPassword(const Services& services, const Call& call) {
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  const auto password = body->String("password");
  if (!password.ok()) return ErrorResponse(password.status());
  if (!*password) return ErrorResponse(400, "\"password\" is needed");
  return DoneResponse(services.registry.SetPassword(call.principal, call.Parameter("user"), "", **password));
}

Response HandleOperatorResetSecondFactor(const Services& services, const Call& call) {
  return DoneResponse(services.registry.ResetSecondFactor(call.principal, call.Parameter("user")));
}

Response HandleOperatorRemoveUser(const Services& services, const Call& call) {
  return DoneResponse(services.registry.RemoveUser(call.principal, call.Parameter("user")));
}

Response HandleOperatorListTokens(const Services& services, const Call& call) {
  const auto user = services.registry.GetUser(call.principal, call.Parameter("user"));
  if (!user.ok()) return ErrorResponse(user.status());
  const auto tokens = services.registry.ListTokens(call.principal, call.Parameter("user"));
  if (!tokens.ok()) return ErrorResponse(tokens.status());
  std::string body = "{\"tokens\":[";
  for (size_t i = 0; i < tokens->size(); ++i) {
    const registry::TokenInfo& token = (*tokens)[i];
    body += (i > 0 ? ",{" : "{") + TokenMembers(token) + ",\"preview\":" + JsonString(token.preview) + "}";
  }
  return PrivateJsonResponse(200, body + "]}");
}

Response HandleOperatorCreateToken(const Services& services, const Call& call) {
  const auto token = CreateToken(services, call);
  if (!token.ok()) return ErrorResponse(token.status());
  return PrivateJsonResponse(201, "{\"token\":" + JsonString(token->token) + "," + TokenMembers(token->info) + "}");
}

Response HandleOperatorRevokeToken(const Services& services, const Call& call) {
  return DoneResponse(services.registry.RevokeToken(call.principal, call.Parameter("key")));
}

}  // namespace tarn::http
