#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/advisory.h"
#include "storage/registry/semver.h"

// Ranges of OSV (ossf.github.io/osv-schema, "affected[].ranges", evaluation algorithm) as intervals of versions.
// Threads: pure functions.
namespace tarn::registry {

struct OsvEvent {
  enum class Kind : uint8_t { kIntroduced, kFixed, kLastAffected };  // A `limit` ends a range as a fix does.
  Kind kind = Kind::kIntroduced;
  std::string version;  // "0": before all others.
};

// From..to of versions. nullopt: without that bound.
struct VersionInterval {
  std::optional<Version> introduced;
  std::optional<Version> end;
  bool includes_end = false;

  bool Contains(const Version& version) const;
};

// The intervals that the events of one range open and close; events in any order. kInvalidArgument: not a version.
Result<std::vector<VersionInterval>> IntervalsOf(const std::vector<OsvEvent>& events);

// Ascending, and those that touch joined.
std::vector<VersionInterval> MergeIntervals(std::vector<VersionInterval> intervals);

AdvisoryRange ToRange(const VersionInterval& interval);
// Ranges of a stored advisory; one that cannot be read is left out.
std::vector<VersionInterval> ToIntervals(const std::vector<AdvisoryRange>& ranges);

}  // namespace tarn::registry
