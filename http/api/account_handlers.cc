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

struct LoginRequest {
  std::string name;
  std::string password;
  std::string email;
};

Result<LoginRequest> ParseLogin(const Call& call) {
  LoginRequest login;
  ASSIGN_OR_RETURN(login.name, UserOfPath(call));
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(const auto name, body.String("name"));
  ASSIGN_OR_RETURN(const auto id, body.String("_id"));
  ASSIGN_OR_RETURN(const auto password, body.String("password"));
  ASSIGN_OR_RETURN(const auto email, body.String("email"));
  if (name && *name != login.name) return InvalidArgument("the name in the body is not the name in the path");
  if (id && *id != std::string(kUserPrefix) + login.name) {
    return InvalidArgument("the _id in the body does not fit the path");
  }
  if (!password) return InvalidArgument("a password is needed");
  login.password = *password;
  login.email = email.value_or("");
  return login;
}

std::string ProfileJson(const registry::UserInfo& user) {
  std::string out = "{\"name\":" + JsonString(user.name) + ",\"email\":" + JsonString(user.email);
  out += ",\"email_verified\":false,\"fullname\":\"\",\"homepage\":\"\",\"github\":\"\",\"twitter\":\"\",\"freenode\":\"\"";
  out += ",\"cidr_whitelist\":null,\"tfa\":false,\"created\":" + JsonString(FormatIsoTime(user.created_ms));
  out += ",\"updated\":" + JsonString(FormatIsoTime(user.updated_ms)) + "}";
  return out;
}

// Fields that are not kept: said plainly instead of dropped in silence.
Status RefuseUnknownProfileFields(const JsonBody& body) {
  for (const char* field : {"fullname", "homepage", "github", "twitter", "freenode"}) {
    ASSIGN_OR_RETURN(const auto text, body.String(field));
    if (text && !text->empty()) return InvalidArgument(std::string(field) + ": this registry keeps only the e-mail address");
  }
  if (body.Has("tfa")) {
    return PermissionDenied("Two-factor authentication cannot be set up on this registry.");
  }
  return OkStatus();
}

Status ChangePassword(const Services& services, const Call& call, const JsonBody& password) {
  ASSIGN_OR_RETURN(const auto old_password, password.String("old"));
  ASSIGN_OR_RETURN(const auto new_password, password.String("new"));
  if (!old_password || !new_password) return InvalidArgument("\"password\" needs \"old\" and \"new\"");
  // An administrator may set any password without knowing it, but here somebody changes their own: a token alone must not
  // be enough to take the account over.
  registry::Principal self = call.principal;
  self.is_admin = false;
  return services.registry.SetPassword(self, self.user, *old_password, *new_password);
}

Status ApplyProfile(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  RETURN_IF_ERROR(RefuseUnknownProfileFields(body));
  ASSIGN_OR_RETURN(const auto email, body.String("email"));
  ASSIGN_OR_RETURN(const auto password, body.Object("password"));
  // What can fail for its form fails before anything is changed.
  if (email && !email->empty()) RETURN_IF_ERROR(registry::ValidateEmail(*email));
  if (password) RETURN_IF_ERROR(ChangePassword(services, call, *password));
  if (!email) return OkStatus();
  ASSIGN_OR_RETURN(const registry::UserInfo current, services.registry.GetUser(call.principal, call.principal.user));
  return current.email == *email ? OkStatus() : services.registry.SetEmail(call.principal, *email);
}

}  // namespace

Response HandleWebLogin(const Services&, const Call&) {
  return ErrorResponse(404, "Web login is not offered; log in with user name and password.");
}

Response HandleLogin(const Services& services, const Call& call) {
  const auto login = ParseLogin(call);
  if (!login.ok()) return ErrorResponse(login.status());
  const auto answer = services.registry.Login(login->name, login->password, login->email);
  if (!answer.ok()) return LoginErrorResponse(answer.status());
  if (answer->created_admin) {
    Log(LogLevel::kWarning, "the first account of this registry was created and is its administrator",
        {{"user", answer->user}});
  } else if (answer->created_user) {
    Log(LogLevel::kInfo, "user registered", {{"user", answer->user}});
  }
  return PrivateJsonResponse(201, "{\"ok\":true,\"id\":" + JsonString(std::string(kUserPrefix) + answer->user) +
                                      ",\"rev\":" + JsonString(answer->rev) + ",\"token\":" + JsonString(answer->token) + "}");
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

Response HandleGetProfile(const Services& services, const Call& call) {
  const auto user = services.registry.GetUser(call.principal, call.principal.user);
  if (!user.ok()) return ErrorResponse(user.status());
  return PrivateJsonResponse(200, ProfileJson(*user));
}

Response HandleSetProfile(const Services& services, const Call& call) {
  const Status applied = ApplyProfile(services, call);
  if (!applied.ok()) return LoginErrorResponse(applied);
  return HandleGetProfile(services, call);
}

}  // namespace tarn::http
