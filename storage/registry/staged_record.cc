#include "storage/registry/staged_record.h"

#include <cstring>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/engine/keys.h"
#include "storage/registry/flat_fields.h"
#include "storage/schema/staged_package_generated.h"
#include "storage/schema/staged_version_generated.h"

namespace tarn::registry {

using namespace flat;  // NOLINT: the helpers exist for these files.

namespace {

using Access = PublishRequest::Access;

schema::WishedAccess ToSchema(Access access) {
  switch (access) {
    case Access::kKeep: break;
    case Access::kPublic: return schema::WishedAccess::Public;
    case Access::kRestricted: return schema::WishedAccess::Restricted;
  }
  return schema::WishedAccess::Keep;
}

// A wish that this build does not know is the narrower one.
Access FromSchema(schema::WishedAccess access) {
  switch (access) {
    case schema::WishedAccess::Keep: return Access::kKeep;
    case schema::WishedAccess::Public: return Access::kPublic;
    case schema::WishedAccess::Restricted: break;
  }
  return Access::kRestricted;
}

}  // namespace

const StagedEntry* StagedPackageRecord::FindId(std::string_view id) const {
  for (const StagedEntry& entry : entries) {
    if (entry.id == id) return &entry;
  }
  return nullptr;
}

const StagedEntry* StagedPackageRecord::FindVersion(const Version& version) const {
  for (const StagedEntry& entry : entries) {
    const auto parsed = Version::Parse(entry.version);
    if (parsed.ok() && *parsed == version) return &entry;
  }
  return nullptr;
}

std::string StagedIdKey(std::string_view id) { return engine::NameKey(std::string(kStagedIdPrefix) + std::string(id)); }

std::string StagedPackageKey(std::string_view package, std::string_view owner) {
  return engine::NameAndRestKey(std::string(kStagedPackagePrefix) + std::string(package), owner);
}

Result<StagedPlace> ParseStagedPackageKey(std::string_view key) {
  ASSIGN_OR_RETURN(engine::NameAndRest parts, engine::ParseNameAndRestKey(key));
  if (!parts.name.starts_with(kStagedPackagePrefix)) return Corruption("not the key of staged versions");
  parts.name.remove_prefix(kStagedPackagePrefix.size());
  return StagedPlace{parts.name, parts.rest};
}

std::string Encode(const StagedPackageRecord& record) {
  FlatBufferBuilder builder;
  const auto entries = Tables<schema::StagedEntry>(builder, record.entries, [&](const StagedEntry& entry) {
    const auto id = Text(builder, entry.id);
    const auto version = Text(builder, entry.version);
    const auto dist_tag = Text(builder, entry.dist_tag);
    const auto actor = Text(builder, entry.actor);
    schema::Sha1 sha1;
    static_assert(sizeof(sha1) == Sha1Digest::kSize);
    std::memcpy(&sha1, entry.sha1.bytes().data(), sizeof(sha1));
    return schema::CreateStagedEntry(builder, id, version, dist_tag, ToSchema(entry.access), entry.created_ms, actor,
                                     static_cast<schema::StagedBy>(entry.staged_by), &sha1);
  });
  schema::FinishStagedPackageRecordBuffer(builder, schema::CreateStagedPackageRecord(builder, entries));
  return Take(builder);
}

template <>
Result<StagedPackageRecord> Decode<StagedPackageRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root,
                   Root<schema::StagedPackageRecord>(payload, schema::StagedPackageRecordIdentifier()));
  StagedPackageRecord record;
  if (root->entries() == nullptr) return record;
  for (const schema::StagedEntry* entry : *root->entries()) {
    StagedEntry& read = record.entries.emplace_back();
    read.id = Text(entry->id());
    read.version = Text(entry->version());
    read.dist_tag = Text(entry->dist_tag());
    read.access = FromSchema(entry->access());
    read.created_ms = entry->created_ms();
    read.actor = Text(entry->actor());
    read.staged_by =
        entry->staged_by() == schema::StagedBy::TrustedAutomation ? StagedBy::kTrustedAutomation : StagedBy::kUser;
    if (entry->sha1() == nullptr) return Corruption("staged version without the hash of its tarball");
    std::memcpy(read.sha1.mutable_bytes().data(), entry->sha1(), sizeof(*entry->sha1()));
  }
  return record;
}

std::string Encode(const StagedVersionRecord& record) {
  const std::string encoded = Encode(record.version);
  FlatBufferBuilder builder(encoded.size() + 1024);
  const auto package = Text(builder, record.package);
  const auto owner = Text(builder, record.owner);
  const auto version = Bytes(builder, encoded);
  schema::FinishStagedVersionRecordBuffer(builder, schema::CreateStagedVersionRecord(builder, package, owner, version));
  return Take(builder);
}

template <>
Result<StagedVersionRecord> Decode<StagedVersionRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root,
                   Root<schema::StagedVersionRecord>(payload, schema::StagedVersionRecordIdentifier()));
  StagedVersionRecord record{Text(root->package()), Text(root->owner()), {}};
  const std::string encoded = Bytes(root->version());  // A copy, for it is not aligned as it lies there.
  ASSIGN_OR_RETURN(record.version, Decode<VersionRecord>(encoded));
  return record;
}

std::string FormatUuid(std::string bytes) {
  CHECK(bytes.size() == 16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string text = HexEncode(bytes);
  for (const size_t dash : {8u, 13u, 18u, 23u}) text.insert(dash, 1, '-');
  return text;
}

}  // namespace tarn::registry
