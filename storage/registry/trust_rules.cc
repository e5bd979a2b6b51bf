#include "storage/registry/trust_rules.h"

#include <algorithm>

#include "storage/base/identity_limits.h"
#include "storage/base/logging.h"
#include "storage/registry/json_object.h"

namespace tarn::registry {
namespace {

using Form = TrustClaim::Form;
using Kind = TrustIssuer::Kind;

constexpr std::string_view kMayPublish = "createPackage";
constexpr std::string_view kMayStage = "createStagedPackage";

// A claim that configurations of one kind of issuer may name.
struct ClaimRule {
  std::string name;   // In the configuration.
  std::string claim;  // In the token.
  bool is_required;
  bool may_be_file;  // {"file": name} beside the whole text.
  bool is_list;
  size_t slashes_min;  // That a whole text has.
};

std::vector<ClaimRule> RulesOf(const TrustIssuer& issuer) {
  const auto text = [](std::string name, bool is_required, size_t slashes_min = 0) {
    return ClaimRule{name, name, is_required, false, false, slashes_min};
  };
  const auto file = [](std::string name) { return ClaimRule{name, name, false, true, false, 2}; };
  switch (issuer.kind) {
    case Kind::kGithub: return {text("repository", true, 1), file("workflow_ref"), text("environment", false)};
    case Kind::kGitlab: return {text("project_path", true, 1), file("ci_config_ref_uri"), text("environment", false)};
    case Kind::kCircleci: {
      const std::string prefix = "oidc.circleci.com/";
      const std::string contexts = prefix + "context-ids";
      return {text(prefix + "org-id", true), text(prefix + "project-id", true),
              text(prefix + "pipeline-definition-id", true), text(prefix + "vcs-origin", true, 2),
              ClaimRule{contexts, contexts, false, false, true, 0}};
    }
    case Kind::kGeneric: break;
  }
  std::vector<ClaimRule> rules;
  for (const TrustIssuer::Claim& claim : issuer.claims) {
    rules.push_back({claim.name, claim.claim, claim.is_required, false, false, 0});
  }
  return rules;
}

const ClaimRule* FindRule(const std::vector<ClaimRule>& rules, std::string_view name) {
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const ClaimRule& rule) { return rule.name == name; });
  return found == rules.end() ? nullptr : &*found;
}

Status CheckValue(std::string_view name, std::string_view value) {
  if (value.empty() || value.size() > limits::kTrustClaimBytesMax) {
    return InvalidArgument(std::string(name) + " must have 1 to " + std::to_string(limits::kTrustClaimBytesMax) +
                           " bytes");
  }
  if (std::any_of(value.begin(), value.end(), [](char c) { return (c >= 0 && c <= ' ') || c == 0x7f; }) &&
      name != "environment") {
    return InvalidArgument(std::string(name) + " has spaces or control characters");
  }
  return OkStatus();
}

// "publish.yml"; GitLab's may be in a folder.
Status CheckFile(std::string_view name, std::string_view file, const TrustIssuer& issuer) {
  RETURN_IF_ERROR(CheckValue(name, file));
  const bool is_yaml = file.ends_with(".yml") || file.ends_with(".yaml");
  const bool is_plain = file.find('@') == std::string_view::npos && file.find("..") == std::string_view::npos &&
                        file.find("//") == std::string_view::npos && !file.starts_with('/');
  const bool may_have_folders = issuer.kind == Kind::kGitlab;
  if (!is_yaml || !is_plain || (!may_have_folders && file.find('/') != std::string_view::npos)) {
    return InvalidArgument(std::string(name) + ".file must be the name of a .yml or .yaml file" +
                           (may_have_folders ? " in the project" : ", without a folder"));
  }
  return OkStatus();
}

Status CheckText(const ClaimRule& rule, std::string_view value) {
  RETURN_IF_ERROR(CheckValue(rule.name, value));
  const auto slashes = static_cast<size_t>(std::count(value.begin(), value.end(), '/'));
  const bool has_empty_part =
      rule.slashes_min > 0 && (value.starts_with('/') || value.ends_with('/') || value.find("://") != value.npos);
  if (slashes < rule.slashes_min || has_empty_part) {
    return InvalidArgument(rule.name + " is not written as its issuer writes it: " + JsonString(value));
  }
  return OkStatus();
}

Result<TrustClaim> ParseClaim(const JsonMember& member, const ClaimRule& rule, const TrustIssuer& issuer) {
  TrustClaim claim{rule.name, Form::kText, {}};
  const JsonKind kind = KindOfJson(member.raw_value);
  if (rule.is_list) {
    auto values = TextsOfJson(member.raw_value);
    if (!values || values->empty() || values->size() > limits::kTrustClaimValuesMax) {
      return InvalidArgument(rule.name + " must be a list of 1 to " + std::to_string(limits::kTrustClaimValuesMax) +
                             " strings");
    }
    for (const std::string& value : *values) RETURN_IF_ERROR(CheckValue(rule.name, value));
    claim.form = Form::kAllOf;
    claim.values = std::move(*values);
  } else if (kind == JsonKind::kString) {
    claim.values = {TextOfJson(member.raw_value)};
    RETURN_IF_ERROR(CheckText(rule, claim.values.front()));
  } else if (kind == JsonKind::kObject && rule.may_be_file) {
    ASSIGN_OR_RETURN(const JsonObject object, JsonObject::Split(member.raw_value));
    const auto file = object.Text("file");
    if (!file || object.members().size() != 1) return InvalidArgument(rule.name + " must be {\"file\": NAME}");
    RETURN_IF_ERROR(CheckFile(rule.name, *file, issuer));
    claim.form = Form::kFile;
    claim.values = {*file};
  } else {
    return InvalidArgument(rule.name + " must be a string" + (rule.may_be_file ? " or {\"file\": NAME}" : ""));
  }
  return claim;
}

Result<std::vector<TrustClaim>> ParseClaims(const JsonObject& config, const TrustIssuer& issuer) {
  const auto object = JsonObject::Split(config.Has("claims") ? config.Raw("claims") : std::string_view("null"));
  if (!object.ok()) return InvalidArgument("the configuration has no claims");
  const std::vector<ClaimRule> rules = RulesOf(issuer);
  std::vector<TrustClaim> claims;
  for (const JsonMember& member : object->members()) {
    if (KindOfJson(member.raw_value) == JsonKind::kNull) continue;
    const ClaimRule* rule = FindRule(rules, member.key);
    if (rule == nullptr) {
      std::string known;
      for (const ClaimRule& each : rules) known += (known.empty() ? "" : ", ") + each.name;
      return InvalidArgument("there is no claim " + JsonString(member.key.substr(0, 64)) + " for the type " +
                             JsonString(issuer.name) + "; there are " + known);
    }
    ASSIGN_OR_RETURN(TrustClaim claim, ParseClaim(member, *rule, issuer));
    claims.push_back(std::move(claim));
  }
  for (const ClaimRule& rule : rules) {
    const bool is_there =
        std::any_of(claims.begin(), claims.end(), [&](const TrustClaim& claim) { return claim.name == rule.name; });
    if (rule.is_required && !is_there) return InvalidArgument("the claim " + rule.name + " is missing");
  }
  return claims;
}

Status ParsePermissions(const JsonObject& object, TrustConfig* config) {
  const auto permissions = TextsOfJson(object.Raw("permissions"));
  if (!permissions || permissions->empty()) {
    return InvalidArgument("permissions must be a list of \"createPackage\", \"createStagedPackage\" or both");
  }
  for (const std::string& permission : *permissions) {
    if (permission == kMayPublish) {
      config->may_publish = true;
    } else if (permission == kMayStage) {
      config->may_stage = true;
    } else {
      return InvalidArgument("there is no permission " + JsonString(permission.substr(0, 64)));
    }
  }
  return OkStatus();
}

// The one configuration in a body, as JSON.
Result<JsonObject> OnlyConfig(std::string_view body) {
  const Status malformed = InvalidArgument("the body must be a list with one trust configuration");
  auto object = JsonObject::Parse(body);
  if (object.ok()) return object;
  const auto elements = ParseJsonArray(body);
  if (!elements.ok() || elements->size() != 1) return malformed;
  auto only = JsonObject::Split(elements->front());
  if (!only.ok()) return malformed;
  return only;
}

// --- matching ---

// The host of an issuer, as GitLab's claims begin with.
std::string_view HostOf(std::string_view url) {
  const size_t scheme = url.find("://");
  std::string_view host = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  return host.substr(0, host.find('/'));
}

std::string ValueOf(const TrustConfig& config, std::string_view name) {
  for (const TrustClaim& claim : config.claims) {
    if (claim.name == name && claim.form == Form::kText) return claim.values.front();
  }
  return {};
}

// What the claim of a file begins with when it is this one: the branch or tag follows.
//   GitHub  "octo/app/.github/workflows/publish.yml@refs/heads/main"
//   GitLab  "gitlab.com/group/app//.gitlab-ci.yml@refs/heads/main"
std::string FilePrefix(const TrustConfig& config, const TrustIssuer& issuer, const std::string& file) {
  if (issuer.kind == Kind::kGithub) return ValueOf(config, "repository") + "/.github/workflows/" + file + "@";
  return std::string(HostOf(issuer.url)) + "/" + ValueOf(config, "project_path") + "//" + file + "@";
}

bool Fits(const TrustClaim& wanted, const TrustConfig& config, const TrustIssuer& issuer,
          const std::vector<std::string>& found) {
  if (wanted.form == Form::kAllOf) {
    return std::all_of(wanted.values.begin(), wanted.values.end(), [&](const std::string& value) {
      return std::find(found.begin(), found.end(), value) != found.end();
    });
  }
  if (found.size() != 1) return false;
  if (wanted.form == Form::kText) return found.front() == wanted.values.front();
  const std::string prefix = FilePrefix(config, issuer, wanted.values.front());
  return found.front().starts_with(prefix) && found.front().size() > prefix.size();
}

std::string Join(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : " ") + text;
  return joined.substr(0, limits::kTrustClaimBytesMax);
}

}  // namespace

Result<TrustConfig> ParseTrustConfig(std::string_view body, const std::vector<TrustIssuer>& issuers) {
  ASSIGN_OR_RETURN(const JsonObject object, OnlyConfig(body));
  TrustConfig config;
  config.type = object.Text("type").value_or("");
  const auto issuer =
      std::find_if(issuers.begin(), issuers.end(), [&](const TrustIssuer& each) { return each.name == config.type; });
  if (issuer == issuers.end()) {
    std::string known;
    for (const TrustIssuer& each : issuers) known += (known.empty() ? "" : ", ") + each.name;
    return InvalidArgument("this registry trusts no issuer of the type " + JsonString(config.type.substr(0, 64)) +
                           (known.empty() ? "; its operator has configured none" : "; it trusts " + known));
  }
  ASSIGN_OR_RETURN(config.claims, ParseClaims(object, *issuer));
  RETURN_IF_ERROR(ParsePermissions(object, &config));
  return config;
}

std::string FormatTrustConfigs(const std::vector<TrustConfig>& configs) {
  std::string json = "[";
  for (const TrustConfig& config : configs) {
    json += (json.size() > 1 ? ",{\"id\":" : "{\"id\":") + JsonString(config.id) +
            ",\"type\":" + JsonString(config.type) + ",\"claims\":{";
    bool is_first = true;
    for (const TrustClaim& claim : config.claims) {
      json += (is_first ? "" : ",") + JsonString(claim.name) + ":";
      is_first = false;
      if (claim.form == Form::kText) json += JsonString(claim.values.front());
      if (claim.form == Form::kFile) json += "{\"file\":" + JsonString(claim.values.front()) + "}";
      if (claim.form != Form::kAllOf) continue;
      std::string list;
      for (const std::string& value : claim.values) list += (list.empty() ? "" : ",") + JsonString(value);
      json += "[" + list + "]";
    }
    json += "},\"permissions\":[";
    if (config.may_publish) json += JsonString(kMayPublish);
    if (config.may_publish && config.may_stage) json += ',';
    if (config.may_stage) json += JsonString(kMayStage);
    json += "]}";
  }
  return json + "]";
}

std::optional<std::string> MismatchOf(const TrustConfig& config, const TrustIssuer& issuer,
                                      const IdentityClaims& claims) {
  if (config.type != issuer.name) return "the configuration is for the issuer " + config.type;
  const std::vector<ClaimRule> rules = RulesOf(issuer);
  // What is required was checked when it was configured; the operator may have changed the issuer since.
  for (const ClaimRule& rule : rules) {
    const bool is_there = std::any_of(config.claims.begin(), config.claims.end(),
                                      [&](const TrustClaim& claim) { return claim.name == rule.name; });
    if (rule.is_required && !is_there) return "the configuration says nothing of " + rule.name;
  }
  for (const TrustClaim& wanted : config.claims) {
    const ClaimRule* rule = FindRule(rules, wanted.name);
    if (rule == nullptr) return "the issuer has no claim " + wanted.name + " any more";
    const auto found = claims.texts.find(rule->claim);
    if (found == claims.texts.end()) return "the token has no " + rule->claim;
    if (!Fits(wanted, config, issuer, found->second)) {
      return rule->claim + " is \"" + Join(found->second) + "\", configured is \"" + Join(wanted.values) + "\"";
    }
  }
  return std::nullopt;
}

std::string DescribeOrigin(const TrustIssuer& issuer, const IdentityClaims& claims) {
  std::string text;
  for (const ClaimRule& rule : RulesOf(issuer)) {
    const auto found = claims.texts.find(rule.claim);
    if (found == claims.texts.end()) continue;
    text += (text.empty() ? "" : ", ") + rule.claim + "=" + Join(found->second);
  }
  return text;
}

}  // namespace tarn::registry
