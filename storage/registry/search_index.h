#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/records.h"
#include "storage/registry/registry.h"
#include "storage/registry/search_terms.h"

namespace tarn::registry {

// Some packages as search sees them, their texts one behind the other: a word is looked for in all of them at the speed of
// memory. Immutable.
class SearchBlock {
 public:
  struct Row {
    std::string name;    // As published.
    uint32_t begin = 0;  // In text(): folded name, description and keywords, each ended by a byte below space.
    uint32_t end = 0;
    uint32_t description = 0;  // Where it begins.
    uint32_t keywords = 0;
    std::vector<std::string> maintainers;
    bool is_restricted = false;
    bool is_deprecated = false;
    bool is_unstable = false;
  };
  void Add(const std::string& name, const PackageRecord& package);
  // All rows of `other` but that of `name`.
  void AddAllBut(const SearchBlock& other, std::string_view name);

  const std::vector<Row>& rows() const { return rows_; }
  std::string_view text() const { return text_; }
  uint64_t bytes() const;

 private:
  std::vector<Row> rows_;
  std::string text_;
};

struct SearchMatch {
  double score = 0;
  const SearchBlock::Row* row = nullptr;
  // By score, then by name, so that paging repeats nothing.
  bool operator<(const SearchMatch& other) const {
    return score != other.score ? score > other.score : row->name < other.row->name;
  }
};

// All packages with a version, in memory: current when the writer of a package is answered, because Apply is called before.
//
// Blocks are never changed but replaced, so that a search walks a list of them without a lock, and a commit, whose thread
// must not wait, copies one block (about 20 µs). Loaded from the store by the first who asks: about 3 µs per package.
// About 350 bytes per package.
// Threads: any.
class SearchIndex {
 public:
  using Snapshot = std::vector<std::shared_ptr<const SearchBlock>>;  // Owners: the index, and searches under way.

  // After a change of a package is visible. nullptr: it is gone.
  void Apply(const std::string& name, const PackageRecord* package) EXCLUDES(mutex_);

  [[nodiscard]] Result<Snapshot> Take(engine::Store* store) EXCLUDES(mutex_, load_mutex_);
  [[nodiscard]] Result<Registry::PackageCounts> Count(engine::Store* store) EXCLUDES(mutex_, load_mutex_);
  uint64_t bytes() const EXCLUDES(mutex_);

 private:
  enum class State : uint8_t { kEmpty, kLoading, kLoaded };
  struct Place {
    uint32_t block = UINT32_MAX;  // None: it has no version.
    bool is_restricted = false;
  };

  using Places = std::unordered_map<std::string, Place>;

  Status Load(engine::Store* store) EXCLUDES(mutex_, load_mutex_);
  static Status ReadAll(engine::Store* store, Snapshot* blocks, Places* places);
  void Replace(const std::string& name, const PackageRecord* package) REQUIRES(mutex_);
  void Forget(const std::string& name) REQUIRES(mutex_);
  void Insert(const std::string& name, const PackageRecord& package) REQUIRES(mutex_);
  uint64_t& CounterOf(const Place& place) REQUIRES(mutex_);

  Mutex load_mutex_;  // One loads, the others wait. Taken before the other.
  mutable Mutex mutex_;
  State state_ GUARDED_BY(mutex_) = State::kEmpty;
  std::vector<std::pair<std::string, std::unique_ptr<PackageRecord>>> missed_ GUARDED_BY(mutex_);  // While loading.
  Snapshot blocks_ GUARDED_BY(mutex_);
  Places places_ GUARDED_BY(mutex_);
  Registry::PackageCounts counts_ GUARDED_BY(mutex_);
  uint64_t restricted_ GUARDED_BY(mutex_) = 0;
};

// What fits, in no order.
std::vector<SearchMatch> FindMatches(const SearchIndex::Snapshot& snapshot, const SearchTerms& terms);

}  // namespace tarn::registry
