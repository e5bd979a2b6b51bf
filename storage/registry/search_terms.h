#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace tarn::registry {

// The text of a search, taken apart (contract 12.1). All comparisons ignore the case of ASCII letters, so everything here
// is folded. Pure. Threads: any.
struct SearchTerms {
  std::vector<std::string> words;        // Each must occur in the name, the description or a keyword.
  std::vector<std::string> maintainers;  // author: and maintainer:, each must be one.
  std::vector<std::string> scopes;       // One of them.
  std::vector<std::string> keywords_any;
  std::vector<std::string> keywords_all;
  std::vector<std::string> keywords_none;
  std::optional<bool> unstable;  // is:unstable, not:unstable: latest is below 1.0.0.
  std::optional<bool> insecure;  // No package is known to be: is:insecure finds none.
  bool deprecated = false;       // is:deprecated: those alone; otherwise they are left out.
  std::string exact_name;        // The words as one name, for the hit that comes first; empty with boost-exact:false.

  // kInvalidArgument: more than limits::kSearchWordsMax terms.
  static Result<SearchTerms> Parse(std::string_view text);
};

// ASCII letters in lower case, control bytes as spaces.
void AppendFolded(std::string* out, std::string_view text);

}  // namespace tarn::registry
