#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/advisory.h"

namespace tarn::registry {

// Whether this may be the id of an advisory: safe in keys, paths and on terminals.
bool IsAdvisoryId(std::string_view text);

// One document of the Open Source Vulnerability format (ossf.github.io/osv-schema 1.x), as far as it is about npm.
struct OsvDocument {
  std::string id;
  uint64_t modified_ms = 0;
  bool is_withdrawn = false;
  // Package name and what is wrong with it, each name once, sorted. Empty: about other ecosystems, or about no version.
  std::vector<std::pair<std::string, Advisory>> affected;
};

// Severity: `database_specific.severity`, else from the CVSS 3 vector, else critical for malware ("MAL-…") and moderate for
// the rest, for nobody should overlook what nobody has rated.
// Texts are cut to limits.h and cleared of control characters, because they end up on terminals.
// kInvalidArgument: not JSON, not such a document (no id, no `modified`), or a version that is none. kTooLarge.
Result<OsvDocument> ReadOsv(std::string_view json);

}  // namespace tarn::registry
