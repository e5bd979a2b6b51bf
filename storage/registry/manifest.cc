#include "storage/registry/manifest.h"

#include <algorithm>

#include "storage/registry/json_text.h"

namespace tarn::registry {
namespace {

Status WrongType(std::string_view what, std::string_view expected) {
  return InvalidArgument(std::string(what) + " is not " + std::string(expected));
}

void IndexDist(std::string_view raw, ManifestIndex* index) {
  const auto members = SplitJsonObject(raw);
  if (!members.ok()) return;  // Not an object: as if it were missing.
  for (const JsonMember& member : *members) {
    if (member.key == "integrity") index->integrity = TextOfJson(member.raw_value);
    if (member.key == "shasum") index->shasum = TextOfJson(member.raw_value);
  }
}

bool HasInstallScript(std::string_view raw_scripts) {
  const auto members = SplitJsonObject(raw_scripts);
  if (!members.ok()) return false;
  return std::any_of(members->begin(), members->end(), [](const JsonMember& member) {
    return (member.key == "preinstall" || member.key == "install" || member.key == "postinstall") &&
           !TextOfJson(member.raw_value).empty();
  });
}

Result<std::string> DeprecationOf(std::string_view raw) {
  if (raw == "null" || raw == "false") return std::string();
  if (KindOfJson(raw) != JsonKind::kString) return WrongType("deprecated", "a string");
  return TextOfJson(raw);
}

Result<PublishRequest::Access> AccessOf(std::string_view raw) {
  if (KindOfJson(raw) == JsonKind::kNull) return PublishRequest::Access::kKeep;
  const std::string access = TextOfJson(raw);
  if (access == "public") return PublishRequest::Access::kPublic;
  if (access == "restricted" || access == "private") return PublishRequest::Access::kRestricted;
  return InvalidArgument("access is neither public nor restricted");
}

Result<std::map<std::string, std::string>> DistTagsOf(std::string_view raw) {
  if (KindOfJson(raw) != JsonKind::kObject) return WrongType("dist-tags", "an object");
  ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitJsonObject(raw));
  if (members.size() > limits::kDistTagsPerPackageMax) {
    return TooLarge("more than " + std::to_string(limits::kDistTagsPerPackageMax) + " dist-tags");
  }
  std::map<std::string, std::string> tags;
  for (JsonMember& member : members) {
    if (KindOfJson(member.raw_value) != JsonKind::kString) {
      return WrongType("a dist-tag's version", "a string");
    }
    tags.emplace(std::move(member.key), TextOfJson(member.raw_value));
  }
  return tags;
}

Result<std::vector<PublishedManifest>> VersionsOf(std::string_view raw) {
  if (KindOfJson(raw) != JsonKind::kObject) return WrongType("versions", "an object");
  ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitJsonObject(raw));
  if (members.size() > limits::kVersionsPerPackageMax) {
    return TooLarge("more than " + std::to_string(limits::kVersionsPerPackageMax) + " versions");
  }
  std::vector<PublishedManifest> versions;
  versions.reserve(members.size());
  for (JsonMember& member : members) {
    Result<ManifestIndex> index = IndexManifest(member.raw_value);
    if (!index.ok()) return index.status().WithContext("version " + member.key);
    versions.push_back({std::move(member.key), member.raw_value, std::move(*index)});
  }
  return versions;
}

Maintainer MaintainerOf(std::string_view raw) {
  Maintainer maintainer;
  const auto members = SplitJsonObject(raw);
  if (!members.ok()) return maintainer;
  for (const JsonMember& member : *members) {
    if (member.key == "name") maintainer.name = TextOfJson(member.raw_value);
    if (member.key == "email") maintainer.email = TextOfJson(member.raw_value);
  }
  return maintainer;
}

Result<std::vector<Maintainer>> MaintainersOf(std::string_view raw) {
  // Publishes of old clients carry odd lists, and nobody reads them there: no error, but nothing
  // that the owner rules would accept either.
  if (KindOfJson(raw) != JsonKind::kArray) return std::vector<Maintainer>(1);
  ASSIGN_OR_RETURN(const std::vector<std::string_view> elements, SplitJsonArray(raw));
  if (elements.size() > limits::kMaintainersPerPackageMax) {
    return TooLarge("more than " + std::to_string(limits::kMaintainersPerPackageMax) + " maintainers");
  }
  std::vector<Maintainer> maintainers;
  for (const std::string_view element : elements) maintainers.push_back(MaintainerOf(element));
  return maintainers;
}

Result<std::map<std::string, bool>> UsersOf(std::string_view raw) {
  std::map<std::string, bool> users;
  if (KindOfJson(raw) != JsonKind::kObject) return users;
  ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitJsonObject(raw));
  for (JsonMember& member : members) {
    users.emplace(std::move(member.key), member.raw_value == "true");
  }
  return users;
}

bool IsString(const JsonMember& member) { return KindOfJson(member.raw_value) == JsonKind::kString; }

Status TakeMember(const JsonMember& member, PublishRequest* request) {
  const std::string& key = member.key;
  const std::string_view raw = member.raw_value;
  if (key == "_id") request->id = TextOfJson(raw);
  if (key == "name") request->name = TextOfJson(raw);
  if (key == "_rev") request->rev = TextOfJson(raw);
  if (key == "description") request->description = TextOfJson(raw);
  if (key == "readmeFilename") request->readme_filename = TextOfJson(raw);
  if (key == "readme" && IsString(member)) request->readme = raw;
  if (key == "access") {
    ASSIGN_OR_RETURN(request->access, AccessOf(raw));
  }
  // What is null is not there.
  if (KindOfJson(raw) == JsonKind::kNull) return OkStatus();
  if (key == "dist-tags") {
    ASSIGN_OR_RETURN(request->dist_tags, DistTagsOf(raw));
  } else if (key == "versions") {
    ASSIGN_OR_RETURN(request->versions, VersionsOf(raw));
  } else if (key == "maintainers") {
    ASSIGN_OR_RETURN(request->maintainers, MaintainersOf(raw));
  } else if (key == "users") {
    ASSIGN_OR_RETURN(request->users, UsersOf(raw));
  }
  return OkStatus();
}

}  // namespace

Result<PublishRequest> ParsePublishRequest(std::string skeleton) {
  PublishRequest request;
  request.text = std::make_unique<const std::string>(std::move(skeleton));
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, SplitJsonObject(*request.text));
  for (const JsonMember& member : members) RETURN_IF_ERROR(TakeMember(member, &request));
  return request;
}

Result<ManifestIndex> IndexManifest(std::string_view raw) {
  if (KindOfJson(raw) != JsonKind::kObject) return WrongType("a manifest", "an object");
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, SplitJsonObject(raw));
  ManifestIndex index;
  for (const JsonMember& member : members) {
    const std::string& key = member.key;
    const std::string_view value = member.raw_value;
    if (key == "name") index.name = TextOfJson(value);
    if (key == "version") index.version = TextOfJson(value);
    if (key == "description") index.description = TextOfJson(value);
    if (key == "readmeFilename") index.readme_filename = TextOfJson(value);
    if (key == "readme" && IsString(member)) index.readme = value;
    if (key == "private") index.is_private = value == "true";
    if (key == "gypfile") index.has_gypfile_false = value == "false";
    if (key == "scripts") index.has_install_script = HasInstallScript(value);
    if (key == "dist") IndexDist(value, &index);
    if (key == "deprecated") {
      ASSIGN_OR_RETURN(index.deprecated, DeprecationOf(value));
    }
  }
  return index;
}

Result<std::string> DecodeReadme(std::string_view raw_readme) {
  ASSIGN_OR_RETURN(std::string text, DecodeJsonString(raw_readme));
  if (text.size() <= limits::kReadmeBytesMax) return text;
  size_t end = limits::kReadmeBytesMax;
  // Back to the first byte of the character that would be cut.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

}  // namespace tarn::registry
