#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/registry.h"

namespace tarn::registry {

// The text of a search, taken apart (contract 12.1). All comparisons ignore the case of ASCII letters.
struct SearchTerms {
  std::vector<std::string> words;  // Each must occur in the name, the description or a keyword.
  std::vector<std::string> maintainers;  // author: and maintainer:, each must be one.
  std::vector<std::string> scopes;       // One of them.
  std::vector<std::string> keywords_any;
  std::vector<std::string> keywords_all;
  std::vector<std::string> keywords_none;
  std::string exact_name;  // The words as one name, for the hit that comes first.

  static SearchTerms Parse(std::string_view text);
};

// Looks at every package: reads its record in place and copies only what is shown. About 1 µs per package and word (bench/micro/registry_bench).
// Left out: what the caller may not read, packages without a version, those whose latest version is deprecated.
// Order: score, then name, so that paging repeats nothing. Errors: those of ReadView.
Result<SearchAnswer> SearchPackages(const engine::ReadView& view, const Principal& principal,
                                    const SearchQuery& query);

}  // namespace tarn::registry
