#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "http/cli/config.h"

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

Status ApplySection(const std::string& path, std::string_view section, const toml::table& table, Config* config) {
  for (const auto& [key, node] : table) {
    const std::string where = Where(path, node.source());
    const std::string name = std::string(section) + "." + std::string(key.str());
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
