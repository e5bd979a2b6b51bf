#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/access.h"
#include "storage/registry/package_name.h"
#include "storage/registry/registry.h"

namespace tarn::registry {

// What a follower asks for (contract 13). The order is that of the journal.
struct ChangesQuery {
  uint64_t after = 0;                   // A sequence: rows behind it. 0: from the beginning.
  std::optional<uint64_t> before = {};  // Rows in front of it; for the next piece of a descending feed.
  bool descending = false;
  size_t rows_max = 0;                  // At most limits::kFeedRowsPerPiece.
  std::vector<std::string> names = {};  // Of these packages alone; empty: of all. At most limits::kFeedNamesMax.
};

struct ChangedPackage {
  uint64_t sequence = 0;
  std::string name;
  std::string rev;
  bool is_unpublished = false;
};

struct ChangesPiece {
  std::vector<ChangedPackage> packages;
  uint64_t next = 0;     // `after` of the next piece, or `before` of a descending one.
  bool is_last = false;  // There was nothing more when this was read.
};

// A package as followers see it: the packument is `_id`, `_rev` and everything else; the history is for `_revisions`.
struct FeedDocument {
  PackumentAnswer packument;  // Full, not compressed.
  uint64_t rev_counter = 0;
  std::vector<std::string> rev_hashes;  // Of the current revision and those before it, newest first, in hex.
  bool is_unpublished = false;

  std::string rev() const { return std::to_string(rev_counter) + "-" + rev_hashes.front(); }
};

struct PackageRange {
  std::string first = {};                // Included; empty: from the beginning.
  std::optional<std::string> last = {};  // Included.
  uint64_t skip = 0;
  size_t rows_max = 0;  // At most limits::kFeedRowsPerPiece.
};
struct PackagesPiece {
  std::vector<ChangedPackage> packages;  // By name; none that is unpublished. `sequence` is not set.
  std::string next;                      // `first` of the next piece; empty when this was the last.
  uint64_t skip_left = 0;                // `skip` of the next piece.
};

// Reads the feed, backed by the family `change`: what it costs grows with what is returned, not with the journal.
//
// Each package is there once, with its latest change. What the caller may not read is not there, as if it had never been
// published; so a package that becomes restricted just ceases to appear.
// Errors: kUnauthenticated when the registry is not for anonymous callers; those of ReadView.
// Threads: any. Blocks on disk.
class ChangeFeed {
 public:
  ChangeFeed(engine::Store* store, Registry* registry, const RegistryOptions& options)
      : store_(store), registry_(registry), options_(options) {}

  // Where the feed ends now: everything up to here has been, or could have been, read.
  uint64_t CurrentSequence() const;
  // The sequence to go on from for somebody who says that they have read up to `sequence`: itself, or 0 (everything again,
  // which is always right) when it is not one of this journal: from its future, or of an epoch that never had it.
  Result<uint64_t> Resume(uint64_t sequence) const;

  Result<ChangesPiece> Read(const Principal& principal, const ChangesQuery& query) const;
  // Rows behind `after` that the caller may read; counts to limits::kFeedPendingMax and no further.
  Result<uint64_t> CountAfter(const Principal& principal, uint64_t after) const;
  Result<PackagesPiece> ListPackages(const Principal& principal, const PackageRange& range) const;
  // kNotFound as for Registry::GetPackument.
  Result<FeedDocument> GetDocument(const Principal& principal, const PackageName& name,
                                   const std::string& base_url) const;

 private:
  Status CheckMayAsk(const Principal& principal) const;
  Result<ChangesPiece> ReadAscending(const engine::ReadView& view, const Principal& principal,
                                     const ChangesQuery& query) const;
  Result<ChangesPiece> ReadDescending(const engine::ReadView& view, const Principal& principal,
                                      const ChangesQuery& query) const;
  Result<ChangesPiece> ReadNamed(const engine::ReadView& view, const Principal& principal,
                                 const ChangesQuery& query) const;

  engine::Store* const store_;
  Registry* const registry_;  // For packuments, through its cache.
  const RegistryOptions options_;
};

}  // namespace tarn::registry
