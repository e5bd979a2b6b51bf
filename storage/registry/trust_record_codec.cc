// FlatBuffers form of the records about trust: signing keys and advisories.

#include "storage/registry/flat_fields.h"
#include "storage/registry/records.h"
#include "storage/schema/advisories_generated.h"
#include "storage/schema/advisory_generated.h"
#include "storage/schema/advisory_index_generated.h"
#include "storage/schema/signing_keys_generated.h"

namespace tarn::registry {

using namespace flat;  // NOLINT: the helpers exist for these files.

namespace {

// A severity that this build does not know is the worst.
Severity ToSeverity(uint8_t number) {
  return number >= static_cast<uint8_t>(Severity::kInfo) && number <= static_cast<uint8_t>(Severity::kCritical)
             ? static_cast<Severity>(number)
             : Severity::kCritical;
}

Offset<schema::Advisory> Write(FlatBufferBuilder& builder, const Advisory& advisory) {
  const auto id = Text(builder, advisory.id);
  const auto title = Text(builder, advisory.title);
  const auto url = Text(builder, advisory.url);
  const auto cvss_vector = Text(builder, advisory.cvss_vector);
  const auto cwes = Texts(builder, advisory.cwes);
  const auto aliases = Texts(builder, advisory.aliases);
  const auto ranges = Tables<schema::AdvisoryRange>(builder, advisory.ranges, [&](const AdvisoryRange& range) {
    const auto introduced = Text(builder, range.introduced);
    const auto end = Text(builder, range.end);
    return schema::CreateAdvisoryRange(builder, introduced, end, range.includes_end);
  });
  const auto versions = Texts(builder, advisory.versions);
  return schema::CreateAdvisory(builder, id, title, url, static_cast<uint8_t>(advisory.severity), advisory.cvss_tenths,
                                cvss_vector, cwes, aliases, ranges, versions, advisory.published_ms,
                                advisory.modified_ms);
}

Advisory Read(const schema::Advisory& advisory) {
  Advisory result;
  result.id = Text(advisory.id());
  result.title = Text(advisory.title());
  result.url = Text(advisory.url());
  result.severity = ToSeverity(advisory.severity());
  result.cvss_tenths = advisory.cvss_tenths();
  result.cvss_vector = Text(advisory.cvss_vector());
  result.cwes = Texts(advisory.cwes());
  result.aliases = Texts(advisory.aliases());
  if (advisory.ranges() != nullptr) {
    for (const schema::AdvisoryRange* range : *advisory.ranges()) {
      result.ranges.push_back({Text(range->introduced()), Text(range->end()), range->includes_end()});
    }
  }
  result.versions = Texts(advisory.versions());
  result.published_ms = advisory.published_ms();
  result.modified_ms = advisory.modified_ms();
  return result;
}

}  // namespace

std::string Encode(const SigningKeysRecord& record) {
  FlatBufferBuilder builder;
  const auto keys = Tables<schema::PublicKey>(builder, record.keys, [&](const PublicKey& key) {
    const auto keyid = Text(builder, key.keyid);
    const auto public_key = Bytes(builder, key.public_key);
    return schema::CreatePublicKey(builder, keyid, public_key, key.created_ms, key.expires_ms);
  });
  schema::FinishSigningKeysRecordBuffer(builder,
                                        schema::CreateSigningKeysRecord(builder, keys, record.old_versions_signed));
  return Take(builder);
}

template <>
Result<SigningKeysRecord> Decode<SigningKeysRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::SigningKeysRecord>(payload, schema::SigningKeysRecordIdentifier()));
  SigningKeysRecord record;
  record.old_versions_signed = root->old_versions_signed();
  if (root->keys() == nullptr) return record;
  for (const schema::PublicKey* key : *root->keys()) {
    record.keys.push_back({Text(key->keyid()), Bytes(key->public_key()), key->created_ms(), key->expires_ms()});
  }
  return record;
}

std::string Encode(const AdvisoriesRecord& record) {
  FlatBufferBuilder builder;
  schema::FinishAdvisoriesRecordBuffer(
      builder, schema::CreateAdvisoriesRecord(builder, record.advisory_count, record.changed_ms));
  return Take(builder);
}

template <>
Result<AdvisoriesRecord> Decode<AdvisoriesRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::AdvisoriesRecord>(payload, schema::AdvisoriesRecordIdentifier()));
  return AdvisoriesRecord{root->advisory_count(), root->changed_ms()};
}

std::string Encode(const AdvisoryIndexRecord& record) {
  FlatBufferBuilder builder;
  const auto title = Text(builder, record.title);
  const auto packages = Texts(builder, record.packages);
  schema::FinishAdvisoryIndexRecordBuffer(
      builder, schema::CreateAdvisoryIndexRecord(builder, record.modified_ms, static_cast<uint8_t>(record.severity),
                                                 title, packages));
  return Take(builder);
}

template <>
Result<AdvisoryIndexRecord> Decode<AdvisoryIndexRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root,
                   Root<schema::AdvisoryIndexRecord>(payload, schema::AdvisoryIndexRecordIdentifier()));
  return AdvisoryIndexRecord{root->modified_ms(), ToSeverity(root->severity()), Text(root->title()),
                             Texts(root->packages())};
}

std::string Encode(const PackageAdvisoriesRecord& record) {
  FlatBufferBuilder builder;
  const auto advisories = Tables<schema::Advisory>(builder, record.advisories,
                                                   [&](const Advisory& advisory) { return Write(builder, advisory); });
  schema::FinishPackageAdvisoriesRecordBuffer(builder, schema::CreatePackageAdvisoriesRecord(builder, advisories));
  return Take(builder);
}

template <>
Result<PackageAdvisoriesRecord> Decode<PackageAdvisoriesRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root,
                   Root<schema::PackageAdvisoriesRecord>(payload, schema::PackageAdvisoriesRecordIdentifier()));
  PackageAdvisoriesRecord record;
  if (root->advisories() == nullptr) return record;
  for (const schema::Advisory* advisory : *root->advisories()) record.advisories.push_back(Read(*advisory));
  return record;
}

}  // namespace tarn::registry
