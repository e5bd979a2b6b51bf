#include "storage/registry/token_limits.h"

#include <algorithm>
#include <utility>

#include "storage/base/credential_limits.h"
#include "storage/registry/package_name.h"

namespace tarn::registry {
namespace {

constexpr std::pair<TokenPermission, std::string_view> kPermissionNames[] = {
    {TokenPermission::kNone, "no-access"},
    {TokenPermission::kRead, "read-only"},
    {TokenPermission::kWrite, "read-write"},
    {TokenPermission::kPublish, "publish-only"},
    {TokenPermission::kStage, "read-write-stage-only"},
};

bool Matches(std::string_view pattern, std::string_view text) {
  if (!pattern.ends_with('*')) return pattern == text;
  pattern.remove_suffix(1);
  return text.starts_with(pattern);
}

bool MatchesAny(const std::vector<std::string>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return Matches(p, text); });
}

bool CoversPackage(const TokenLimits& limits, std::string_view name) {
  if (limits.all_packages || MatchesAny(limits.packages, name)) return true;
  return name.starts_with('@') && MatchesAny(limits.scopes, name.substr(0, name.find('/')));
}

bool AllowsOnPackages(TokenPermission permission, TokenAct act) {
  switch (permission) {
    case TokenPermission::kNone: return false;
    case TokenPermission::kRead: return act == TokenAct::kReadPackage;
    case TokenPermission::kWrite: return true;
    case TokenPermission::kPublish: return act == TokenAct::kPublish;
    case TokenPermission::kStage: return act == TokenAct::kReadPackage || act == TokenAct::kStage;
  }
  return false;  // Of a later version, which knew what it meant.
}

void SortOnce(std::vector<std::string>* texts) {
  std::sort(texts->begin(), texts->end());
  texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
}

// Would `prefix`, the part in front of the *, or the whole, be (the beginning of) a name?
bool CouldBeName(std::string_view text) {
  const bool is_pattern = text.ends_with('*');
  if (is_pattern) text.remove_suffix(1);
  if (text.empty() || text.find('*') != std::string_view::npos) return false;
  return PackageName::Parse(is_pattern ? std::string(text) + "x" : std::string(text)).ok();
}

Status NormalisePackages(TokenLimits* limits) {
  if (std::erase(limits->packages, "*") > 0) limits->all_packages = true;
  for (const std::string& name : limits->packages) {
    if (CouldBeName(name)) continue;
    return InvalidArgument("\"" + name +
                           "\" is no package: use names such as left-pad or @acme/web, or @acme/web-* for all that "
                           "begin so; scopes have a list of their own");
  }
  SortOnce(&limits->packages);
  return OkStatus();
}

Status NormaliseScopes(TokenLimits* limits) {
  for (std::string& scope : limits->scopes) {
    std::string plain = scope;
    if (plain.ends_with("/*")) plain.resize(plain.size() - 2);
    if (!plain.starts_with('@')) plain.insert(0, "@");
    const bool is_pattern = plain.ends_with('*');
    // What stands for the scope as a package name shows whether it can be one.
    const std::string probe = (is_pattern ? plain.substr(0, plain.size() - 1) + "x" : plain) + "/x";
    if (plain.size() < (is_pattern ? 3 : 2) || probe.find('*') != std::string::npos ||
        !PackageName::Parse(probe).ok()) {
      return InvalidArgument("\"" + scope + "\" is no scope: use @acme, or @acme-* for all that begin so");
    }
    scope = std::move(plain);
  }
  SortOnce(&limits->scopes);
  return OkStatus();
}

Status NormaliseOrgs(TokenLimits* limits) {
  for (std::string& org : limits->orgs) {
    std::string plain = org.starts_with('@') ? org.substr(1) : org;
    if (plain.find('*') != std::string::npos || !PackageName::Parse("@" + plain + "/x").ok()) {
      return InvalidArgument("\"" + org + "\" is no organisation: use a name such as acme");
    }
    org = std::move(plain);
  }
  SortOnce(&limits->orgs);
  return OkStatus();
}

Status CheckCounts(const TokenLimits& limits) {
  if (limits.packages.size() + limits.scopes.size() > limits::kTokenPackagesMax) {
    return InvalidArgument("a token names at most " + std::to_string(limits::kTokenPackagesMax) +
                           " packages and scopes");
  }
  if (limits.orgs.size() > limits::kTokenOrgsMax) {
    return InvalidArgument("a token names at most " + std::to_string(limits::kTokenOrgsMax) + " organisations");
  }
  return OkStatus();
}

Status CheckPermissions(const TokenLimits& limits) {
  const bool has_packages = limits.all_packages || !limits.packages.empty() || !limits.scopes.empty();
  const bool may_packages = limits.packages_permission != TokenPermission::kNone;
  const bool may_orgs = limits.orgs_permission != TokenPermission::kNone;
  if (!has_packages && limits.orgs.empty()) {
    return InvalidArgument("a limited token needs at least one package, scope or organisation, or all packages");
  }
  if (has_packages && !may_packages) {
    return InvalidArgument(
        "\"packages_and_scopes_permission\" is needed with packages and scopes: read-only, read-write, publish-only or "
        "read-write-stage-only");
  }
  if (may_packages && !has_packages) {
    return InvalidArgument("\"packages_and_scopes_permission\" is given, but no package or scope that it is for");
  }
  if (!limits.orgs.empty() && !may_orgs) {
    return InvalidArgument("\"orgs_permission\" is needed with organisations: read-only or read-write");
  }
  if (may_orgs && limits.orgs.empty()) {
    return InvalidArgument("\"orgs_permission\" is given, but no organisation that it is for");
  }
  if (may_orgs && limits.orgs_permission != TokenPermission::kRead &&
      limits.orgs_permission != TokenPermission::kWrite) {
    return InvalidArgument("\"orgs_permission\" must be no-access, read-only or read-write");
  }
  return OkStatus();
}

}  // namespace

bool TokenLimits::Allows(TokenAct act, std::string_view target) const {
  switch (act) {
    case TokenAct::kReadPackage:
    case TokenAct::kPublish:
    case TokenAct::kStage:
    case TokenAct::kChangePackage: return AllowsOnPackages(packages_permission, act) && CoversPackage(*this, target);
    case TokenAct::kReadOrg:
      if (orgs_permission == TokenPermission::kRead) return MatchesAny(orgs, target);
      [[fallthrough]];
    case TokenAct::kChangeOrg: return orgs_permission == TokenPermission::kWrite && MatchesAny(orgs, target);
    case TokenAct::kAccount: return false;
  }
  return false;
}

bool TokenLimits::AllowsChanges() const {
  return orgs_permission == TokenPermission::kWrite ||
         (packages_permission != TokenPermission::kNone && packages_permission != TokenPermission::kRead);
}

Result<TokenLimits> NormaliseTokenLimits(TokenLimits limits) {
  RETURN_IF_ERROR(CheckCounts(limits));  // First: so that no work is done for the thousands of names of a bad request.
  RETURN_IF_ERROR(NormalisePackages(&limits));
  RETURN_IF_ERROR(NormaliseScopes(&limits));
  RETURN_IF_ERROR(NormaliseOrgs(&limits));
  RETURN_IF_ERROR(CheckPermissions(limits));
  return limits;
}

std::string_view TokenPermissionName(TokenPermission permission) {
  for (const auto& [value, name] : kPermissionNames) {
    if (value == permission) return name;
  }
  return "no-access";  // What Allows makes of one that it does not know.
}

Result<TokenPermission> ParseTokenPermission(std::string_view name) {
  std::string known;
  for (const auto& [value, text] : kPermissionNames) {
    if (text == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  return InvalidArgument("\"" + std::string(name.substr(0, 40)) + "\" is no permission of a token; there are " + known);
}

}  // namespace tarn::registry
