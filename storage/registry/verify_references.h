#pragma once

#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/store.h"

namespace tarn::registry {

// What only the registry knows to check of a state: every record can be read and belongs to a package; each package's
// counts and tags fit its versions; each version's blob is there with the recorded size and hashes; no number is live
// and unpublished at once; tokens have their user; the derived families equal a rebuild. Findings in words, at most
// limits::kVerifyFindingsMax of them. Does not read blobs.
// Errors: those of ReadView.
Result<std::vector<std::string>> VerifyReferences(const engine::ReadView& view);

}  // namespace tarn::registry
