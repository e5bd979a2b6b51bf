#include "storage/registry/publish_request.h"

#include "storage/base/limits.h"
#include "storage/registry/integrity.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kTarballSuffix = ".tgz";

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

Status CheckNames(const PackageName& name, const PublishRequest& request) {
  if (request.name != name.full()) {
    return InvalidArgument("the document is named " + Quoted(request.name) + ", the path " + Quoted(name.full()));
  }
  if (!request.id.empty() && request.id != name.full()) {
    return InvalidArgument("the document's _id is " + Quoted(request.id) + ", the path " + Quoted(name.full()));
  }
  return OkStatus();
}

// The version an attachment's name speaks of: "<name>-<version>.tgz" with or without the scope in front.
Result<Version> VersionOfAttachment(const PackageName& name, std::string_view attachment) {
  std::string_view file = attachment;
  if (name.is_scoped() && file.starts_with(name.full())) file.remove_prefix(name.full().size() - name.base().size());
  auto version = VersionOfTarball(name, file);
  if (!version.ok()) {
    return InvalidArgument("the attachment " + Quoted(attachment) + " is not named like a tarball of " + name.full());
  }
  return version;
}

Result<const PublishedManifest*> FindManifest(const PublishRequest& request, const Version& version) {
  if (!request.versions || request.versions->empty()) return InvalidArgument("the document has no versions");
  for (const PublishedManifest& manifest : *request.versions) {
    const auto parsed = Version::Parse(manifest.key);
    if (parsed.ok() && *parsed == version) return &manifest;
  }
  return InvalidArgument("the document has a tarball of version " + version.ToString() + " but no such manifest");
}

Status CheckManifest(const PackageName& name, const PublishedManifest& manifest, const Version& version) {
  RETURN_IF_ERROR(ValidateManifest(manifest));
  if (manifest.index.name != name.full()) {
    return InvalidArgument("the manifest is named " + Quoted(manifest.index.name) + ", the path " +
                           Quoted(name.full()));
  }
  ASSIGN_OR_RETURN(const Version inner, Version::Parse(manifest.index.version));
  if (inner.ToString() != version.ToString()) {
    return InvalidArgument("the manifest of " + version.ToString() + " says version " + inner.ToString());
  }
  if (manifest.index.deprecated && manifest.index.deprecated->size() > limits::kDeprecationBytesMax) {
    return InvalidArgument("the deprecation message is over " + std::to_string(limits::kDeprecationBytesMax) +
                           " bytes");
  }
  return OkStatus();
}

// Exactly one tag, naming the new version. With several versions in the document the tags of the others do not count.
Result<std::string> NewDistTag(const PublishRequest& request, const Version& version) {
  std::vector<std::string> tags;
  if (request.dist_tags) {
    for (const auto& [tag, target] : *request.dist_tags) {
      const auto parsed = Version::Parse(target);
      if (parsed.ok() && *parsed == version) {
        tags.push_back(tag);
      } else if (request.versions->size() == 1) {
        return InvalidArgument("the dist-tag " + Quoted(tag) + " names " + Quoted(target) +
                               ", which is not the version published");
      }
    }
  }
  if (tags.size() != 1) {
    return InvalidArgument("a publish needs exactly one dist-tag, this one has " + std::to_string(tags.size()));
  }
  RETURN_IF_ERROR(ValidateDistTag(tags[0]));
  return tags[0];
}

Status CheckBytes(const ManifestIndex& index, const engine::BlobInfo& blob) {
  if (!index.integrity.empty()) {
    const auto integrity = Integrity::Parse(index.integrity);
    if (!integrity.ok()) return integrity.status().WithContext("dist.integrity");
    RETURN_IF_ERROR(integrity->Check({blob.sha512, blob.sha1}).WithContext("dist.integrity"));
  }
  if (!index.shasum.empty()) RETURN_IF_ERROR(CheckShasum(index.shasum, blob.sha1).WithContext("dist.shasum"));
  return OkStatus();
}

Status CheckContents(const PackageName& name, const Version& version, const TarballReport& report) {
  const auto identity = ReadPackageIdentity(report.package_json);
  if (!identity.ok()) return identity.status().WithContext("package.json in the tarball");
  const auto inner = Version::Parse(identity->version);
  if (identity->name != name.full() || !inner.ok() || *inner != version) {
    return InvalidArgument("the tarball is of " + identity->name + "@" + identity->version + ", the manifest of " +
                           name.full() + "@" + version.ToString());
  }
  return OkStatus();
}

const PublishAttachment* FindTarball(const std::vector<PublishAttachment>& attachments) {
  for (const PublishAttachment& attachment : attachments) {
    if (attachment.kind == PublishAttachment::Kind::kTarball) return &attachment;
  }
  return nullptr;
}

// npm and pnpm put the readme into the manifest, where it stays; npm 6 and yarn put it beside, and only then do we
// keep it apart.
Status TakeReadme(const PublishRequest& request, const ManifestIndex& index, VersionRecord* record) {
  record->readme_filename = index.readme_filename.empty() ? request.readme_filename : index.readme_filename;
  if (!index.readme.empty() || request.readme.empty()) return OkStatus();
  ASSIGN_OR_RETURN(record->readme, DecodeReadme(request.readme));
  return OkStatus();
}

}  // namespace

std::string TarballFileName(const PackageName& name, const Version& version) {
  return std::string(name.base()) + "-" + version.Canonical() + std::string(kTarballSuffix);
}

Result<Version> VersionOfTarball(const PackageName& name, std::string_view file_name) {
  const std::string_view base = name.base();
  if (file_name.size() > base.size() + 1 + kTarballSuffix.size() && file_name.starts_with(base) &&
      file_name[base.size()] == '-' && file_name.ends_with(kTarballSuffix)) {
    const std::string_view text =
        file_name.substr(base.size() + 1, file_name.size() - base.size() - 1 - kTarballSuffix.size());
    auto version = Version::Parse(text);
    if (version.ok()) return version;
  }
  return NotFound("no such tarball: " + std::string(file_name));
}

Result<NewVersion> CheckPublishRequest(const PackageName& name, const PublishRequest& request,
                                       const std::vector<PublishAttachment>& attachments,
                                       const ReceivedTarball& tarball) {
  RETURN_IF_ERROR(CheckNames(name, request));
  const PublishAttachment* attachment = FindTarball(attachments);
  if (attachment == nullptr) return InvalidArgument("the document has no tarball in _attachments");
  ASSIGN_OR_RETURN(const Version attached, VersionOfAttachment(name, attachment->name));
  ASSIGN_OR_RETURN(const PublishedManifest* manifest, FindManifest(request, attached));
  ASSIGN_OR_RETURN(const Version version, Version::Parse(manifest->key));
  RETURN_IF_ERROR(CheckManifest(name, *manifest, version));
  ASSIGN_OR_RETURN(std::string dist_tag, NewDistTag(request, version));
  if (request.access == PublishRequest::Access::kRestricted && !name.is_scoped()) {
    return InvalidArgument("unscoped packages are always public");
  }
  RETURN_IF_ERROR(CheckBytes(manifest->index, tarball.blob));
  RETURN_IF_ERROR(CheckContents(name, version, tarball.report));

  NewVersion result{version, std::move(dist_tag), request.access, {}};
  VersionRecord& record = result.record;
  record.version = version.ToString();
  record.manifest = manifest->raw;
  record.deprecated = manifest->index.deprecated.value_or("");
  record.has_install_script =
      manifest->index.has_install_script || (tarball.report.has_binding_gyp && !manifest->index.has_gypfile_false);
  record.tarball = {.sha512 = tarball.blob.sha512,
                    .sha1 = tarball.blob.sha1,
                    .size_bytes = tarball.blob.size_bytes,
                    .file_name = TarballFileName(name, version),
                    .file_count = tarball.report.file_count,
                    .unpacked_bytes = tarball.report.unpacked_bytes,
                    .has_shrinkwrap = tarball.report.has_shrinkwrap};
  RETURN_IF_ERROR(TakeReadme(request, manifest->index, &record));
  return result;
}

}  // namespace tarn::registry
