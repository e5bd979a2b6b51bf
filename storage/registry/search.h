#pragma once

#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/download_counts.h"
#include "storage/registry/registry.h"
#include "storage/registry/search_index.h"

namespace tarn::registry {

// Finds in memory, and reads from `view` what is shown (contract 12.1).
// Left out: what the caller may not read, packages without a version, and those whose latest version is deprecated, but
// for is:deprecated. Order: score, then name, so that paging repeats nothing.
// Errors: those of SearchTerms::Parse and ReadView.
Result<SearchAnswer> SearchPackages(const engine::ReadView& view, const SearchIndex::Snapshot& snapshot,
                                    DownloadCounts* downloads, const Principal& principal, const SearchQuery& query);

}  // namespace tarn::registry
