#include "storage/registry/advisory_osv.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "storage/base/clock.h"
#include "storage/base/trust_limits.h"
#include "storage/registry/advisory_ranges.h"
#include "storage/registry/cvss.h"
#include "storage/registry/json_text.h"
#include "storage/registry/package_name.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kEcosystem = "npm";
constexpr std::string_view kMalwarePrefix = "MAL-";
constexpr std::string_view kGithubPrefix = "GHSA-";

using Members = std::vector<JsonMember>;

// The raw value of a member; empty when it is not there.
std::string_view Raw(const Members& members, std::string_view key) {
  for (const JsonMember& member : members) {
    if (member.key == key) return member.raw_value;
  }
  return {};
}
std::string TextOf(const Members& members, std::string_view key) {
  const std::string_view raw = Raw(members, key);
  return raw.empty() ? std::string() : TextOfJson(raw);
}
// No members, or no elements, for whatever else stands there: databases put null and empty things in places.
Members ObjectAt(const Members& members, std::string_view key) {
  auto object = SplitJsonObject(Raw(members, key));
  return object.ok() ? std::move(*object) : Members();
}
std::vector<std::string_view> ArrayAt(const Members& members, std::string_view key) {
  auto array = SplitJsonArray(Raw(members, key));
  return array.ok() ? std::move(*array) : std::vector<std::string_view>();
}
Members ObjectOf(std::string_view raw) {
  auto object = SplitJsonObject(raw);
  return object.ok() ? std::move(*object) : Members();
}

// One line, without what a terminal would obey, cut on a character boundary.
std::string Line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  size_t size = std::min(text.size(), limits::kAdvisoryTextBytesMax);
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  text.resize(size);
  return text;
}

std::vector<std::string> Words(const std::vector<std::string_view>& raws, bool (*is_wanted)(std::string_view)) {
  std::vector<std::string> words;
  for (const std::string_view raw : raws) {
    std::string word = TextOfJson(raw);
    if (is_wanted(word) && words.size() < limits::kAdvisoryListMax) words.push_back(std::move(word));
  }
  return words;
}

bool IsCwe(std::string_view text) { return text.starts_with("CWE-") && text.size() < 16 && IsAdvisoryId(text); }

bool IsVector(std::string_view text) {
  return text.size() < limits::kAdvisoryTextBytesMax && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) || c == ':' || c == '/' || c == '.';
         });
}

std::optional<Severity> NamedSeverity(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (word == "medium") word = "moderate";
  for (size_t i = 1; i <= kSeverityCount; ++i) {
    if (SeverityName(static_cast<Severity>(i)) == word) return static_cast<Severity>(i);
  }
  return std::nullopt;
}

// Sets score, vector and severity.
void Rate(const Members& document, const Members& database, Advisory* advisory) {
  std::optional<uint8_t> score;
  for (const std::string_view raw : ArrayAt(document, "severity")) {
    const Members entry = ObjectOf(raw);
    std::string vector = TextOf(entry, "score");
    if (!TextOf(entry, "type").starts_with("CVSS_") || !IsVector(vector)) continue;
    const auto tenths = CvssBaseTenths(vector);
    // A vector with a score beats one that is only quoted (CVSS 4, whose scoring is a table of its own).
    if (!advisory->cvss_vector.empty() && !(tenths && !score)) continue;
    advisory->cvss_vector = std::move(vector);
    score = tenths;
  }
  advisory->cvss_tenths = score.value_or(0);
  if (const auto named = NamedSeverity(TextOf(database, "severity")))
    advisory->severity = *named;
  else if (score)
    advisory->severity = SeverityOfCvss(*score);
  else
    advisory->severity = advisory->id.starts_with(kMalwarePrefix) ? Severity::kCritical : Severity::kModerate;
}

std::string UrlOf(const Members& document, const Advisory& advisory) {
  // npm and pnpm take the GHSA number from the end of this.
  if (advisory.id.starts_with(kGithubPrefix)) return "https://github.com/advisories/" + advisory.id;
  for (const std::string_view raw : ArrayAt(document, "references")) {
    const Members reference = ObjectOf(raw);
    std::string url = TextOf(reference, "url");
    if (TextOf(reference, "type") == "ADVISORY" && (url.starts_with("https://") || url.starts_with("http://")) &&
        url.size() <= limits::kAdvisoryTextBytesMax && Line(url) == url) {
      return url;
    }
  }
  return "https://osv.dev/vulnerability/" + advisory.id;
}

Result<std::vector<OsvEvent>> EventsOf(const Members& range) {
  std::vector<OsvEvent> events;
  for (const std::string_view raw : ArrayAt(range, "events")) {
    for (const JsonMember& member : ObjectOf(raw)) {
      const std::string version = TextOfJson(member.raw_value);
      if (member.key == "introduced") events.push_back({OsvEvent::Kind::kIntroduced, version});
      if (member.key == "fixed") events.push_back({OsvEvent::Kind::kFixed, version});
      if (member.key == "last_affected") events.push_back({OsvEvent::Kind::kLastAffected, version});
      if (member.key == "limit" && version != "*") events.push_back({OsvEvent::Kind::kFixed, version});
    }
    if (events.size() > limits::kAdvisoryRangesMax) return TooLarge("more than 1000 events in a range");
  }
  return events;
}

Result<std::vector<VersionInterval>> IntervalsOfPackage(const Members& affected) {
  std::vector<VersionInterval> intervals;
  for (const std::string_view raw : ArrayAt(affected, "ranges")) {
    const Members range = ObjectOf(raw);
    const std::string type = TextOf(range, "type");
    if (type != "SEMVER" && type != "ECOSYSTEM") continue;  // For npm both mean semver; GIT names commits.
    ASSIGN_OR_RETURN(const auto events, EventsOf(range));
    ASSIGN_OR_RETURN(auto found, IntervalsOf(events));
    intervals.insert(intervals.end(), found.begin(), found.end());
    if (intervals.size() > limits::kAdvisoryRangesMax) return TooLarge("more than 1000 ranges of one package");
  }
  return intervals;
}

// Versions that are listed one by one. What is no version was published by nobody.
Result<std::vector<Version>> ListedVersions(const Members& affected) {
  const auto raws = ArrayAt(affected, "versions");
  if (raws.size() > limits::kAdvisoryVersionsMax) return TooLarge("more than 20000 versions of one package");
  std::vector<Version> versions;
  for (const std::string_view raw : raws) {
    auto version = Version::ParseLoose(TextOfJson(raw));
    if (version.ok()) versions.push_back(std::move(*version));
  }
  return versions;
}

// What several entries say about one package, taken together.
struct Extent {
  std::vector<VersionInterval> intervals;
  std::vector<Version> versions;
};

void SetExtent(Extent extent, Advisory* advisory) {
  const auto intervals = MergeIntervals(std::move(extent.intervals));
  for (const VersionInterval& interval : intervals) advisory->ranges.push_back(ToRange(interval));
  std::erase_if(extent.versions, [&](const Version& version) {
    return std::any_of(intervals.begin(), intervals.end(),
                       [&](const VersionInterval& interval) { return interval.Contains(version); });
  });
  std::sort(extent.versions.begin(), extent.versions.end());
  for (const Version& version : extent.versions) {
    std::string text = version.Canonical();
    if (advisory->versions.empty() || advisory->versions.back() != text) advisory->versions.push_back(std::move(text));
  }
}

Result<std::map<std::string, Extent>> ExtentsOf(const Members& document) {
  std::map<std::string, Extent> extents;
  for (const std::string_view raw : ArrayAt(document, "affected")) {
    const Members affected = ObjectOf(raw);
    const Members package = ObjectAt(affected, "package");
    const auto name = PackageName::Parse(TextOf(package, "name"));
    if (TextOf(package, "ecosystem") != kEcosystem || !name.ok()) continue;
    ASSIGN_OR_RETURN(auto intervals, IntervalsOfPackage(affected));
    ASSIGN_OR_RETURN(auto versions, ListedVersions(affected));
    if (intervals.empty() && versions.empty()) continue;
    Extent& extent = extents[name->full()];
    extent.intervals.insert(extent.intervals.end(), intervals.begin(), intervals.end());
    extent.versions.insert(extent.versions.end(), versions.begin(), versions.end());
    if (extents.size() > limits::kAdvisoryPackagesMax) return TooLarge("more than 1000 packages in one advisory");
  }
  return extents;
}

}  // namespace

bool IsAdvisoryId(std::string_view text) {
  const auto is_letter = [](unsigned char c) { return std::isalnum(c) != 0; };
  if (text.empty() || text.size() > limits::kAdvisoryIdBytesMax) return false;
  return is_letter(static_cast<unsigned char>(text[0])) && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
           return is_letter(c) || c == '-' || c == '.' || c == '_' || c == ':';
         });
}

Result<OsvDocument> ReadOsv(std::string_view json) {
  if (json.size() > limits::kAdvisoryBytesMax) return TooLarge("the document is larger than 4 MiB");
  ASSIGN_OR_RETURN(const Members document, ParseJsonObject(json));
  Advisory common;
  common.id = TextOf(document, "id");
  if (!IsAdvisoryId(common.id)) {
    return InvalidArgument("not an OSV document: it has no id of letters, digits, \"-\", \".\", \":\" and \"_\"");
  }
  const auto modified_ms = ParseIsoTime(TextOf(document, "modified"));
  if (!modified_ms.ok()) return modified_ms.status().WithContext(common.id + ": modified");
  common.modified_ms = *modified_ms;
  const auto published_ms = ParseIsoTime(TextOf(document, "published"));
  common.published_ms = published_ms.ok() ? *published_ms : *modified_ms;
  const Members database = ObjectAt(document, "database_specific");
  common.title = Line(TextOf(document, "summary"));
  if (common.title.empty()) common.title = Line(TextOf(document, "details"));
  if (common.title.empty()) common.title = common.id;
  common.cwes = Words(ArrayAt(database, "cwe_ids"), IsCwe);
  common.aliases = Words(ArrayAt(document, "aliases"), IsAdvisoryId);
  Rate(document, database, &common);
  common.url = UrlOf(document, common);

  auto extents = ExtentsOf(document);
  if (!extents.ok()) return extents.status().WithContext(common.id);
  OsvDocument result;
  result.id = common.id;
  result.modified_ms = common.modified_ms;
  result.is_withdrawn = !TextOf(document, "withdrawn").empty();
  for (auto& [name, extent] : *extents) {
    Advisory advisory = common;
    SetExtent(std::move(extent), &advisory);
    result.affected.emplace_back(name, std::move(advisory));
  }
  return result;
}

}  // namespace tarn::registry
