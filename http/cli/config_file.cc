#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "http/cli/trust_config.h"

namespace tarn::cli {
namespace {

// The path alone when no line is to blame: the file could not be read.
std::string Where(const std::string& path, const toml::source_region& source) {
  return source.begin.line == 0 ? path : path + ":" + std::to_string(source.begin.line);
}

const Setting* Find(std::string_view section, std::string_view key) {
  for (const Setting& setting : Settings()) {
    if (setting.section == section && setting.key == key) return &setting;
  }
  return nullptr;
}

bool IsSection(std::string_view name) {
  for (const Setting& setting : Settings()) {
    if (setting.section == name) return true;
  }
  return false;
}

Result<SettingValue> ToValue(const toml::node& node) {
  if (const auto* text = node.as_string()) return SettingValue(text->get());
  if (const auto* number = node.as_integer()) {
    if (number->get() < 0) return InvalidArgument("expected a whole number that is not negative");
    return SettingValue(static_cast<uint64_t>(number->get()));
  }
  if (const auto* boolean = node.as_boolean()) return SettingValue(boolean->get());
  if (const auto* array = node.as_array()) {
    std::vector<std::string> list;
    for (const toml::node& item : *array) {
      const auto* text = item.as_string();
      if (text == nullptr) return InvalidArgument("expected a list of strings");
      list.push_back(text->get());
    }
    return SettingValue(std::move(list));
  }
  return InvalidArgument("expected a string, a whole number, true, false or a list of strings");
}

// The strings of an inline table, as claims of a generic issuer.
Result<std::vector<registry::TrustIssuer::Claim>> ToClaims(const toml::node& node) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return InvalidArgument("expected { NAME = CLAIM }");
  std::vector<registry::TrustIssuer::Claim> claims;
  for (const auto& [name, claim] : *table) {
    const auto* text = claim.as_string();
    if (text == nullptr) return InvalidArgument("expected { NAME = CLAIM }, with strings");
    claims.push_back({std::string(name.str()), text->get(), true});
  }
  return claims;
}

// `required`, of claims that are known by now.
Status ApplyRequired(const toml::node& node, registry::TrustIssuer* issuer) {
  ASSIGN_OR_RETURN(const SettingValue value, ToValue(node));
  const auto* names = std::get_if<std::vector<std::string>>(&value);
  if (names == nullptr) return InvalidArgument("expected a list of strings");
  for (auto& claim : issuer->claims) claim.is_required = false;
  for (const std::string& name : *names) {
    bool is_known = false;
    for (auto& claim : issuer->claims) {
      if (claim.name != name) continue;
      claim.is_required = is_known = true;
    }
    if (!is_known) return InvalidArgument("there is no claim \"" + name + "\" in claims");
  }
  return OkStatus();
}

Status ApplyIssuerKey(std::string_view key, const toml::node& node, registry::TrustIssuer* issuer) {
  if (key == "claims") {
    ASSIGN_OR_RETURN(issuer->claims, ToClaims(node));
    return OkStatus();
  }
  if (key == "required" || key == "kind") return OkStatus();  // By the caller, for their order matters.
  if (key == "single_use") {
    const auto* flag = node.as_boolean();
    if (flag == nullptr) return InvalidArgument("expected true or false");
    issuer->single_use = flag->get();
    return OkStatus();
  }
  std::string* const text = key == "name"        ? &issuer->name
                            : key == "url"       ? &issuer->url
                            : key == "jwks_file" ? &issuer->jwks_file
                                                 : nullptr;
  if (text == nullptr) return InvalidArgument("there is no such key of an issuer");
  if (!node.is_string()) return InvalidArgument("expected a string");
  *text = node.as_string()->get();
  return OkStatus();
}

Result<registry::TrustIssuer> ToIssuer(const std::string& path, const toml::table& table) {
  registry::TrustIssuer issuer;
  const std::string what = ": trust.issuers";
  const toml::node* kind = table.get("kind");
  if (kind == nullptr || !kind->is_string())
    return InvalidArgument(Where(path, table.source()) + what + ": kind is missing");
  auto parsed = registry::ParseTrustIssuerKind(kind->as_string()->get());
  if (!parsed.ok()) return parsed.status().WithContext(Where(path, kind->source()) + what + ": kind");
  issuer.kind = *parsed;
  issuer.single_use =
      issuer.kind == registry::TrustIssuer::Kind::kGithub;  // Its clients ask for a fresh one each time.
  for (const auto& [key, node] : table) {
    const std::string where = Where(path, node.source()) + what + "." + std::string(key.str());
    RETURN_IF_ERROR(ApplyIssuerKey(key.str(), node, &issuer).WithContext(where));
  }
  if (const toml::node* required = table.get("required"); required != nullptr) {
    RETURN_IF_ERROR(
        ApplyRequired(*required, &issuer).WithContext(Where(path, required->source()) + what + ".required"));
  }
  RETURN_IF_ERROR(CompleteTrustIssuer(&issuer).WithContext(Where(path, table.source()) + what));
  return issuer;
}

Status ApplyIssuers(const std::string& path, const toml::node& node, Config* config) {
  const toml::array* array = node.as_array();
  if (array == nullptr || !array->is_homogeneous<toml::table>()) {
    return InvalidArgument(Where(path, node.source()) + ": trust.issuers: expected [[trust.issuers]]");
  }
  config->trust_issuers.clear();
  for (const toml::node& table : *array) {
    ASSIGN_OR_RETURN(registry::TrustIssuer issuer, ToIssuer(path, *table.as_table()));
    config->trust_issuers.push_back(std::move(issuer));
  }
  return OkStatus();
}

Status ApplySection(const std::string& path, std::string_view section, const toml::table& table, Config* config) {
  for (const auto& [key, node] : table) {
    const std::string where = Where(path, node.source());
    const std::string name = std::string(section) + "." + std::string(key.str());
    if (section == "trust" && key.str() == "issuers") {
      RETURN_IF_ERROR(ApplyIssuers(path, node, config));
      continue;
    }
    const Setting* setting = Find(section, key.str());
    if (setting == nullptr) {
      return InvalidArgument(where + ": there is no setting " + name + " (tarn config show lists them)");
    }
    const auto value = ToValue(node);
    if (!value.ok()) return value.status().WithContext(where + ": " + name);
    RETURN_IF_ERROR(setting->set(config, *value).WithContext(where + ": " + name));
  }
  return OkStatus();
}

}  // namespace

Status ApplyFile(const std::string& path, Config* config) {
  const toml::parse_result parsed = toml::parse_file(path);
  if (!parsed) {
    return InvalidArgument(Where(path, parsed.error().source()) + ": " + std::string(parsed.error().description()));
  }
  for (const auto& [key, node] : parsed.table()) {
    const toml::table* section = node.as_table();
    if (section == nullptr || !IsSection(key.str())) {
      return InvalidArgument(Where(path, node.source()) + ": there is no section [" + std::string(key.str()) +
                             "] (tarn config show lists them)");
    }
    RETURN_IF_ERROR(ApplySection(path, key.str(), *section, config));
  }
  return OkStatus();
}

}  // namespace tarn::cli
