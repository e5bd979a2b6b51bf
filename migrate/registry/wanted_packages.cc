#include "migrate/registry/wanted_packages.h"

#include <utility>

#include "storage/base/import_limits.h"
#include "storage/registry/json_text.h"
#include "storage/registry/package_name.h"
#include "storage/registry/semver.h"

namespace tarn::migrate {
namespace {

using registry::JsonMember;

constexpr std::string_view kModules = "node_modules/";

std::string_view ValueOf(const std::vector<JsonMember>& members, std::string_view key) {
  for (const JsonMember& member : members) {
    if (member.key == key) return member.raw_value;
  }
  return {};
}

std::string TextOf(const std::vector<JsonMember>& members, std::string_view key) {
  const std::string_view raw = ValueOf(members, key);
  return raw.starts_with('"') ? registry::TextOfJson(raw) : std::string();
}

// A lockfile has each version of a package once for each place it is installed at.
void Lock(const std::string& name, const std::string& version, const std::string& resolved, WantedPackages* wanted) {
  const bool is_elsewhere = !resolved.empty() && !resolved.starts_with("http://") && !resolved.starts_with("https://");
  if (is_elsewhere || !registry::Version::Parse(version).ok() || !registry::PackageName::Parse(name).ok()) {
    wanted->passed_over.push_back(name + " is locked to " + (is_elsewhere ? resolved : version) +
                                  ", which is of no registry");
    return;
  }
  wanted->packages[name].insert(version);
}

// "packages" of lockfile versions 2 and 3: by the path at which each is installed.
Status AddInstalled(std::string_view raw, WantedPackages* wanted) {
  ASSIGN_OR_RETURN(const auto entries, registry::SplitJsonObjectWithRepeats(raw));
  for (const JsonMember& entry : entries) {
    const size_t at = entry.key.rfind(kModules);
    if (at == std::string::npos) continue;  // The root, or a workspace.
    ASSIGN_OR_RETURN(const auto members, registry::SplitJsonObjectWithRepeats(entry.raw_value));
    if (ValueOf(members, "link") == "true" || ValueOf(members, "inBundle") == "true") continue;
    const std::string alias_of = TextOf(members, "name");
    Lock(alias_of.empty() ? entry.key.substr(at + kModules.size()) : alias_of, TextOf(members, "version"),
         TextOf(members, "resolved"), wanted);
  }
  return OkStatus();
}

// "dependencies" of lockfile version 1: a tree, taken apart level by level.
Status AddTree(std::string_view raw, WantedPackages* wanted) {
  std::vector<std::string_view> levels = {raw};
  while (!levels.empty()) {
    const std::string_view level = levels.back();
    levels.pop_back();
    ASSIGN_OR_RETURN(const auto entries, registry::SplitJsonObjectWithRepeats(level));
    for (const JsonMember& entry : entries) {
      ASSIGN_OR_RETURN(const auto members, registry::SplitJsonObjectWithRepeats(entry.raw_value));
      const std::string_view inner = ValueOf(members, "dependencies");
      if (inner.starts_with('{')) levels.push_back(inner);
      if (ValueOf(members, "bundled") == "true") continue;
      const std::string version = TextOf(members, "version");
      constexpr std::string_view kAlias = "npm:";
      const size_t at = version.rfind('@');
      if (version.starts_with(kAlias) && at != std::string::npos && at > kAlias.size()) {
        Lock(version.substr(kAlias.size(), at - kAlias.size()), version.substr(at + 1), TextOf(members, "resolved"),
             wanted);
      } else {
        Lock(entry.key, version, TextOf(members, "resolved"), wanted);
      }
    }
  }
  return OkStatus();
}

Status AddLockfile(std::string_view text, WantedPackages* wanted) {
  ASSIGN_OR_RETURN(const auto members, registry::ParseJsonObject(text));
  const std::string_view installed = ValueOf(members, "packages");
  if (installed.starts_with('{')) return AddInstalled(installed, wanted);
  const std::string_view tree = ValueOf(members, "dependencies");
  if (tree.starts_with('{') && !ValueOf(members, "lockfileVersion").empty()) return AddTree(tree, wanted);
  return InvalidArgument("JSON, but neither package-lock.json nor npm-shrinkwrap.json (no \"packages\")");
}

}  // namespace

Status AddWanted(std::string_view entry, WantedPackages* wanted) {
  const size_t at = entry.find('@', 1);
  const std::string name(entry.substr(0, at));
  if (name.find_first_of(" \t") != std::string::npos) {
    return InvalidArgument("\"" + std::string(entry.substr(0, 80)) + "\" is not one name");
  }
  RETURN_IF_ERROR(
      registry::PackageName::Parse(name).status().WithContext("\"" + std::string(entry.substr(0, 80)) + "\""));
  if (at == std::string_view::npos) {
    wanted->packages[name].clear();
    return OkStatus();
  }
  const std::string version(entry.substr(at + 1));
  if (!registry::Version::Parse(version).ok()) {
    return InvalidArgument("\"" + std::string(entry.substr(0, 80)) + "\": after the @ stands no exact version");
  }
  const auto known = wanted->packages.find(name);
  if (known == wanted->packages.end() || !known->second.empty()) wanted->packages[name].insert(version);
  return OkStatus();
}

Result<WantedPackages> ParseWantedPackages(std::string_view text) {
  WantedPackages wanted;
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return InvalidArgument("it is empty");
  text = text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
  if (text.starts_with('{')) {
    RETURN_IF_ERROR(AddLockfile(text, &wanted));
    return wanted;
  }
  if (text.starts_with('[')) {
    ASSIGN_OR_RETURN(const auto entries, registry::ParseJsonArray(text));
    for (const std::string_view entry : entries) RETURN_IF_ERROR(AddWanted(registry::TextOfJson(entry), &wanted));
    return wanted;
  }
  if (text.starts_with("# THIS IS AN AUTOGENERATED FILE") || text.starts_with("__metadata:") ||
      text.starts_with("lockfileVersion:")) {
    return InvalidArgument(
        "the lockfile of yarn or pnpm; give package-lock.json, npm-shrinkwrap.json or a list of names");
  }
  size_t number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line = line.substr(0, line.find('#'));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    if (line.empty()) continue;
    RETURN_IF_ERROR(AddWanted(line, &wanted).WithContext("line " + std::to_string(number)));
  }
  return wanted;
}

}  // namespace tarn::migrate
