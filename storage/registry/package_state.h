#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/package_access.h"
#include "storage/registry/package_name.h"
#include "storage/registry/records.h"
#include "storage/registry/semver.h"

// Typed reads of one state of the store. Errors: those of ReadView; kCorruption names family and key.
namespace tarn::registry {

// A record and the bytes it was read from, which a precondition names; both empty when there is none.
template <typename Record>
struct Stored {
  std::optional<Record> record;
  std::optional<std::string> raw;
};

// The record under `key`. Instantiated for all records.
template <typename Record>
Result<Stored<Record>> ReadRecord(const engine::ReadView& view, engine::Family family, const std::string& key);

Result<Stored<PackageRecord>> ReadPackage(const engine::ReadView& view, const PackageName& name);
Result<Stored<UserRecord>> ReadUser(const engine::ReadView& view, std::string_view user);
// The principal as a packument shows them; both empty for the operator.
Result<Maintainer> ReadMaintainer(const engine::ReadView& view, const Principal& principal);
// Live version or tombstone of the same number; build metadata does not count.
Result<std::optional<VersionRecord>> ReadVersion(const engine::ReadView& view, const PackageName& name,
                                                 const Version& version);
// Of a live version; does not copy its manifest.
Result<std::optional<TarballRecord>> ReadTarball(const engine::ReadView& view, const PackageName& name,
                                                 const Version& version);
Result<std::optional<TombstoneRecord>> ReadTombstone(const engine::ReadView& view, const PackageName& name,
                                                     const Version& version);
// What decides over what the principal may do with `name`, beside its own record.
Result<ScopeState> ReadScope(const engine::ReadView& view, const Principal& principal, const PackageName& name);

// Keys of a version and its tombstone.
std::string VersionKey(const PackageName& name, const Version& version);
// Of an imported version that no semver stands for, or that means the same as another one ("1.2", "v1.0.0" beside
// "1.0.0"): by its bytes, behind all others.
std::string OddVersionKey(const PackageName& name, std::string_view version);
bool IsOddVersionKey(const PackageName& name, std::string_view key);
// The live version of exactly this text, or else of the number that Version::ParseLoose reads in it.
Result<std::optional<VersionRecord>> ReadVersionByText(const engine::ReadView& view, const PackageName& name,
                                                       std::string_view text);

// Where the live versions are, in version order, without reading their manifests into memory.
struct VersionSlot {
  uint32_t ordinal = 0;
  std::string version;
  uint64_t time_ms = 0;
  std::string key;  // In family `version`.
};
Result<std::vector<VersionSlot>> ListVersions(const engine::ReadView& view, const PackageName& name);

// All tombstones in version order, until `visit` returns false.
Status ScanTombstones(const engine::ReadView& view, const PackageName& name,
                      const std::function<bool(TombstoneRecord)>& visit);

// A package that the caller may read.
struct VisiblePackage {
  PackageRecord record;
};
// kNotFound, always with the same text, when there is none or not for their eyes. For many packages: access_reader.h.
Result<VisiblePackage> ReadVisiblePackage(const engine::ReadView& view, const Principal& principal,
                                          const PackageName& name);

}  // namespace tarn::registry
