#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/registry/manifest.h"
#include "storage/registry/package_name.h"
#include "storage/registry/records.h"
#include "storage/registry/semver.h"

// What is kept of versions that wait for approval (storage/schema/staged_*.fbs, where the reasons are).
namespace tarn::registry {

// What kind of caller staged a version. Written to disk since format 1.
enum class StagedBy : uint8_t { kUser = 1, kTrustedAutomation = 2 };

struct StagedEntry {
  std::string id;
  std::string version;
  std::string dist_tag;
  PublishRequest::Access access = PublishRequest::Access::kKeep;
  uint64_t created_ms = 0;
  std::string actor;
  StagedBy staged_by = StagedBy::kUser;
  Sha1Digest sha1;
  bool operator==(const StagedEntry&) const = default;
};

struct StagedPackageRecord {
  std::vector<StagedEntry> entries;  // Oldest first.
  bool operator==(const StagedPackageRecord&) const = default;

  // nullptr when there is none such.
  const StagedEntry* FindId(std::string_view id) const;
  // By number: build metadata does not count.
  const StagedEntry* FindVersion(const Version& version) const;
};

struct StagedVersionRecord {
  std::string package;
  std::string owner;
  VersionRecord version;
  bool operator==(const StagedVersionRecord&) const = default;
};

// Keys in family `setting`.
inline constexpr std::string_view kStagedIdPrefix = "staged/id/";
inline constexpr std::string_view kStagedPackagePrefix = "staged/package/";
std::string StagedIdKey(std::string_view id);
std::string StagedPackageKey(std::string_view package, std::string_view owner);
// Package and owner of such a key; kCorruption when it is none. The views point into `key`.
struct StagedPlace {
  std::string_view package;
  std::string_view owner;
};
Result<StagedPlace> ParseStagedPackageKey(std::string_view key);

std::string Encode(const StagedPackageRecord& record);
std::string Encode(const StagedVersionRecord& record);
template <>
Result<StagedPackageRecord> Decode<StagedPackageRecord>(std::string_view payload);
template <>
Result<StagedVersionRecord> Decode<StagedVersionRecord>(std::string_view payload);

// 16 random bytes as a UUID of version 4 (RFC 9562, section 5.4), in lower case.
std::string FormatUuid(std::string bytes);

}  // namespace tarn::registry
