#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "storage/base/logging.h"
#include "storage/registry/second_factor_rules.h"

// `npm profile` (contract 11.6): the account's own fields, its password and its second factor.
namespace tarn::http {
namespace {

using registry::SecondFactorMode;

std::string SecondFactorJson(const registry::UserInfo& user) {
  if (user.second_factor == SecondFactorMode::kOff) return "false";
  return "{\"mode\":\"" + std::string(registry::SecondFactorModeName(user.second_factor)) +
         "\",\"pending\":" + (user.second_factor_is_pending ? "true" : "false") + "}";
}

// `second_factor`: what stands for the member "tfa", where the answer is about more than the account's state.
std::string ProfileJson(const registry::UserInfo& user, const std::string& second_factor) {
  std::string out = "{\"name\":" + JsonString(user.name) + ",\"email\":" + JsonString(user.email);
  out += ",\"email_verified\":false,\"fullname\":" + JsonString(user.profile.full_name);
  out += ",\"homepage\":" + JsonString(user.profile.homepage) + ",\"github\":" + JsonString(user.profile.github);
  out += ",\"twitter\":" + JsonString(user.profile.twitter) + ",\"freenode\":" + JsonString(user.profile.freenode);
  out += ",\"cidr_whitelist\":null,\"tfa\":" + second_factor;
  out += ",\"created\":" + JsonString(FormatIsoTime(user.created_ms));
  out += ",\"updated\":" + JsonString(FormatIsoTime(user.updated_ms)) + "}";
  return out;
}

// npm sends a field that was emptied as null.
Result<std::optional<std::string>> TextOrNull(const JsonBody& body, std::string_view key) {
  if (body.IsNull(key)) return std::optional<std::string>("");
  return body.String(key);
}

Result<registry::ProfileChange> ParseChange(const JsonBody& body) {
  registry::ProfileChange change;
  ASSIGN_OR_RETURN(change.email, body.String("email"));  // Cannot be emptied: null keeps it.
  ASSIGN_OR_RETURN(change.full_name, TextOrNull(body, "fullname"));
  ASSIGN_OR_RETURN(change.homepage, TextOrNull(body, "homepage"));
  ASSIGN_OR_RETURN(change.github, TextOrNull(body, "github"));
  ASSIGN_OR_RETURN(change.twitter, TextOrNull(body, "twitter"));
  ASSIGN_OR_RETURN(change.freenode, TextOrNull(body, "freenode"));
  ASSIGN_OR_RETURN(const auto password, body.Object("password"));
  if (!password) return change;
  ASSIGN_OR_RETURN(const auto old_password, password->String("old"));
  ASSIGN_OR_RETURN(const auto new_password, password->String("new"));
  if (!old_password || !new_password) return InvalidArgument("\"password\" needs \"old\" and \"new\"");
  change.password = {*old_password, *new_password};
  return change;
}

// "https://npm.example.org/prefix" is "npm.example.org" in an authenticator.
std::string_view IssuerOf(std::string_view base_url) {
  const size_t host = base_url.find("://");
  if (host != std::string_view::npos) base_url.remove_prefix(host + 3);
  return base_url.substr(0, base_url.find('/'));
}

std::string JsonList(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? "," : "") + JsonString(item);
  return out + "]";
}

// `{"password": …, "mode": …}`: begins, changes the mode, or disables. The answer: the member "tfa", empty for as it is.
Result<std::string> ChangeSecondFactor(const Services& services, const Call& call, const JsonBody& wanted) {
  ASSIGN_OR_RETURN(const auto password, wanted.String("password"));
  ASSIGN_OR_RETURN(const auto mode_name, wanted.String("mode"));
  if (!password || !mode_name) return InvalidArgument("\"tfa\" needs \"password\" and \"mode\"");
  if (*mode_name == "disable") {
    RETURN_IF_ERROR(services.registry.DisableSecondFactor(call.principal, *password));
    Log(LogLevel::kInfo, "second factor disabled", {{"user", call.principal.user}});
    return std::string();
  }
  ASSIGN_OR_RETURN(const SecondFactorMode mode, registry::ParseSecondFactorMode(*mode_name));
  ASSIGN_OR_RETURN(const auto url,
                   services.registry.BeginSecondFactor(call.principal, *password, mode, IssuerOf(call.base_url)));
  return url ? JsonString(*url) : std::string();
}

// Also `["123456"]`, which confirms with a code of the authenticator.
Result<std::string> ApplySecondFactor(const Services& services, const Call& call, const JsonBody& body) {
  const auto codes = body.Strings("tfa");
  if (codes.ok()) {
    ASSIGN_OR_RETURN(const auto recovery_codes, services.registry.ConfirmSecondFactor(call.principal, **codes));
    Log(LogLevel::kInfo, "second factor enabled", {{"user", call.principal.user}});
    return JsonList(recovery_codes);
  }
  const auto wanted = body.Object("tfa");
  if (!wanted.ok()) return InvalidArgument("\"tfa\" must be an object with password and mode, or a list of codes");
  return ChangeSecondFactor(services, call, **wanted);
}

Result<std::string> Apply(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  if (body.Has("tfa")) return ApplySecondFactor(services, call, body);
  ASSIGN_OR_RETURN(const registry::ProfileChange change, ParseChange(body));
  RETURN_IF_ERROR(services.registry.ChangeProfile(call.principal, change));
  return std::string();
}

Response ProfileResponse(const Services& services, const Call& call, const std::string& second_factor) {
  const auto user = services.registry.GetUser(call.principal, call.principal.user);
  if (!user.ok()) return ErrorResponse(user.status());
  return PrivateJsonResponse(200, ProfileJson(*user, second_factor.empty() ? SecondFactorJson(*user) : second_factor));
}

}  // namespace

Response HandleGetProfile(const Services& services, const Call& call) { return ProfileResponse(services, call, ""); }

Response HandleSetProfile(const Services& services, const Call& call) {
  const auto second_factor = Apply(services, call);
  if (!second_factor.ok()) return LoginErrorResponse(second_factor.status());
  return ProfileResponse(services, call, *second_factor);
}

}  // namespace tarn::http
