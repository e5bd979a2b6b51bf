#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/registry/advisory.h"
#include "storage/registry/manifest.h"
#include "storage/registry/token_limits.h"

// What the registry keeps, as plain values, and their FlatBuffers form (storage/schema/*.fbs; field by field the same,
// so the reasons are there). Keys are engine's (storage/engine/keys.h).
namespace tarn::registry {

enum class PackageAccess : uint8_t { kPublic = 1, kRestricted = 2 };

// Tag to version, sorted by tag.
using DistTagList = std::vector<std::pair<std::string, std::string>>;

struct LatestSummary {
  std::string version, description;
  std::vector<std::string> keywords;
  std::string license, homepage, repository, bugs;
  Maintainer publisher;
  uint64_t time_ms = 0;
  bool is_deprecated = false;
  bool operator==(const LatestSummary&) const = default;
};

struct Unpublished {
  std::string actor;
  uint64_t time_ms = 0;
  DistTagList dist_tags;
  std::vector<Maintainer> maintainers;
  std::string description;
  std::vector<std::string> versions;
  bool operator==(const Unpublished&) const = default;
};

struct ImportedFile {
  std::string file_name;
  Digest sha512;
  bool operator==(const ImportedFile&) const = default;
};

struct ImportedPackage {
  std::string origin_rev;
  uint64_t modified_ms = 0;
  uint32_t finding_count = 0;
  std::string latest;
  std::string origin;  // Compressed: origin_members.h.
  uint64_t origin_bytes = 0;
  std::vector<ImportedFile> files;  // Sorted by file_name.
  bool operator==(const ImportedPackage&) const = default;

  // nullptr when there is no such file.
  const ImportedFile* FindFile(std::string_view file_name) const;
};

struct PackageRecord {
  uint64_t rev_counter = 0;
  uint64_t rev_hash = 0;
  PackageAccess access = PackageAccess::kPublic;
  uint64_t created_ms = 0;
  uint64_t modified_ms = 0;
  std::vector<Maintainer> maintainers;
  DistTagList dist_tags;
  uint32_t version_count = 0;
  uint32_t next_ordinal = 0;
  std::optional<LatestSummary> latest;
  std::optional<Unpublished> unpublished;
  std::vector<std::string> stars;
  // Of revisions rev_counter - 1, rev_counter - 2, …: at most limits::kRevisionsKept with the current one. A follower that
  // has one of them knows that this revision replaces it, rather than contradicts it.
  std::vector<uint64_t> earlier_rev_hashes;
  bool requires_second_factor = false;
  bool automation_bypasses_second_factor = false;
  std::optional<ImportedPackage> imported = {};
  bool operator==(const PackageRecord&) const = default;

  // "17-9f00c3d1e2b4a596".
  std::string rev() const;
  // To the next revision. The hash is random, so that no two writes from one state give the same.
  void Advance(uint64_t next_rev_hash, uint64_t now_ms);
  bool is_restricted() const { return access == PackageAccess::kRestricted; }
  bool IsMaintainer(std::string_view user) const;
  // nullptr when there is no such tag.
  const std::string* FindTag(std::string_view tag) const;
  void SetTag(std::string_view tag, std::string_view version);
  bool RemoveTag(std::string_view tag);
};

enum class TarballState : uint8_t { kVerified = 0, kOfOrigin = 1, kMissing = 2 };

struct TarballRecord {
  Digest sha512;
  Sha1Digest sha1;
  uint64_t size_bytes = 0;
  std::string file_name;
  std::optional<uint64_t> file_count;
  std::optional<uint64_t> unpacked_bytes;
  bool has_shrinkwrap = false;
  TarballState state = TarballState::kVerified;
  bool operator==(const TarballRecord&) const = default;
};

struct AttestationBundle {
  Digest sha512;
  uint64_t size_bytes = 0;
  std::string media_type;
  std::string predicate_type;
  bool operator==(const AttestationBundle&) const = default;
};

struct Signature {
  std::string keyid;
  std::string signature;
  bool operator==(const Signature&) const = default;
};

// Who published without an account (trusted_publishing.h).
struct TrustedPublisher {
  std::string type;  // The issuer's name.
  std::string config_id;
  bool operator==(const TrustedPublisher&) const = default;
};

struct VersionRecord {
  std::string version;
  uint32_t ordinal = 0;
  std::string manifest;
  TarballRecord tarball;
  Maintainer publisher;
  std::vector<Maintainer> maintainers;
  uint64_t time_ms = 0;
  std::string deprecated;
  std::string readme;
  std::string readme_filename;
  std::optional<AttestationBundle> bundle;
  bool has_install_script = false;
  bool keeps_evidence = false;
  std::vector<Signature> signatures;
  std::optional<Maintainer> approver = {};
  std::optional<TrustedPublisher> trusted_publisher = {};
  bool is_verbatim = false;
  bool operator==(const VersionRecord&) const = default;
};

struct TombstoneRecord {
  std::string version;
  uint32_t ordinal = 0;
  uint64_t published_ms = 0;
  uint64_t unpublished_ms = 0;
  std::string actor;
  bool operator==(const TombstoneRecord&) const = default;
};

enum class SecondFactorMode : uint8_t { kOff = 0, kAuthOnly = 1, kAuthAndWrites = 2 };

struct UserProfile {
  std::string full_name, homepage, github, twitter, freenode;
  bool operator==(const UserProfile&) const = default;
};

struct SecondFactor {
  SecondFactorMode mode = SecondFactorMode::kOff;
  bool is_pending = false;
  std::string secret;
  std::vector<std::string> recovery_hashes;
  bool operator==(const SecondFactor&) const = default;

  bool is_active() const { return mode != SecondFactorMode::kOff && !is_pending; }
};

struct UserRecord {
  std::string name;
  uint64_t id = 0;
  std::string email;
  std::string password_hash;
  bool is_admin = false;
  uint64_t created_ms = 0;
  uint64_t updated_ms = 0;
  uint64_t removed_ms = 0;
  uint64_t rev_counter = 0;
  UserProfile profile = {};
  SecondFactor second_factor = {};
  bool operator==(const UserRecord&) const = default;

  bool is_removed() const { return removed_ms != 0; }
};

struct AccountsRecord {
  uint64_t user_count = 0;
  uint64_t admin_count = 0;
  bool operator==(const AccountsRecord&) const = default;
};
inline constexpr std::string_view kAccountsSetting = "accounts";  // Key in family `setting`.

struct TokenRecord {
  std::string user;
  uint64_t user_id = 0;
  uint64_t created_ms = 0;
  uint64_t expires_ms = 0;
  bool read_only = false;
  std::vector<std::string> cidrs;
  std::string name;
  std::string description;
  std::string preview;
  std::optional<TokenLimits> limits = {};
  bool operator==(const TokenRecord&) const = default;
};

enum class OrgRole : uint8_t { kOwner = 1, kAdmin = 2, kDeveloper = 3 };

struct OrgRecord {
  std::string name;
  uint64_t created_ms = 0;
  std::vector<std::pair<std::string, OrgRole>> members;  // Sorted by user.
  bool operator==(const OrgRecord&) const = default;

  bool IsMember(std::string_view user) const;
};

struct PublicKey {
  std::string keyid;
  std::string public_key;
  uint64_t created_ms = 0;
  uint64_t expires_ms = 0;
  bool operator==(const PublicKey&) const = default;
};

struct SigningKeysRecord {
  std::vector<PublicKey> keys;
  bool old_versions_signed = false;
  bool operator==(const SigningKeysRecord&) const = default;

  // nullptr when there is no such key.
  const PublicKey* Find(std::string_view keyid) const;
};
inline constexpr std::string_view kSigningKeysSetting = "signing_keys";  // Key in family `setting`.

struct AdvisoriesRecord {
  uint64_t advisory_count = 0;
  uint64_t changed_ms = 0;
  bool operator==(const AdvisoriesRecord&) const = default;
};
inline constexpr std::string_view kAdvisoriesSetting = "advisories";  // Key in family `setting`.

struct AdvisoryIndexRecord {
  uint64_t modified_ms = 0;
  Severity severity = Severity::kInfo;
  std::string title;
  std::vector<std::string> packages;
  bool operator==(const AdvisoryIndexRecord&) const = default;
};
inline constexpr std::string_view kAdvisoryIdPrefix = "advisory/id/";  // Keys in family `setting` …

struct PackageAdvisoriesRecord {
  std::vector<Advisory> advisories;
  bool operator==(const PackageAdvisoriesRecord&) const = default;
};
inline constexpr std::string_view kAdvisoryPackagePrefix = "advisory/package/";  // … and these.

struct BlobRecord {
  Sha1Digest sha1;
  uint64_t size_bytes = 0;
};

std::string Encode(const PackageRecord& record);
std::string Encode(const VersionRecord& record);
std::string Encode(const TombstoneRecord& record);
std::string Encode(const UserRecord& record);
std::string Encode(const AccountsRecord& record);
std::string Encode(const TokenRecord& record);
std::string Encode(const OrgRecord& record);
std::string Encode(const SigningKeysRecord& record);
std::string Encode(const AdvisoriesRecord& record);
std::string Encode(const AdvisoryIndexRecord& record);
std::string Encode(const PackageAdvisoriesRecord& record);

// kCorruption when the bytes are not such a record. Instantiated for every record above.
template <typename Record>
Result<Record> Decode(std::string_view payload);
// The tarball of a VersionRecord alone; does not copy the manifest.
Result<TarballRecord> DecodeTarball(std::string_view version_payload);
// Whether a VersionRecord has no signature and should have one; copies nothing.
Result<bool> DecodeWantsSignature(std::string_view version_payload);

}  // namespace tarn::registry
