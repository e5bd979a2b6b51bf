#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/package_state.h"
#include "storage/registry/staged_record.h"
#include "storage/registry/staged_rules.h"

namespace tarn::registry {

// The staged versions of a package that one write knows of: the package's list and, as long as there is no package, the
// list of whoever is about to make it. What has expired is not there, and goes when its list is written.
//
// A write that read lists names them as preconditions, so no number is both published and staged.
class StagedLists {
 public:
  //   owner  empty, or whose list counts too when there is no package.
  static Result<StagedLists> Read(const engine::ReadView& view, const PackageName& name,
                                  const std::optional<PackageRecord>& package, std::string_view owner,
                                  const StagedTerm& term);

  const StagedEntry* FindVersion(const Version& version) const;
  const StagedEntry* FindId(std::string_view id) const;
  // All of them, whichever list they are in.
  StagedPackageRecord All() const;

  //   owner  as Read was given, or empty.
  void Add(std::string_view owner, StagedEntry entry);
  void Remove(std::string_view id);
  // This write makes the package: what its first publisher had staged becomes the package's.
  void Adopt();

  // Preconditions, and the lists that have changed.
  void AddTo(engine::Mutation* mutation) const;

 private:
  struct List {
    std::string key;
    std::optional<std::string> raw;
    StagedPackageRecord record;
    std::vector<std::string> expired;  // Ids.
    bool has_changed = false;
  };
  Status ReadList(const engine::ReadView& view, std::string key, const StagedTerm& term);

  std::string package_;
  std::vector<List> lists_;  // The package's, and the owner's if it counts.
  std::vector<std::string> removed_;
};

// One staged version, with everything that decides over it.
struct StagedVersion {
  PackageName name;
  VersionRecord version;
  StagedEntry entry;
  Stored<PackageRecord> package;
  ScopeState scope;
  StagedLists lists;
};

// kNotFound, always with the same text: no such id, expired, or not for these eyes.
Result<StagedVersion> FindStaged(const engine::ReadView& view, const Principal& principal, std::string_view id,
                                 const StagedTerm& term);

}  // namespace tarn::registry
