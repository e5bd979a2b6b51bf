#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/keys.h"
#include "storage/engine/store.h"
#include "storage/registry/access.h"
#include "storage/registry/records.h"
#include "storage/registry/registry.h"

namespace tarn::registry {

struct ListedPackage {
  std::string name;
  PackageRecord record;  // With a live version.
};

struct ListedPiece {
  std::vector<ListedPackage> packages;  // By name.
  std::string next;                     // To go on from; empty when this was the last piece.
};

// The lists of old clients and of `npm stars` (contract 8.6 and 14): packages that the caller may read, piece by piece, so
// that no list is ever held whole. A piece may be empty and not the last: it looks at limits::kFeedRowsPerPiece packages.
// Errors: kUnauthenticated where only users may read. Threads: any. Blocks.
class PackageListing {
 public:
  PackageListing(engine::Store* store, RegistryOptions::ReadAccess read_access)
      : store_(store), read_access_(read_access) {}

  // `first` is the name to begin with; empty: at the beginning.
  Result<ListedPiece> All(const Principal& principal, const std::string& first) const;
  Result<ListedPiece> StarredBy(const Principal& principal, const std::string& user, const std::string& first) const {
    return OfUser(principal, user, engine::ByUserKind::kStarred, first);
  }
  Result<ListedPiece> MaintainedBy(const Principal& principal, const std::string& user,
                                   const std::string& first) const {
    return OfUser(principal, user, engine::ByUserKind::kMaintains, first);
  }
  // Who has starred a package, by name. kNotFound as on every route.
  Result<std::vector<std::string>> StarsOf(const Principal& principal, const PackageName& name) const;

 private:
  Status CheckMayAsk(const Principal& principal) const;
  Result<ListedPiece> OfUser(const Principal& principal, const std::string& user, engine::ByUserKind kind,
                             const std::string& first) const;
  // Adds those of `names` that the caller may read and that have a version.
  Status AddVisible(const engine::ReadView& view, const Principal& principal, const std::vector<std::string>& names,
                    ListedPiece* piece) const;

  engine::Store* const store_;
  const RegistryOptions::ReadAccess read_access_;
};

}  // namespace tarn::registry
