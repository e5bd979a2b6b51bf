#include "http/api/credentials.h"
#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

constexpr std::string_view kUserPrefix = "org.couchdb.user:";

// "/-/user/org.couchdb.user:bob" names bob; other forms are the CouchDB application's own and not served.
Result<std::string> UserOfPath(const Call& call) {
  const std::string& id = call.Parameter("user");
  if (!id.starts_with(kUserPrefix)) return NotFound("Not found");
  return id.substr(kUserPrefix.size());
}

Result<registry::LoginRequest> ParseLogin(const Call& call) {
  registry::LoginRequest login;
  ASSIGN_OR_RETURN(login.user, UserOfPath(call));
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(const auto name, body.String("name"));
  ASSIGN_OR_RETURN(const auto id, body.String("_id"));
  ASSIGN_OR_RETURN(const auto password, body.String("password"));
  ASSIGN_OR_RETURN(const auto email, body.String("email"));
  if (name && *name != login.user) return InvalidArgument("the name in the body is not the name in the path");
  if (id && *id != std::string(kUserPrefix) + login.user) {
    return InvalidArgument("the _id in the body does not fit the path");
  }
  if (!password) return InvalidArgument("a password is needed");
  login.password = *password;
  login.email = email.value_or("");
  login.one_time_password = call.head.Get(KnownHeader::kNpmOtp);
  login.client = call.client;
  return login;
}

}  // namespace

Response HandleLogin(const Services& services, const Call& call) {
  const auto login = ParseLogin(call);
  if (!login.ok()) return ErrorResponse(login.status());
  const auto answer = services.registry.Login(*login);
  if (!answer.ok()) return LoginErrorResponse(answer.status());
  if (answer->created_admin) {
    Log(LogLevel::kWarning, "the first account of this registry was created and is its administrator",
        {{"user", answer->user}});
  } else if (answer->created_user) {
    Log(LogLevel::kInfo, "user registered", {{"user", answer->user}});
  }
  return PrivateJsonResponse(201, "{\"ok\":true,\"id\":" + JsonString(std::string(kUserPrefix) + answer->user) +
                                      ",\"rev\":" + JsonString(answer->rev) +
                                      ",\"token\":" + JsonString(answer->token) + "}");
}

Response HandleGetUser(const Services& services, const Call& call) {
  const auto name = UserOfPath(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const auto user = services.registry.GetUser(call.principal, *name);
  if (!user.ok()) return ErrorResponse(user.status());
  return PrivateJsonResponse(200, "{\"_id\":" + JsonString(std::string(kUserPrefix) + user->name) +
                                      ",\"name\":" + JsonString(user->name) + ",\"email\":" + JsonString(user->email) +
                                      ",\"type\":\"user\",\"roles\":[]}");
}

// Whoever knows a token may end it, and the one in the path is all that counts: yarn classic sends no other credentials.
Response HandleLogout(const Services& services, const Call& call) {
  using Outcome = registry::Authentication::Outcome;
  registry::Credentials credentials;
  credentials.kind = registry::Credentials::Kind::kBearer;
  credentials.token = call.Parameter("token");
  const auto owner = services.registry.Authenticate(credentials, call.client);
  const bool is_gone =
      owner.ok() && (owner->outcome == Outcome::kBadCredentials || owner->outcome == Outcome::kExpired);
  if (is_gone) return ErrorResponse(404, "There is no such token.");
  if (auto refused = RefusalOf(owner)) return std::move(*refused);
  const Status revoked = services.registry.RevokeToken(owner->principal, credentials.token);
  if (!revoked.ok()) return ErrorResponse(revoked);
  return PrivateJsonResponse(200, "{\"ok\":true}");
}

Response HandleWhoami(const Services&, const Call& call) {
  return PrivateJsonResponse(200, "{\"username\":" + JsonString(call.principal.user) + "}");
}

}  // namespace tarn::http
