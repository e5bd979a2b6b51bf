#include "storage/base/logging.h"
#include "storage/registry/json_text.h"
#include "storage/registry/manifest.h"
#include "storage/registry/package_name.h"
#include "storage/registry/semver.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

Status Bad(std::string_view key, std::string_view what) {
  return InvalidArgument("the manifest's " + std::string(key) + " " + std::string(what));
}

Status CheckCount(std::string_view key, size_t count) {
  if (count <= limits::kDependenciesPerKindMax) return OkStatus();
  return InvalidArgument("the manifest has more than " + std::to_string(limits::kDependenciesPerKindMax) + " " +
                         std::string(key));
}

enum class Values : uint8_t { kStrings, kAnything };

// Of an object: how many members, and what they are. null counts as missing.
Result<size_t> CheckObject(std::string_view key, std::string_view raw, Values values) {
  if (KindOfJson(raw) == JsonKind::kNull) return size_t{0};
  if (KindOfJson(raw) != JsonKind::kObject) return Bad(key, "is not an object");
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, SplitJsonObject(raw));
  for (const JsonMember& member : members) {
    if (values == Values::kStrings && KindOfJson(member.raw_value) != JsonKind::kString) {
      return Bad(key, "has a value that is not a string: " + JsonString(member.key));
    }
  }
  return members.size();
}

// A list of names, or true for all.
Status CheckBundled(std::string_view key, std::string_view raw) {
  switch (KindOfJson(raw)) {
    case JsonKind::kNull:
    case JsonKind::kBoolean: return OkStatus();
    case JsonKind::kArray: break;
    default: return Bad(key, "is not a list");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string_view> elements, SplitJsonArray(raw));
  for (const std::string_view element : elements) {
    if (KindOfJson(element) != JsonKind::kString) return Bad(key, "has an entry that is no string");
  }
  return CheckCount(key, elements.size());
}

Status CheckMember(const JsonMember& member) {
  const std::string& key = member.key;
  const std::string_view raw = member.raw_value;
  if (key == "dependencies" || key == "devDependencies" || key == "optionalDependencies" || key == "peerDependencies") {
    ASSIGN_OR_RETURN(const size_t count, CheckObject(key, raw, Values::kStrings));
    return CheckCount(key, count);
  }
  if (key == "peerDependenciesMeta" || key == "dependenciesMeta" || key == "acceptDependencies") {
    ASSIGN_OR_RETURN(const size_t count, CheckObject(key, raw, Values::kAnything));
    return CheckCount(key, count);
  }
  if (key == "bundleDependencies" || key == "bundledDependencies") return CheckBundled(key, raw);
  if (key == "scripts" || (key == "bin" && KindOfJson(raw) != JsonKind::kString)) {
    return CheckObject(key, raw, Values::kStrings).status();
  }
  return OkStatus();
}

}  // namespace

Status ValidateManifest(const PublishedManifest& manifest) {
  const ManifestIndex& index = manifest.index;
  if (manifest.raw.size() - index.readme.size() > limits::kManifestBytesMax) {
    return TooLarge("the manifest without its readme is larger than " + std::to_string(limits::kManifestBytesMax) +
                    " bytes");
  }
  const Result<Version> key = Version::Parse(manifest.key);
  if (!key.ok()) return key.status().WithContext("the key in versions");
  if (index.version.empty()) return Bad("version", "is missing");
  const Result<Version> version = Version::Parse(index.version);
  if (!version.ok()) return version.status().WithContext("the manifest");
  if (key->ToString() != version->ToString()) {
    return Bad("version", "is " + version->ToString() + ", its key in versions " + key->ToString());
  }
  if (index.name.empty()) return Bad("name", "is missing");
  RETURN_IF_ERROR(PackageName::Parse(index.name).status().WithContext("the manifest"));
  if (index.is_private) {
    return InvalidArgument(
        "this package has been marked as private, remove the \"private\" field "
        "from its package.json to publish it");
  }
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, SplitJsonObject(manifest.raw));
  for (const JsonMember& member : members) RETURN_IF_ERROR(CheckMember(member));
  return OkStatus();
}

Result<PackageIdentity> ReadPackageIdentity(std::string_view package_json) {
  if (package_json.starts_with(kByteOrderMark)) package_json.remove_prefix(kByteOrderMark.size());
  RETURN_IF_ERROR(ValidateJson(package_json));
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, SplitJsonObjectWithRepeats(package_json));
  PackageIdentity identity;
  for (const JsonMember& member : members) {
    std::string* const field = member.key == "name"      ? &identity.name
                               : member.key == "version" ? &identity.version
                                                         : nullptr;
    if (field == nullptr) continue;
    if (!field->empty()) return InvalidArgument("package.json has its " + member.key + " twice");
    *field = TextOfJson(member.raw_value);
    if (field->empty()) return InvalidArgument("package.json has no proper " + member.key);
  }
  if (identity.name.empty()) return InvalidArgument("package.json has no name");
  if (identity.version.empty()) return InvalidArgument("package.json has no version");
  return identity;
}

}  // namespace tarn::registry
