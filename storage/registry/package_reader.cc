#include "storage/registry/package_reader.h"

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/logging.h"
#include "storage/engine/keys.h"
#include "storage/registry/attestations.h"
#include "storage/registry/packument_source.h"
#include "storage/registry/publish_request.h"

namespace tarn::registry {
namespace {

using engine::Family;

// Of the bytes served, which differ by base URL.
std::string ETagOf(std::string_view json) { return "\"" + Base64UrlEncode(Sha256(json).view().substr(0, 18)) + "\""; }

// The inside of a JSON string.
std::string EscapeForJson(std::string_view text) {
  const std::string quoted = JsonString(text);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

Status PackageReader::CheckMayAsk(const Principal& principal) const {
  if (options_.read_access == RegistryOptions::ReadAccess::kAnyone || principal.is_authenticated()) return OkStatus();
  return Unauthenticated("This registry is private: log in first.");
}

Result<PackumentAnswer> PackageReader::GetPackument(const Principal& principal, const PackageName& name,
                                                    PackumentForm form, PackumentCoding coding,
                                                    const std::string& base_url) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  const PackumentKey key{.package = name.full(), .base_url = base_url, .form = form, .coding = coding};
  PackumentCache::BodyPtr body = cache_->Find(key);
  // What everybody may read needs no look at the store.
  if (body != nullptr && !body->is_restricted) return PackumentAnswer{body, body->modified_ms, false};

  {
    ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
    ASSIGN_OR_RETURN(const VisiblePackage visible, ReadVisiblePackage(*view, principal, name));
  }
  if (body == nullptr) {
    ASSIGN_OR_RETURN(body, cache_->FindOrBuild(key, [&]() -> Result<std::unique_ptr<PackumentRope>> {
      ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
      return BuildPackument(*view, name, base_url);
    }));
    sealer_->Wake();
  }
  return PackumentAnswer{body, body->modified_ms, body->is_restricted};
}

Result<VersionRecord> PackageReader::FindVersion(const engine::ReadView& view, const PackageName& name,
                                                 const PackageRecord& package, std::string_view spec) {
  const Status not_found = NotFound("version not found: " + std::string(spec));
  const std::string* tagged = package.FindTag(spec);
  const std::string_view text = tagged != nullptr ? std::string_view(*tagged) : spec;
  ASSIGN_OR_RETURN(auto exact, ReadVersionByText(view, name, text));
  if (exact) return std::move(*exact);
  if (Version::ParseLoose(text).ok()) return not_found;
  // An imported package may lack the tag; the CouchDB application then took the highest version.
  const bool is_any = package.imported && tagged == nullptr && spec == "latest";
  const auto range = Range::Parse(is_any ? "*" : spec);
  if (!range.ok()) return not_found;
  ASSIGN_OR_RETURN(const auto slots, ListVersions(view, name));
  for (auto slot = slots.rbegin(); slot != slots.rend(); ++slot) {  // They ascend.
    if (IsOddVersionKey(name, slot->key)) continue;
    ASSIGN_OR_RETURN(const Version candidate, Version::ParseLoose(slot->version));
    if (!range->Contains(candidate)) continue;
    ASSIGN_OR_RETURN(auto stored, ReadRecord<VersionRecord>(view, Family::kVersion, slot->key));
    if (stored.record) return std::move(*stored.record);
  }
  return not_found;
}

Result<ManifestAnswer> PackageReader::GetManifest(const Principal& principal, const PackageName& name,
                                                  std::string_view spec, const std::string& base_url) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const VisiblePackage visible, ReadVisiblePackage(*view, principal, name));
  ASSIGN_OR_RETURN(const VersionRecord version, FindVersion(*view, name, visible.record, spec));
  ASSIGN_OR_RETURN(const ManifestFragment fragment, BuildFullManifest(version.manifest, OverlayOf(name, version)));
  ManifestAnswer answer;
  AppendWithBaseUrl(&answer.json, fragment, EscapeForJson(base_url));
  answer.etag = ETagOf(answer.json);
  answer.modified_ms = visible.record.modified_ms;
  answer.is_restricted = visible.record.is_restricted();
  return answer;
}

Result<ManifestAnswer> PackageReader::GetAttestations(const Principal& principal, const PackageName& name,
                                                      std::string_view version_text) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const VisiblePackage visible, ReadVisiblePackage(*view, principal, name));
  const Status none = NotFound("There are no attestations of " + name.full() + "@" + std::string(version_text) + ".");
  const auto number = Version::ParseLoose(version_text);
  if (!number.ok()) return none;
  ASSIGN_OR_RETURN(const auto version, ReadVersion(*view, name, *number));
  if (!version || !version->bundle || version->bundle->predicate_type.empty()) return none;
  ASSIGN_OR_RETURN(const BlobReader blob, store_->blobs().Open(version->bundle->sha512));
  std::string bundle;
  RETURN_IF_ERROR(blob.file->ReadAt(blob.offset_bytes, blob.info.size_bytes, &bundle));
  if (Sha512(bundle) != version->bundle->sha512) {
    return Corruption("the provenance bundle of " + name.full() + "@" + version->version);
  }
  ManifestAnswer answer;
  answer.json = AttestationsDocument(version->bundle->predicate_type, bundle);
  answer.etag = ETagOf(answer.json);
  answer.modified_ms = version->time_ms;
  answer.is_restricted = visible.record.is_restricted();
  return answer;
}

Result<TarballAnswer> PackageReader::OpenTarball(const Principal& principal, const PackageName& name,
                                                 std::string_view file_name) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const VisiblePackage visible, ReadVisiblePackage(*view, principal, name));
  Digest sha512;
  const ImportedFile* file = visible.record.imported ? visible.record.imported->FindFile(file_name) : nullptr;
  if (file != nullptr) {
    sha512 = file->sha512;
  } else {
    ASSIGN_OR_RETURN(const Version version, VersionOfTarball(name, file_name));
    ASSIGN_OR_RETURN(const auto tarball, ReadTarball(*view, name, version));
    // An imported tarball has one name, which may belong to another version than this one says.
    const bool is_it = tarball && tarball->state != TarballState::kMissing &&
                       (!visible.record.imported || tarball->file_name == file_name);
    if (!is_it) return NotFound("no such tarball: " + std::string(file_name));
    sha512 = tarball->sha512;
  }
  auto reader = store_->blobs().Open(sha512);
  if (reader.code() == Code::kNotFound) {
    return Corruption("the tarball " + std::string(file_name) + " of " + name.full() +
                      " is missing from the blob store");
  }
  RETURN_IF_ERROR(reader.status());
  return TarballAnswer{std::move(reader).value(), nullptr, visible.record.is_restricted()};
}

Result<DistTags> PackageReader::GetDistTags(const Principal& principal, const PackageName& name) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(VisiblePackage visible, ReadVisiblePackage(*view, principal, name));
  return std::move(visible.record.dist_tags);
}

Result<bool> PackageReader::IsPublic(const Principal& principal, const PackageName& name) {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const VisiblePackage visible, ReadVisiblePackage(*view, principal, name));
  return !visible.record.is_restricted();
}

}  // namespace tarn::registry
