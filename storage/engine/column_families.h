#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tarn::engine {

// Which keys a family holds decides who writes it and whether it is shipped.
enum class FamilyKind : uint8_t {
  kReplicated,  // Changed by log records only; equal on all nodes at the same LSN; counted in the state hash.
  kIndex,       // Into the journal of this node: rebuilt from its segments.
  kLocal,       // This node's own.
  kDerived,     // Computed from replicated families; can be dropped and rebuilt, and `verify` proves it.
};

// Written to disk since format 1, in log records and RocksDB family names: never renumbered, never reused.
enum class Family : uint8_t {
  kPackage = 1,
  kVersion = 2,
  kTombstone = 3,
  kBlob = 4,
  kUser = 5,
  kToken = 6,
  kOrg = 7,
  kGrant = 8,
  kHook = 9,
  kSetting = 10,
  kCounter = 11,
  kLog = 32,
  kLocation = 64,
  kNode = 65,
  kByUser = 96,
  kRendered = 97,
  kShasum = 98,
  kChange = 99,
};

struct FamilyInfo {
  Family family;
  std::string_view name;  // RocksDB column family; persisted, never renamed.
  FamilyKind kind;
  std::string_view key;  // Layout, as in FORMAT.md. S = string ended by 0x00, B = rest of the key.
  std::string_view value;
};

// The one table. Keys are built in keys.h; options per family in rocks.cc.
inline constexpr std::array kFamilies = {
    FamilyInfo{Family::kPackage, "package", FamilyKind::kReplicated, "B name", "PackageRecord"},
    FamilyInfo{Family::kVersion, "version", FamilyKind::kReplicated, "S name, B version sort key", "VersionRecord"},
    FamilyInfo{Family::kTombstone, "tombstone", FamilyKind::kReplicated, "S name, B version sort key",
               "TombstoneRecord"},
    FamilyInfo{Family::kBlob, "blob", FamilyKind::kReplicated, "sha512[64]", "BlobRecord"},
    FamilyInfo{Family::kUser, "user", FamilyKind::kReplicated, "B user name", "UserRecord"},
    FamilyInfo{Family::kToken, "token", FamilyKind::kReplicated, "sha256[32] of the token", "TokenRecord"},
    FamilyInfo{Family::kOrg, "org", FamilyKind::kReplicated, "B org name; or S org name, B team",
               "OrgRecord; or TeamRecord"},
    FamilyInfo{Family::kGrant, "grant", FamilyKind::kReplicated, "B package", "GrantRecord"},
    FamilyInfo{Family::kHook, "hook", FamilyKind::kReplicated, "B hook id", "HookRecord"},
    FamilyInfo{Family::kSetting, "setting", FamilyKind::kReplicated, "B setting name", "bytes"},
    FamilyInfo{Family::kCounter, "counter", FamilyKind::kReplicated, "S counter, B detail", "u64"},
    FamilyInfo{Family::kLog, "log", FamilyKind::kIndex, "LSN big-endian[8]", "LogEntry"},
    FamilyInfo{Family::kLocation, "location", FamilyKind::kLocal, "sha512[64]", "Location"},
    FamilyInfo{Family::kNode, "node", FamilyKind::kLocal, "B item", "see FORMAT.md"},
    FamilyInfo{Family::kByUser, "by_user", FamilyKind::kDerived, "S user, kind[1], B item", "empty"},
    FamilyInfo{Family::kRendered, "rendered", FamilyKind::kDerived, "S name, B part", "rope bytes"},
    FamilyInfo{Family::kShasum, "shasum", FamilyKind::kDerived, "sha1[20]", "sha512[64]"},
    FamilyInfo{Family::kChange, "change", FamilyKind::kDerived, "kind[1]; LSN big-endian[8], B name; or B name",
               "ChangeRow; or LSN"},
};

// nullptr for a number that this program does not know.
constexpr const FamilyInfo* FindFamily(Family family) {
  for (const FamilyInfo& info : kFamilies) {
    if (info.family == family) return &info;
  }
  return nullptr;
}
constexpr bool IsOfKind(Family family, FamilyKind kind) {
  const FamilyInfo* info = FindFamily(family);
  return info != nullptr && info->kind == kind;
}
// For messages; "?" for an unknown number.
constexpr std::string_view FamilyName(Family family) {
  const FamilyInfo* info = FindFamily(family);
  return info == nullptr ? std::string_view("?") : info->name;
}

}  // namespace tarn::engine
