#include "storage/registry/package_state.h"

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/access_reader.h"
#include "storage/registry/flat_fields.h"
#include "storage/registry/org_records.h"
#include "storage/registry/staged_record.h"
#include "storage/schema/version_generated.h"

namespace tarn::registry {
namespace {

using engine::Family;

// In front of an odd version's bytes. No sort key begins so: its first byte counts bytes of a number. Written to disk
// since format 1.
constexpr std::string_view kOddVersion = "\xff";

// Keys may hold any byte; the name in front of the first 0x00 is what a person can use.
std::string DescribeKey(Family family, std::string_view key) {
  return "family " + std::to_string(static_cast<int>(family)) + ", key " + HexEncode(key);
}

}  // namespace

template <typename Record>
Result<Stored<Record>> ReadRecord(const engine::ReadView& view, Family family, const std::string& key) {
  Stored<Record> stored;
  ASSIGN_OR_RETURN(stored.raw, view.Get(family, key));
  if (!stored.raw) return stored;
  auto record = Decode<Record>(*stored.raw);
  if (!record.ok()) return record.status().WithContext(DescribeKey(family, key));
  stored.record = std::move(record).value();
  return stored;
}

template Result<Stored<PackageRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<VersionRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<TombstoneRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<UserRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<AccountsRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<TokenRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<SigningKeysRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<AdvisoriesRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<AdvisoryIndexRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<PackageAdvisoriesRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<StagedPackageRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<StagedVersionRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<OrgRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<TeamRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<GrantRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);
template Result<Stored<BlobRecord>> ReadRecord(const engine::ReadView&, Family, const std::string&);

Result<Stored<PackageRecord>> ReadPackage(const engine::ReadView& view, const PackageName& name) {
  return ReadRecord<PackageRecord>(view, Family::kPackage, engine::NameKey(name.full()));
}

Result<Stored<UserRecord>> ReadUser(const engine::ReadView& view, std::string_view user) {
  return ReadRecord<UserRecord>(view, Family::kUser, engine::NameKey(user));
}

Result<Maintainer> ReadMaintainer(const engine::ReadView& view, const Principal& principal) {
  if (principal.trusted) return Maintainer{principal.user, {}};
  if (principal.kind != Principal::Kind::kUser) return Maintainer{};
  ASSIGN_OR_RETURN(const auto user, ReadUser(view, principal.user));
  return Maintainer{principal.user, user.record ? user.record->email : std::string()};
}

std::string VersionKey(const PackageName& name, const Version& version) {
  return engine::NameAndRestKey(name.full(), version.SortKey());
}

std::string OddVersionKey(const PackageName& name, std::string_view version) {
  return engine::NameAndRestKey(name.full(), std::string(kOddVersion) + std::string(version));
}

bool IsOddVersionKey(const PackageName& name, std::string_view key) {
  const std::string prefix = engine::NamePrefix(name.full());
  return key.starts_with(prefix) && key.substr(prefix.size()).starts_with(kOddVersion);
}

Result<std::optional<VersionRecord>> ReadVersionByText(const engine::ReadView& view, const PackageName& name,
                                                       std::string_view text) {
  const auto version = Version::ParseLoose(text);
  if (!version.ok() || version->Canonical() != text) {
    const std::string key = OddVersionKey(name, text);
    if (key.size() <= limits::kKeyBytesMax) {
      ASSIGN_OR_RETURN(auto odd, ReadRecord<VersionRecord>(view, Family::kVersion, key));
      if (odd.record) return std::move(odd.record);
    }
  }
  if (!version.ok()) return std::optional<VersionRecord>();
  return ReadVersion(view, name, *version);
}

Result<std::optional<VersionRecord>> ReadVersion(const engine::ReadView& view, const PackageName& name,
                                                 const Version& version) {
  ASSIGN_OR_RETURN(auto stored, ReadRecord<VersionRecord>(view, Family::kVersion, VersionKey(name, version)));
  return std::move(stored.record);
}

Result<std::optional<TarballRecord>> ReadTarball(const engine::ReadView& view, const PackageName& name,
                                                 const Version& version) {
  const std::string key = VersionKey(name, version);
  ASSIGN_OR_RETURN(const auto raw, view.Get(Family::kVersion, key));
  if (!raw) return std::optional<TarballRecord>();
  auto tarball = DecodeTarball(*raw);
  if (!tarball.ok()) return tarball.status().WithContext(DescribeKey(Family::kVersion, key));
  return std::optional<TarballRecord>(std::move(tarball).value());
}

Result<std::optional<TombstoneRecord>> ReadTombstone(const engine::ReadView& view, const PackageName& name,
                                                     const Version& version) {
  ASSIGN_OR_RETURN(auto stored, ReadRecord<TombstoneRecord>(view, Family::kTombstone, VersionKey(name, version)));
  return std::move(stored.record);
}

Result<ScopeState> ReadScope(const engine::ReadView& view, const Principal& principal, const PackageName& name) {
  return AccessReader(view, principal).ScopeOf(name);
}

namespace {

// Calls `read` with each value under the package's name; its first error ends the scan and is returned.
using ReadValue = std::function<Result<bool>(std::string_view key, std::string_view value)>;
Status ScanPackage(const engine::ReadView& view, Family family, const PackageName& name, const ReadValue& read) {
  Status failed;
  const Status scanned =
      view.ScanPrefix(family, engine::NamePrefix(name.full()), [&](std::string_view key, std::string_view value) {
        const Result<bool> go_on = read(key, value);
        if (go_on.ok()) return *go_on;
        failed = go_on.status().WithContext(DescribeKey(family, key));
        return false;
      });
  RETURN_IF_ERROR(failed);
  return scanned;
}

}  // namespace

Result<std::vector<VersionSlot>> ListVersions(const engine::ReadView& view, const PackageName& name) {
  std::vector<VersionSlot> slots;
  RETURN_IF_ERROR(
      ScanPackage(view, Family::kVersion, name, [&](std::string_view key, std::string_view value) -> Result<bool> {
        ASSIGN_OR_RETURN(const auto* root, flat::Root<schema::VersionRecord>(value, schema::VersionRecordIdentifier()));
        slots.push_back({.ordinal = root->ordinal(),
                         .version = flat::Text(root->version()),
                         .time_ms = root->time_ms(),
                         .key = std::string(key)});
        return true;
      }));
  return slots;
}

Status ScanTombstones(const engine::ReadView& view, const PackageName& name,
                      const std::function<bool(TombstoneRecord)>& visit) {
  return ScanPackage(view, Family::kTombstone, name, [&](std::string_view, std::string_view value) -> Result<bool> {
    ASSIGN_OR_RETURN(TombstoneRecord tombstone, Decode<TombstoneRecord>(value));
    return visit(std::move(tombstone));
  });
}

Result<VisiblePackage> ReadVisiblePackage(const engine::ReadView& view, const Principal& principal,
                                          const PackageName& name) {
  return AccessReader(view, principal).ReadVisible(name);
}

}  // namespace tarn::registry
