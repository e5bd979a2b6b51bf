#include "storage/registry/derived_families.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include "storage/base/logging.h"
#include "storage/engine/keys.h"
#include "storage/registry/change_detail.h"
#include "storage/registry/change_rows.h"
#include "storage/registry/org_records.h"
#include "storage/registry/records.h"

namespace tarn::registry {
namespace {

using engine::ByUserKey;
using engine::ByUserKind;
using engine::Change;
using engine::Family;

// What one value stands for in by_user; none for a value that is not there.
Result<std::set<std::string>> ByUserKeysOf(Family family, std::string_view key,
                                           const std::optional<std::string>& value) {
  std::set<std::string> keys;
  if (!value) return keys;
  if (family == Family::kPackage) {
    ASSIGN_OR_RETURN(const PackageRecord package, Decode<PackageRecord>(*value));
    for (const Maintainer& maintainer : package.maintainers) {
      keys.insert(ByUserKey(maintainer.name, ByUserKind::kMaintains, key));
    }
    for (const std::string& user : package.stars) keys.insert(ByUserKey(user, ByUserKind::kStarred, key));
  } else if (family == Family::kOrg) {
    if (IsTeamKey(key)) return keys;
    ASSIGN_OR_RETURN(const OrgRecord org, Decode<OrgRecord>(*value));
    for (const auto& [member, role] : org.members) keys.insert(ByUserKey(member, ByUserKind::kMember, key));
  } else if (family == Family::kGrant) {
    ASSIGN_OR_RETURN(const GrantRecord record, Decode<GrantRecord>(*value));
    for (const auto& [team, permission] : record.grants) keys.insert(ByUserKey(team, ByUserKind::kGranted, key));
  } else {
    ASSIGN_OR_RETURN(const TokenRecord token, Decode<TokenRecord>(*value));
    keys.insert(ByUserKey(token.user, ByUserKind::kToken, key));
  }
  return keys;
}

constexpr Family kByUserSources[] = {Family::kPackage, Family::kToken, Family::kOrg, Family::kGrant};

bool IsByUserSource(Family family) {
  return std::find(std::begin(kByUserSources), std::end(kByUserSources), family) != std::end(kByUserSources);
}

Change ShasumChange(const Sha1Digest& sha1, const Digest& sha512) {
  return {Family::kShasum, engine::ShasumKey(sha1), std::string(sha512.view())};
}

// Of a blob that is collected.
Status ForgetShasum(const std::string& key, const engine::ReadView& before, std::vector<Change>* derived) {
  ASSIGN_OR_RETURN(const auto value, before.Get(Family::kBlob, key));
  if (!value) return OkStatus();
  ASSIGN_OR_RETURN(const auto blob, Decode<BlobRecord>(*value));
  std::string row = engine::ShasumKey(blob.sha1);
  ASSIGN_OR_RETURN(const auto sha512, before.Get(Family::kShasum, row));
  // Bytes with the same SHA-1 can be made; the row is of the one that came last.
  if (sha512 && *sha512 == key) derived->push_back({Family::kShasum, std::move(row), std::nullopt});
  return OkStatus();
}

}  // namespace

Status DeriveChanges(const engine::LogRecord& record, const engine::ReadView& before, std::vector<Change>* derived) {
  for (const Change& change : record.changes) {
    if (!IsByUserSource(change.family)) continue;
    ASSIGN_OR_RETURN(const auto old_value, before.Get(change.family, change.key));
    ASSIGN_OR_RETURN(const auto old_keys, ByUserKeysOf(change.family, change.key, old_value));
    ASSIGN_OR_RETURN(const auto new_keys, ByUserKeysOf(change.family, change.key, change.value));
    for (const std::string& key : old_keys) {
      if (!new_keys.contains(key)) derived->push_back({Family::kByUser, key, std::nullopt});
    }
    for (const std::string& key : new_keys) {
      if (!old_keys.contains(key)) derived->push_back({Family::kByUser, key, std::string()});
    }
  }
  for (const Change& change : record.changes) {
    if (change.family == Family::kBlob && !change.value) RETURN_IF_ERROR(ForgetShasum(change.key, before, derived));
  }
  RETURN_IF_ERROR(DeriveChangeRows(record, before, derived));
  RETURN_IF_ERROR(DeriveChangeDetail(record, before, derived));
  for (const engine::BlobInfo& blob : record.blobs) derived->push_back(ShasumChange(blob.sha1, blob.sha512));
  return OkStatus();
}

Status DeriveAll(const engine::ReadView& view, std::vector<Change>* derived) {
  Status failed;
  for (const Family family : kByUserSources) {
    RETURN_IF_ERROR(view.ScanPrefix(family, "", [&](std::string_view key, std::string_view value) {
      const auto keys = ByUserKeysOf(family, key, std::string(value));
      if (!keys.ok()) {
        failed = keys.status();
        return false;
      }
      for (const std::string& derived_key : *keys) derived->push_back({Family::kByUser, derived_key, std::string()});
      return true;
    }));
    RETURN_IF_ERROR(failed);
  }
  RETURN_IF_ERROR(view.ScanPrefix(Family::kBlob, "", [&](std::string_view key, std::string_view value) {
    const auto sha512 = Digest::FromBytes(key);
    const auto blob = Decode<BlobRecord>(value);
    if (!sha512.ok() || !blob.ok()) {
      failed = sha512.ok() ? blob.status() : sha512.status();
      return false;
    }
    derived->push_back(ShasumChange(blob->sha1, *sha512));
    return true;
  }));
  return failed;
}

void DerivedFamiliesObserver::Derive(const engine::LogRecord& record, const engine::ReadView& before,
                                     std::vector<engine::Change>* derived) {
  const Status status = DeriveChanges(record, before, derived);
  // The record is durable and goes in all the same; what is derived can be rebuilt, and verify says that it must be.
  if (!status.ok()) {
    Log(LogLevel::kError, "derived families are incomplete", {{"lsn", record.lsn.value()}, {"why", status.ToString()}});
  }
}

}  // namespace tarn::registry
