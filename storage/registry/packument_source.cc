#include "storage/registry/packument_source.h"

#include <algorithm>

#include "storage/base/clock.h"
#include "storage/base/logging.h"
#include "storage/registry/integrity.h"
#include "storage/registry/manifest.h"
#include "storage/registry/manifest_summary.h"
#include "storage/registry/origin_members.h"
#include "storage/registry/package_access.h"
#include "storage/registry/package_state.h"

namespace tarn::registry {
namespace {

void AppendMember(std::string* out, std::string_view key, std::string_view text) {
  AppendJsonString(out, key);
  out->push_back(':');
  AppendJsonString(out, text);
}

std::string ToJson(const Maintainer& maintainer) {
  std::string json = "{";
  AppendMember(&json, "name", maintainer.name);
  json.push_back(',');
  AppendMember(&json, "email", maintainer.email);
  json.push_back('}');
  return json;
}

// "[a,b]" or "{a,b}" of what `append` writes for each item.
template <typename Items, typename AppendItem>
std::string Join(char open, const Items& items, char close, const AppendItem& append) {
  std::string json(1, open);
  for (const auto& item : items) {
    if (json.size() > 1) json.push_back(',');
    append(&json, item);
  }
  json.push_back(close);
  return json;
}

// Who published it, and what vouches for that (contract 4.2, `_npmUser`).
std::string NpmUserOf(const VersionRecord& version) {
  std::string json = ToJson(version.publisher);
  json.pop_back();
  if (version.trusted_publisher) {
    json += ",\"trustedPublisher\":{";
    AppendMember(&json, "id", version.trusted_publisher->type);
    json.push_back(',');
    AppendMember(&json, "oidcConfigId", "oidc:" + version.trusted_publisher->config_id);
    json.push_back('}');
  }
  if (version.approver) json += ",\"approver\":" + ToJson(*version.approver);
  return json + "}";
}

std::string ToJson(const std::vector<Maintainer>& maintainers) {
  return Join('[', maintainers, ']',
              [](std::string* out, const Maintainer& maintainer) { out->append(ToJson(maintainer)); });
}

std::string ToJson(const DistTagList& tags) {
  return Join('{', tags, '}',
              [](std::string* out, const auto& entry) { AppendMember(out, entry.first, entry.second); });
}

std::string ToJson(const Unpublished& unpublished) {
  std::string json = "{";
  AppendMember(&json, "name", unpublished.actor);
  json.push_back(',');
  AppendMember(&json, "time", FormatIsoTime(unpublished.time_ms));
  json += ",\"tags\":" + ToJson(unpublished.dist_tags) + ",\"maintainers\":" + ToJson(unpublished.maintainers) + ',';
  AppendMember(&json, "description", unpublished.description);
  json += ",\"versions\":" + Join('[', unpublished.versions, ']',
                                  [](std::string* out, const std::string& version) { AppendJsonString(out, version); });
  json.push_back('}');
  return json;
}

}  // namespace

ManifestOverlay OverlayOf(const PackageName& name, const VersionRecord& version) {
  ManifestOverlay overlay;
  overlay.name = name.full();
  overlay.version = version.version;
  overlay.tarball_file = version.tarball.file_name;
  if (version.tarball.state == TarballState::kVerified) {
    overlay.integrity = FormatIntegrity(version.tarball.sha512);
    overlay.shasum = FormatShasum(version.tarball.sha1);
  }
  overlay.file_count = version.tarball.file_count;
  overlay.unpacked_bytes = version.tarball.unpacked_bytes;
  overlay.evidence = version.keeps_evidence ? ManifestOverlay::Evidence::kKeep : ManifestOverlay::Evidence::kDrop;
  for (const Signature& signature : version.signatures) {
    overlay.signatures.emplace_back(signature.keyid, signature.signature);
  }
  if (version.bundle) overlay.predicate_type = version.bundle->predicate_type;
  overlay.deprecated = version.deprecated;
  if (!version.publisher.name.empty()) overlay.npm_user_json = NpmUserOf(version);
  overlay.maintainers_json = ToJson(version.maintainers);
  overlay.has_install_script = version.has_install_script;
  overlay.has_shrinkwrap = version.tarball.has_shrinkwrap;
  overlay.is_verbatim = version.is_verbatim;
  return overlay;
}

Result<VersionEntry> MakeVersionEntry(const PackageName& name, const VersionRecord& version) {
  const ManifestOverlay overlay = OverlayOf(name, version);
  VersionEntry entry;
  entry.version = version.version;
  entry.time_ms = version.time_ms;
  ASSIGN_OR_RETURN(entry.full, BuildFullManifest(version.manifest, overlay));
  ASSIGN_OR_RETURN(entry.abbreviated, BuildAbbreviatedManifest(version.manifest, overlay));
  return entry;
}

Result<PackumentHead> MakePackumentHead(const PackageName& name, const PackageRecord& package,
                                        const VersionRecord* latest) {
  PackumentHead head;
  head.name = name.full();
  head.rev = package.rev();
  head.dist_tags = package.dist_tags;
  head.created_ms = package.created_ms;
  head.modified_ms = package.modified_ms;
  head.maintainers_json = ToJson(package.maintainers);
  head.is_restricted = package.is_restricted();
  if (!package.stars.empty()) {
    head.users_json = Join('{', package.stars, '}', [](std::string* out, const std::string& user) {
      AppendJsonString(out, user);
      out->append(":true");
    });
  }
  if (package.unpublished) head.unpublished_json = ToJson(*package.unpublished);
  if (latest != nullptr) {
    ASSIGN_OR_RETURN(head.hoisted_members_json, BuildHoistedMembers(latest->manifest));
    ASSIGN_OR_RETURN(head.readme, ReadmeOf(*latest));
    if (!head.readme.empty()) {
      head.readme_filename = latest->readme_filename.empty() ? "README.md" : latest->readme_filename;
    }
    // What its origin had beside the readme is among the origin's members.
    if (latest->is_verbatim) head.readme_filename.clear();
  }
  if (package.imported) {
    const std::string hoisted = std::move(head.hoisted_members_json);
    RETURN_IF_ERROR(ApplyOrigin(package, hoisted, &head).WithContext(name.full()));
  }
  return head;
}

Result<PackumentHead> ReadPackumentHead(const engine::ReadView& view, const PackageName& name,
                                        const PackageRecord& package) {
  std::optional<VersionRecord> latest;
  if (const std::string* tag = package.FindTag("latest")) {
    ASSIGN_OR_RETURN(latest, ReadVersionByText(view, name, *tag));
  }
  return MakePackumentHead(name, package, latest ? &*latest : nullptr);
}

Result<std::unique_ptr<PackumentRope>> BuildPackument(const engine::ReadView& view, const PackageName& name,
                                                      const std::string& base_url) {
  ASSIGN_OR_RETURN(const auto package, ReadPackage(view, name));
  if (!package.record) return NotFound(std::string(kNotFoundText));
  ASSIGN_OR_RETURN(std::vector<VersionSlot> slots, ListVersions(view, name));
  const auto by_ordinal = [](const VersionSlot& a, const VersionSlot& b) { return a.ordinal < b.ordinal; };
  std::sort(slots.begin(), slots.end(), by_ordinal);

  PackumentRopeBuilder builder(base_url);
  for (const VersionSlot& slot : slots) {
    ASSIGN_OR_RETURN(const auto stored, ReadRecord<VersionRecord>(view, engine::Family::kVersion, slot.key));
    if (!stored.record) return Corruption("version " + slot.version + " of " + name.full() + " vanished from a view");
    ASSIGN_OR_RETURN(const VersionEntry entry, MakeVersionEntry(name, *stored.record));
    builder.AddVersion(entry);
  }
  // `time` keeps unpublished versions.
  RETURN_IF_ERROR(ScanTombstones(view, name, [&](TombstoneRecord tombstone) {
    slots.push_back({.ordinal = tombstone.ordinal,
                     .version = std::move(tombstone.version),
                     .time_ms = tombstone.published_ms,
                     .key = {}});
    return true;
  }));
  std::sort(slots.begin(), slots.end(), by_ordinal);
  for (const VersionSlot& slot : slots) builder.AddTime(slot.version, slot.time_ms);
  ASSIGN_OR_RETURN(PackumentHead head, ReadPackumentHead(view, name, *package.record));
  return builder.Finish(std::move(head));
}

}  // namespace tarn::registry
