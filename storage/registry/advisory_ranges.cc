#include "storage/registry/advisory_ranges.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kFirst = "0";  // OSV's word for "before all versions".

struct Event {
  OsvEvent::Kind kind;
  std::optional<Version> version;  // nullopt: before all.
};

// nullopt is the lowest of beginnings.
bool BeginsBefore(const std::optional<Version>& a, const std::optional<Version>& b) {
  if (!b) return false;
  return !a || *a < *b;
}

bool IsEmpty(const VersionInterval& interval) {
  if (!interval.introduced || !interval.end) return false;
  return interval.includes_end ? *interval.end < *interval.introduced : *interval.end <= *interval.introduced;
}

// Is there no version between the end of `a` and the beginning of `b`, which does not begin before `a`?
bool Touches(const VersionInterval& a, const VersionInterval& b) {
  return !a.end || !b.introduced || *b.introduced <= *a.end;
}

// The later end of two.
void TakeLaterEnd(const VersionInterval& other, VersionInterval* interval) {
  if (!interval->end) return;
  const bool is_later = !other.end || *interval->end < *other.end;
  const bool is_equal = other.end && *interval->end == *other.end;
  if (is_later) {
    interval->end = other.end;
    interval->includes_end = other.includes_end;
  } else if (is_equal) {
    interval->includes_end |= other.includes_end;
  }
}

std::string FormatInterval(const VersionInterval& interval) {
  if (!interval.introduced && !interval.end) return "*";
  if (interval.introduced && interval.end && *interval.introduced == *interval.end) return interval.end->Canonical();
  std::string text;
  if (interval.introduced) text += ">=" + interval.introduced->Canonical();
  if (!interval.end) return text;
  if (!text.empty()) text += ' ';
  return text + (interval.includes_end ? "<=" : "<") + interval.end->Canonical();
}

void AppendAlternative(std::string* range, const std::string& alternative) {
  if (!range->empty()) *range += " || ";
  *range += alternative;
}

}  // namespace

bool VersionInterval::Contains(const Version& version) const {
  if (introduced && version < *introduced) return false;
  if (!end) return true;
  return includes_end ? version <= *end : version < *end;
}

Result<std::vector<VersionInterval>> IntervalsOf(const std::vector<OsvEvent>& events) {
  std::vector<Event> sorted;
  for (const OsvEvent& event : events) {
    if (event.version == kFirst) {
      sorted.push_back({event.kind, std::nullopt});
      continue;
    }
    auto version = Version::ParseLoose(event.version);
    if (!version.ok()) return version.status();
    sorted.push_back({event.kind, std::move(*version)});
  }
  // Of equals the order of the document counts: "fixed 2.0.0, introduced 2.0.0" goes on, the reverse is empty.
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Event& a, const Event& b) { return BeginsBefore(a.version, b.version); });

  std::vector<VersionInterval> intervals;
  bool is_open = false;
  for (const Event& event : sorted) {
    if (event.kind == OsvEvent::Kind::kIntroduced) {
      if (!is_open) intervals.push_back({event.version, std::nullopt, false});
      is_open = true;
    } else if (is_open && event.version) {
      intervals.back().end = event.version;
      intervals.back().includes_end = event.kind == OsvEvent::Kind::kLastAffected;
      is_open = false;
    }
  }
  std::erase_if(intervals, IsEmpty);
  return intervals;
}

std::vector<VersionInterval> MergeIntervals(std::vector<VersionInterval> intervals) {
  std::stable_sort(intervals.begin(), intervals.end(), [](const VersionInterval& a, const VersionInterval& b) {
    return BeginsBefore(a.introduced, b.introduced);
  });
  std::vector<VersionInterval> merged;
  for (VersionInterval& interval : intervals) {
    if (!merged.empty() && Touches(merged.back(), interval)) {
      TakeLaterEnd(interval, &merged.back());
    } else {
      merged.push_back(std::move(interval));
    }
  }
  return merged;
}

AdvisoryRange ToRange(const VersionInterval& interval) {
  return {interval.introduced ? interval.introduced->Canonical() : "", interval.end ? interval.end->Canonical() : "",
          interval.includes_end};
}

std::vector<VersionInterval> ToIntervals(const std::vector<AdvisoryRange>& ranges) {
  std::vector<VersionInterval> intervals;
  for (const AdvisoryRange& range : ranges) {
    VersionInterval interval;
    interval.includes_end = range.includes_end;
    const auto read = [](const std::string& text, std::optional<Version>* bound) {
      if (text.empty()) return true;
      auto version = Version::ParseLoose(text);
      if (version.ok()) *bound = std::move(*version);
      return version.ok();
    };
    if (read(range.introduced, &interval.introduced) && read(range.end, &interval.end)) {
      intervals.push_back(std::move(interval));
    }
  }
  return intervals;
}

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kInfo: return "info";
    case Severity::kLow: return "low";
    case Severity::kModerate: return "moderate";
    case Severity::kHigh: return "high";
    case Severity::kCritical: break;
  }
  return "critical";
}

uint64_t AdvisoryNumber(std::string_view id, std::string_view package) {
  constexpr int kUnusedBits = 16;  // JavaScript counts exactly up to 2^53.
  const Sha256Digest hash = Sha256(std::string(id) + "\n" + std::string(package));
  return LoadBigEndian64(hash.view().data()) >> kUnusedBits;
}

std::string VulnerableVersions(const Advisory& advisory) {
  std::string range;
  for (const VersionInterval& interval : ToIntervals(advisory.ranges)) {
    AppendAlternative(&range, FormatInterval(interval));
  }
  for (const std::string& version : advisory.versions) AppendAlternative(&range, version);
  return range;
}

std::string PatchedVersions(const Advisory& advisory) {
  const auto intervals = ToIntervals(advisory.ranges);
  std::string range;
  for (size_t i = 0; i < intervals.size(); ++i) {
    if (!intervals[i].end) break;
    std::string gap = (intervals[i].includes_end ? ">" : ">=") + intervals[i].end->Canonical();
    if (i + 1 < intervals.size() && intervals[i + 1].introduced) gap += " <" + intervals[i + 1].introduced->Canonical();
    AppendAlternative(&range, gap);
  }
  return range.empty() ? "<0.0.0" : range;
}

bool Affects(const Advisory& advisory, std::string_view text) {
  const auto version = Version::ParseLoose(text);
  if (!version.ok()) return false;
  for (const VersionInterval& interval : ToIntervals(advisory.ranges)) {
    if (interval.Contains(*version)) return true;
  }
  return std::any_of(advisory.versions.begin(), advisory.versions.end(), [&](const std::string& listed) {
    const auto affected = Version::ParseLoose(listed);
    return affected.ok() && *affected == *version;
  });
}

}  // namespace tarn::registry
