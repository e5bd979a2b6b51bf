#include "storage/registry/origin_members.h"

#include <algorithm>

#include "storage/base/clock.h"
#include "storage/base/compress.h"
#include "storage/base/limits.h"
#include "storage/registry/json_text.h"
#include "storage/registry/manifest.h"

namespace tarn::registry {
namespace {

constexpr int kCompressionLevel = 3;
// More than any document that can be imported; bounds what a damaged record makes us allocate.
constexpr uint64_t kOriginBytesMax = limits::kRecordBytesMax;

bool IsTruthy(std::string_view raw) {
  switch (KindOfJson(raw)) {
    case JsonKind::kNull: return false;
    case JsonKind::kBoolean: return raw == "true";
    case JsonKind::kNumber: return raw.find_first_of("123456789") < raw.find_first_of("eE");
    case JsonKind::kString: return raw.size() > 2;
    case JsonKind::kArray:
    case JsonKind::kObject: return true;
  }
  return false;
}

std::string_view TrimSpaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// What can be part of a key and names somebody.
bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= limits::kPackageNameBytesMax && name.find('\0') == std::string_view::npos;
}

Maintainer MaintainerOf(std::string_view raw) {
  Maintainer maintainer;
  if (KindOfJson(raw) == JsonKind::kString) {
    const std::string text = TextOfJson(raw);
    const size_t open = text.find('<');
    maintainer.name = TrimSpaces(std::string_view(text).substr(0, open));
    if (open != std::string::npos) {
      maintainer.email = std::string_view(text).substr(open + 1, text.find('>', open) - open - 1);
    }
    return maintainer;
  }
  const auto members = SplitJsonObject(raw);
  if (!members.ok()) return maintainer;
  for (const JsonMember& member : *members) {
    if (member.key == "name") maintainer.name = TextOfJson(member.raw_value);
    if (member.key == "email") maintainer.email = TextOfJson(member.raw_value);
  }
  return maintainer;
}

}  // namespace

void SetOrigin(const OriginMembers& members, ImportedPackage* imported) {
  std::string text = "{\"document\":" + members.document;
  if (!members.unpublished.empty()) text += ",\"unpublished\":" + members.unpublished;
  text += '}';
  imported->origin.clear();
  ZstdAppend(text, kCompressionLevel, &imported->origin);
  imported->origin_bytes = text.size();
}

Result<OriginMembers> OriginOf(const ImportedPackage& imported) {
  if (imported.origin_bytes > kOriginBytesMax) return Corruption("an imported package's members are too large");
  std::string text;
  RETURN_IF_ERROR(ZstdExtract(imported.origin, imported.origin_bytes, &text));
  const auto parts = SplitJsonObject(text);
  if (!parts.ok()) return Corruption("an imported package's members cannot be read");
  OriginMembers members;
  for (const JsonMember& part : *parts) {
    if (part.key == "document") members.document = part.raw_value;
    if (part.key == "unpublished") members.unpublished = part.raw_value;
  }
  return members;
}

std::vector<Maintainer> MaintainersOfOrigin(std::string_view raw_list) {
  std::vector<Maintainer> maintainers;
  const auto elements = SplitJsonArray(raw_list);
  if (!elements.ok()) return maintainers;
  for (const std::string_view element : *elements) {
    Maintainer maintainer = MaintainerOf(element);
    const bool is_known = std::any_of(maintainers.begin(), maintainers.end(),
                                      [&](const Maintainer& known) { return known.name == maintainer.name; });
    if (!IsName(maintainer.name) || is_known || maintainers.size() == limits::kMaintainersPerPackageMax) continue;
    maintainers.push_back(std::move(maintainer));
  }
  return maintainers;
}

std::vector<std::string> StarsOfOrigin(std::string_view raw_users) {
  std::vector<std::string> stars;
  const auto members = SplitJsonObjectWithRepeats(raw_users);
  if (!members.ok()) return stars;
  for (const JsonMember& member : *members) {
    if (IsTruthy(member.raw_value) && IsName(member.key)) stars.push_back(member.key);
  }
  std::sort(stars.begin(), stars.end());
  stars.erase(std::unique(stars.begin(), stars.end()), stars.end());
  return stars;
}

std::optional<Unpublished> UnpublishedOfOrigin(std::string_view raw) {
  if (KindOfJson(raw) != JsonKind::kObject) return std::nullopt;
  const auto members = SplitJsonObject(raw);
  if (!members.ok()) return std::nullopt;
  Unpublished unpublished;
  for (const JsonMember& member : *members) {
    if (member.key == "name") unpublished.actor = TextOfJson(member.raw_value);
    if (member.key == "description") unpublished.description = TextOfJson(member.raw_value);
    if (member.key == "maintainers") unpublished.maintainers = MaintainersOfOrigin(member.raw_value);
    if (member.key == "time") {
      const auto time_ms = ParseIsoTime(TextOfJson(member.raw_value));
      if (time_ms.ok()) unpublished.time_ms = *time_ms;
    }
    if (member.key == "tags") {
      const auto tags = SplitJsonObject(member.raw_value);
      if (!tags.ok()) continue;
      for (const JsonMember& tag : *tags) unpublished.dist_tags.emplace_back(tag.key, TextOfJson(tag.raw_value));
      std::sort(unpublished.dist_tags.begin(), unpublished.dist_tags.end());
    }
    if (member.key == "versions") {
      const auto versions = SplitJsonArray(member.raw_value);
      if (!versions.ok()) continue;
      for (const std::string_view version : *versions) unpublished.versions.push_back(TextOfJson(version));
    }
  }
  if (unpublished.time_ms == 0) return std::nullopt;
  return unpublished;
}

Status ApplyOrigin(const PackageRecord& package, std::string_view hoisted, PackumentHead* head) {
  ASSIGN_OR_RETURN(const OriginMembers origin, OriginOf(*package.imported));
  const auto members = SplitJsonObject(origin.document);
  if (!members.ok()) return Corruption("an imported package's members cannot be read");
  const std::string* latest = package.FindTag("latest");
  const bool is_same_latest = (latest == nullptr ? std::string() : *latest) == package.imported->latest;
  bool has_maintainers = false;
  std::string kept;
  for (const JsonMember& member : *members) {
    if (member.key == "maintainers") {
      has_maintainers = true;
      if (MaintainersOfOrigin(member.raw_value) == package.maintainers) head->maintainers_json = member.raw_value;
      continue;
    }
    if (member.key == "users") {
      if (StarsOfOrigin(member.raw_value) == package.stars) head->users_json = member.raw_value;
      continue;
    }
    if (!is_same_latest && IsTakenFromLatest(member.key)) continue;
    if (!kept.empty()) kept += ',';
    kept.append(member.raw_key).append(":").append(member.raw_value);
  }
  if (!has_maintainers && package.maintainers.empty()) head->maintainers_json.clear();
  if (!is_same_latest && !hoisted.empty()) {
    if (!kept.empty()) kept += ',';
    kept += hoisted;
  }
  head->hoisted_members_json = std::move(kept);
  if (package.unpublished && !origin.unpublished.empty()) {
    const auto unpublished = UnpublishedOfOrigin(origin.unpublished);
    if (unpublished && *unpublished == *package.unpublished) head->unpublished_json = origin.unpublished;
  }
  return OkStatus();
}

}  // namespace tarn::registry
