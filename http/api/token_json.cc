#include "http/api/token_json.h"

#include "storage/base/logging.h"

namespace tarn::http {
namespace {

using registry::TokenLimits;
using registry::TokenPermission;

std::string StringsOrNull(const std::vector<std::string>& texts) {
  if (texts.empty()) return "null";
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + JsonString(text);
  return out + "]";
}

void AppendScopes(std::string_view type, const std::vector<std::string>& names, std::string* out) {
  for (const std::string& name : names) {
    *out += out->ends_with('[') ? "{\"type\":\"" : ",{\"type\":\"";
    *out += type;
    *out += "\",\"name\":" + JsonString(name) + "}";
  }
}

// The words of the list; those of the request are others.
std::string_view ActionOf(TokenPermission permission) {
  switch (permission) {
    case TokenPermission::kNone: break;
    case TokenPermission::kRead: return "read";
    case TokenPermission::kWrite: return "write";
    case TokenPermission::kPublish: return "publish";
    case TokenPermission::kStage: return "stage";
  }
  return "none";
}

TokenLimits NoLimits(bool read_only) {
  TokenLimits limits;
  limits.all_packages = true;
  limits.packages_permission = read_only ? TokenPermission::kRead : TokenPermission::kWrite;
  return limits;
}

std::string ScopesAndPermissions(const TokenLimits& limits) {
  std::string out = "\"scopes\":[";
  if (limits.all_packages) AppendScopes("package", {"*"}, &out);
  AppendScopes("package", limits.packages, &out);
  AppendScopes("scope", limits.scopes, &out);
  AppendScopes("org", limits.orgs, &out);
  out += "],\"permissions\":[";
  for (const auto& [name, permission] :
       {std::pair("package", limits.packages_permission), std::pair("org", limits.orgs_permission)}) {
    if (permission == TokenPermission::kNone) continue;
    if (!out.ends_with('[')) out += ",";
    out += "{\"name\":\"" + std::string(name) + "\",\"action\":\"" + std::string(ActionOf(permission)) + "\"}";
  }
  return out + "]";
}

Result<TokenPermission> PermissionOf(const JsonBody& body, const char* field) {
  ASSIGN_OR_RETURN(const auto name, body.String(field));
  if (!name) return TokenPermission::kNone;
  const auto permission = registry::ParseTokenPermission(*name);
  return permission.ok() ? permission : permission.status().WithContext(std::string("\"") + field + "\"");
}

}  // namespace

std::string TokenMembers(const registry::TokenInfo& token) {
  const std::string cidrs = StringsOrNull(token.spec.cidrs);
  const std::string created = JsonString(FormatIsoTime(token.created_ms));
  const std::string expiry = token.spec.expires_ms ? JsonString(FormatIsoTime(*token.spec.expires_ms)) : "null";
  const bool bypasses = token.spec.limits && token.spec.limits->bypasses_second_factor;
  std::string out = "\"key\":" + JsonString(token.key) + ",\"name\":" + JsonString(token.spec.name);
  out += ",\"description\":" + JsonString(token.spec.description);
  out += ",\"created\":" + created + ",\"updated\":" + created;
  out += ",\"accessed\":null,\"expiry\":" + expiry + ",\"expires\":" + expiry;
  out += std::string(",\"readonly\":") + (token.spec.read_only ? "true" : "false");
  out += std::string(",\"automation\":") + (bypasses ? "true" : "false");
  out += std::string(",\"bypass_2fa\":") + (bypasses ? "true" : "false");
  out += ",\"revoked\":null,\"cidr_whitelist\":" + cidrs + ",\"cidr\":" + cidrs + ",";
  return out + ScopesAndPermissions(token.spec.limits.value_or(NoLimits(token.spec.read_only)));
}

Result<std::optional<TokenLimits>> ParseTokenLimits(const JsonBody& body) {
  TokenLimits limits;
  ASSIGN_OR_RETURN(auto packages, body.Strings("packages"));
  ASSIGN_OR_RETURN(const auto packages_all, body.Bool("packages_all"));
  ASSIGN_OR_RETURN(auto scopes, body.Strings("scopes"));
  ASSIGN_OR_RETURN(auto orgs, body.Strings("orgs"));
  ASSIGN_OR_RETURN(const auto bypass, body.Bool("bypass_2fa"));
  ASSIGN_OR_RETURN(limits.packages_permission, PermissionOf(body, "packages_and_scopes_permission"));
  ASSIGN_OR_RETURN(limits.orgs_permission, PermissionOf(body, "orgs_permission"));
  limits.all_packages = packages_all.value_or(false);
  limits.packages = std::move(packages).value_or(std::vector<std::string>());
  limits.scopes = std::move(scopes).value_or(std::vector<std::string>());
  limits.orgs = std::move(orgs).value_or(std::vector<std::string>());
  limits.bypasses_second_factor = bypass.value_or(false);
  const bool asks = body.Has("packages_and_scopes_permission") || body.Has("orgs_permission");
  if (limits == TokenLimits() && !asks) return std::optional<TokenLimits>();
  return std::optional<TokenLimits>(std::move(limits));
}

}  // namespace tarn::http
