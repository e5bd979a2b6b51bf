#pragma once

#include <string>

#include "storage/base/result.h"
#include "storage/registry/records.h"

namespace tarn::registry {

// What search says about a package, out of the manifest of its `latest` version. Texts are cut to
// limits::kSummaryTextBytesMax and keywords to limits::kSummaryKeywordsMax, because each publish writes them again.
// A member of an unexpected type counts as missing: manifests are older than any rule about them.
// kInvalidArgument: not a manifest.
Result<LatestSummary> Summarise(const VersionRecord& version);

// The readme of a version: its own, or the one inside its manifest. Empty when there is none.
Result<std::string> ReadmeOf(const VersionRecord& version);

}  // namespace tarn::registry
