// FlatBuffers form of the packages' part of records.h.

#include <cstring>

#include "storage/registry/flat_fields.h"
#include "storage/registry/records.h"
#include "storage/schema/blob_generated.h"
#include "storage/schema/package_generated.h"
#include "storage/schema/tombstone_generated.h"
#include "storage/schema/version_generated.h"

namespace tarn::registry {

using namespace flat;  // NOLINT: the helpers exist for these files.

namespace {

// --- writing ---

Offset<schema::Maintainer> Write(FlatBufferBuilder& builder, const Maintainer& maintainer) {
  const auto name = Text(builder, maintainer.name);
  const auto email = Text(builder, maintainer.email);
  return schema::CreateMaintainer(builder, name, email);
}

Offset<Vector<Offset<schema::Maintainer>>> Write(FlatBufferBuilder& builder,
                                                 const std::vector<Maintainer>& maintainers) {
  return Tables<schema::Maintainer>(builder, maintainers,
                                    [&](const Maintainer& maintainer) { return Write(builder, maintainer); });
}

Offset<Vector<Offset<schema::DistTag>>> Write(FlatBufferBuilder& builder, const DistTagList& tags) {
  return Tables<schema::DistTag>(builder, tags, [&](const auto& entry) {
    const auto tag = Text(builder, entry.first);
    const auto version = Text(builder, entry.second);
    return schema::CreateDistTag(builder, tag, version);
  });
}

Offset<schema::LatestSummary> Write(FlatBufferBuilder& builder, const LatestSummary& latest) {
  const auto version = Text(builder, latest.version);
  const auto description = Text(builder, latest.description);
  const auto keywords = Texts(builder, latest.keywords);
  const auto license = Text(builder, latest.license);
  const auto homepage = Text(builder, latest.homepage);
  const auto repository = Text(builder, latest.repository);
  const auto bugs = Text(builder, latest.bugs);
  const auto publisher = Write(builder, latest.publisher);
  return schema::CreateLatestSummary(builder, version, description, keywords, license, homepage, repository, bugs,
                                     publisher, latest.time_ms, latest.is_deprecated);
}

Offset<schema::Unpublished> Write(FlatBufferBuilder& builder, const Unpublished& unpublished) {
  const auto actor = Text(builder, unpublished.actor);
  const auto tags = Write(builder, unpublished.dist_tags);
  const auto maintainers = Write(builder, unpublished.maintainers);
  const auto description = Text(builder, unpublished.description);
  const auto versions = Texts(builder, unpublished.versions);
  return schema::CreateUnpublished(builder, actor, unpublished.time_ms, tags, maintainers, description, versions);
}

template <typename Struct, typename Bytes>
Struct ToStruct(const Bytes& bytes) {
  static_assert(sizeof(Struct) == Bytes::kSize);
  Struct result;
  std::memcpy(&result, bytes.bytes().data(), sizeof(result));
  return result;
}

Offset<schema::Tarball> Write(FlatBufferBuilder& builder, const TarballRecord& tarball) {
  const auto sha512 = ToStruct<schema::Sha512>(tarball.sha512);
  const auto sha1 = ToStruct<schema::Sha1>(tarball.sha1);
  const auto file_name = Text(builder, tarball.file_name);
  return schema::CreateTarball(builder, &sha512, &sha1, tarball.size_bytes, file_name, tarball.file_count,
                               tarball.unpacked_bytes, tarball.has_shrinkwrap,
                               static_cast<schema::TarballState>(tarball.state));
}

Offset<schema::ImportedPackage> Write(FlatBufferBuilder& builder, const ImportedPackage& imported) {
  const auto origin_rev = Text(builder, imported.origin_rev);
  const auto latest = Text(builder, imported.latest);
  const auto origin = Bytes(builder, imported.origin);
  const auto files = Tables<schema::ImportedFile>(builder, imported.files, [&](const ImportedFile& file) {
    const auto file_name = Text(builder, file.file_name);
    const auto sha512 = ToStruct<schema::Sha512>(file.sha512);
    return schema::CreateImportedFile(builder, file_name, &sha512);
  });
  return schema::CreateImportedPackage(builder, origin_rev, imported.modified_ms, imported.finding_count, latest,
                                       origin, imported.origin_bytes, files);
}

Offset<schema::AttestationBundle> Write(FlatBufferBuilder& builder, const AttestationBundle& bundle) {
  const auto sha512 = ToStruct<schema::Sha512>(bundle.sha512);
  const auto media_type = Text(builder, bundle.media_type);
  const auto predicate_type = Text(builder, bundle.predicate_type);
  return schema::CreateAttestationBundle(builder, &sha512, bundle.size_bytes, media_type, predicate_type);
}

Offset<Vector<Offset<schema::Signature>>> Write(FlatBufferBuilder& builder, const std::vector<Signature>& signatures) {
  return Tables<schema::Signature>(builder, signatures, [&](const Signature& signature) {
    const auto keyid = Text(builder, signature.keyid);
    const auto text = Text(builder, signature.signature);
    return schema::CreateSignature(builder, keyid, text);
  });
}

Offset<schema::TrustedPublisher> Write(FlatBufferBuilder& builder, const TrustedPublisher& publisher) {
  const auto type = Text(builder, publisher.type);
  const auto config_id = Text(builder, publisher.config_id);
  return schema::CreateTrustedPublisher(builder, type, config_id);
}

// --- reading ---

Maintainer Read(const schema::Maintainer* maintainer) {
  if (maintainer == nullptr) return {};
  return {Text(maintainer->name()), Text(maintainer->email())};
}

std::vector<Maintainer> Read(const Vector<Offset<schema::Maintainer>>* maintainers) {
  std::vector<Maintainer> result;
  if (maintainers == nullptr) return result;
  for (const schema::Maintainer* maintainer : *maintainers) result.push_back(Read(maintainer));
  return result;
}

DistTagList Read(const Vector<Offset<schema::DistTag>>* tags) {
  DistTagList result;
  if (tags == nullptr) return result;
  for (const schema::DistTag* tag : *tags) result.emplace_back(Text(tag->tag()), Text(tag->version()));
  return result;
}

LatestSummary Read(const schema::LatestSummary& latest) {
  LatestSummary result;
  result.version = Text(latest.version());
  result.description = Text(latest.description());
  result.keywords = Texts(latest.keywords());
  result.license = Text(latest.license());
  result.homepage = Text(latest.homepage());
  result.repository = Text(latest.repository());
  result.bugs = Text(latest.bugs());
  result.publisher = Read(latest.publisher());
  result.time_ms = latest.time_ms();
  result.is_deprecated = latest.is_deprecated();
  return result;
}

Unpublished Read(const schema::Unpublished& unpublished) {
  Unpublished result;
  result.actor = Text(unpublished.actor());
  result.time_ms = unpublished.time_ms();
  result.dist_tags = Read(unpublished.dist_tags());
  result.maintainers = Read(unpublished.maintainers());
  result.description = Text(unpublished.description());
  result.versions = Texts(unpublished.versions());
  return result;
}

template <typename Bytes, typename Struct>
Bytes FromStruct(const Struct* source) {
  Bytes result;
  if (source != nullptr) std::memcpy(result.mutable_bytes().data(), source, sizeof(*source));
  return result;
}

TarballRecord Read(const schema::Tarball& tarball) {
  TarballRecord result;
  result.sha512 = FromStruct<Digest>(tarball.sha512());
  result.sha1 = FromStruct<Sha1Digest>(tarball.sha1());
  result.size_bytes = tarball.size_bytes();
  result.file_name = Text(tarball.file_name());
  result.file_count = tarball.file_count();
  result.unpacked_bytes = tarball.unpacked_bytes();
  result.has_shrinkwrap = tarball.has_shrinkwrap();
  // A state this build does not know is the one that claims least.
  result.state = tarball.state() == schema::TarballState::Verified  ? TarballState::kVerified
                 : tarball.state() == schema::TarballState::Missing ? TarballState::kMissing
                                                                    : TarballState::kOfOrigin;
  return result;
}

ImportedPackage Read(const schema::ImportedPackage& imported) {
  ImportedPackage result;
  result.origin_rev = Text(imported.origin_rev());
  result.modified_ms = imported.modified_ms();
  result.finding_count = imported.finding_count();
  result.latest = Text(imported.latest());
  result.origin = Bytes(imported.origin());
  result.origin_bytes = imported.origin_bytes();
  if (imported.files() != nullptr) {
    result.files.reserve(imported.files()->size());
    for (const schema::ImportedFile* file : *imported.files()) {
      result.files.push_back({Text(file->file_name()), FromStruct<Digest>(file->sha512())});
    }
  }
  return result;
}

AttestationBundle Read(const schema::AttestationBundle& bundle) {
  return {FromStruct<Digest>(bundle.sha512()), bundle.size_bytes(), Text(bundle.media_type()),
          Text(bundle.predicate_type())};
}

std::vector<Signature> Read(const Vector<Offset<schema::Signature>>* signatures) {
  std::vector<Signature> result;
  if (signatures == nullptr) return result;
  for (const schema::Signature* signature : *signatures) {
    result.push_back({Text(signature->keyid()), Text(signature->signature())});
  }
  return result;
}

}  // namespace

std::string Encode(const PackageRecord& record) {
  FlatBufferBuilder builder;
  const auto maintainers = Write(builder, record.maintainers);
  const auto tags = Write(builder, record.dist_tags);
  const Offset<schema::LatestSummary> latest = record.latest ? Write(builder, *record.latest) : 0;
  const Offset<schema::Unpublished> unpublished = record.unpublished ? Write(builder, *record.unpublished) : 0;
  const Offset<schema::ImportedPackage> imported = record.imported ? Write(builder, *record.imported) : 0;
  const auto stars = Texts(builder, record.stars);
  const Offset<Vector<uint64_t>> earlier_rev_hashes =
      record.earlier_rev_hashes.empty() ? 0 : builder.CreateVector(record.earlier_rev_hashes);
  schema::FinishPackageRecordBuffer(
      builder, schema::CreatePackageRecord(
                   builder, record.rev_counter, record.rev_hash, static_cast<schema::PackageAccess>(record.access),
                   record.created_ms, record.modified_ms, maintainers, tags, record.version_count, record.next_ordinal,
                   latest, unpublished, stars, earlier_rev_hashes, record.requires_second_factor,
                   record.automation_bypasses_second_factor, imported));
  return Take(builder);
}

template <>
Result<PackageRecord> Decode<PackageRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::PackageRecord>(payload, schema::PackageRecordIdentifier()));
  PackageRecord record;
  record.rev_counter = root->rev_counter();
  record.rev_hash = root->rev_hash();
  // An access this build does not know is the narrower one.
  record.access = root->access() == schema::PackageAccess::Public ? PackageAccess::kPublic : PackageAccess::kRestricted;
  record.created_ms = root->created_ms();
  record.modified_ms = root->modified_ms();
  record.maintainers = Read(root->maintainers());
  record.dist_tags = Read(root->dist_tags());
  record.version_count = root->version_count();
  record.next_ordinal = root->next_ordinal();
  if (root->latest() != nullptr) record.latest = Read(*root->latest());
  if (root->unpublished() != nullptr) record.unpublished = Read(*root->unpublished());
  record.stars = Texts(root->stars());
  if (root->earlier_rev_hashes() != nullptr) {
    record.earlier_rev_hashes.assign(root->earlier_rev_hashes()->begin(), root->earlier_rev_hashes()->end());
  }
  record.requires_second_factor = root->requires_second_factor();
  record.automation_bypasses_second_factor = root->automation_bypasses_second_factor();
  if (root->imported() != nullptr) record.imported = Read(*root->imported());
  return record;
}

std::string Encode(const VersionRecord& record) {
  FlatBufferBuilder builder(record.manifest.size() + record.readme.size() + 1024);
  const auto version = Text(builder, record.version);
  const auto manifest = Bytes(builder, record.manifest);
  const auto tarball = Write(builder, record.tarball);
  const auto publisher = Write(builder, record.publisher);
  const auto maintainers = Write(builder, record.maintainers);
  const auto deprecated = Text(builder, record.deprecated);
  const auto readme = Bytes(builder, record.readme);
  const auto readme_filename = Text(builder, record.readme_filename);
  const Offset<schema::AttestationBundle> bundle = record.bundle ? Write(builder, *record.bundle) : 0;
  const auto signatures = Write(builder, record.signatures);
  const Offset<schema::Maintainer> approver = record.approver ? Write(builder, *record.approver) : 0;
  const Offset<schema::TrustedPublisher> trusted_publisher =
      record.trusted_publisher ? Write(builder, *record.trusted_publisher) : 0;
  schema::FinishVersionRecordBuffer(
      builder, schema::CreateVersionRecord(builder, version, record.ordinal, manifest, tarball, publisher, maintainers,
                                           record.time_ms, deprecated, readme, readme_filename, bundle,
                                           record.has_install_script, record.keeps_evidence, signatures, approver,
                                           trusted_publisher, record.is_verbatim));
  return Take(builder);
}

template <>
Result<VersionRecord> Decode<VersionRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::VersionRecord>(payload, schema::VersionRecordIdentifier()));
  if (root->tarball() == nullptr) return Corruption("version record without tarball");
  VersionRecord record;
  record.version = Text(root->version());
  record.ordinal = root->ordinal();
  record.manifest = Bytes(root->manifest());
  record.tarball = Read(*root->tarball());
  record.publisher = Read(root->publisher());
  record.maintainers = Read(root->maintainers());
  record.time_ms = root->time_ms();
  record.deprecated = Text(root->deprecated());
  record.readme = Bytes(root->readme());
  record.readme_filename = Text(root->readme_filename());
  if (root->bundle() != nullptr) record.bundle = Read(*root->bundle());
  record.has_install_script = root->has_install_script();
  record.keeps_evidence = root->keeps_evidence();
  record.signatures = Read(root->signatures());
  if (root->approver() != nullptr) record.approver = Read(root->approver());
  if (const schema::TrustedPublisher* trusted = root->trusted_publisher(); trusted != nullptr) {
    record.trusted_publisher = {Text(trusted->type()), Text(trusted->config_id())};
  }
  record.is_verbatim = root->is_verbatim();
  return record;
}

Result<TarballRecord> DecodeTarball(std::string_view version_payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::VersionRecord>(version_payload, schema::VersionRecordIdentifier()));
  if (root->tarball() == nullptr) return Corruption("version record without tarball");
  return Read(*root->tarball());
}

Result<bool> DecodeWantsSignature(std::string_view version_payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::VersionRecord>(version_payload, schema::VersionRecordIdentifier()));
  // What a signature would be over is served only of a tarball that is what dist says.
  const bool is_verified = root->tarball() == nullptr || root->tarball()->state() == schema::TarballState::Verified;
  return is_verified && (root->signatures() == nullptr || root->signatures()->size() == 0);
}

std::string Encode(const TombstoneRecord& record) {
  FlatBufferBuilder builder;
  const auto version = Text(builder, record.version);
  const auto actor = Text(builder, record.actor);
  schema::FinishTombstoneRecordBuffer(
      builder, schema::CreateTombstoneRecord(builder, version, record.ordinal, record.published_ms,
                                             record.unpublished_ms, actor));
  return Take(builder);
}

template <>
Result<TombstoneRecord> Decode<TombstoneRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::TombstoneRecord>(payload, schema::TombstoneRecordIdentifier()));
  return TombstoneRecord{Text(root->version()), root->ordinal(), root->published_ms(), root->unpublished_ms(),
                         Text(root->actor())};
}

template <>
Result<BlobRecord> Decode<BlobRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::BlobRecord>(payload, schema::BlobRecordIdentifier()));
  return BlobRecord{FromStruct<Sha1Digest>(root->sha1()), root->size_bytes()};
}

}  // namespace tarn::registry
