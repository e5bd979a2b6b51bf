#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What is known to be wrong with versions of packages: imported from OSV documents, answered to `npm audit`.
// Threads: values and pure functions.
namespace tarn::registry {

// The words npm knows. Written to disk since format 1.
enum class Severity : uint8_t { kInfo = 1, kLow = 2, kModerate = 3, kHigh = 4, kCritical = 5 };
inline constexpr size_t kSeverityCount = 5;
std::string_view SeverityName(Severity severity);  // "moderate"

// Versions from `introduced` up to `end`, by precedence, so prereleases count like all others. Empty: without that bound.
struct AdvisoryRange {
  std::string introduced;
  std::string end;
  bool includes_end = false;
  bool operator==(const AdvisoryRange&) const = default;
};

// One advisory, as far as it is about one package.
struct Advisory {
  std::string id;  // Of the OSV document: "GHSA-…", "MAL-…".
  std::string title;
  std::string url;
  Severity severity = Severity::kModerate;
  uint8_t cvss_tenths = 0;  // Base score of CVSS 3; 0: none.
  std::string cvss_vector;
  std::vector<std::string> cwes;
  std::vector<std::string> aliases;
  std::vector<AdvisoryRange> ranges;
  std::vector<std::string> versions;  // Beside the ranges.
  uint64_t published_ms = 0;
  uint64_t modified_ms = 0;
  bool operator==(const Advisory&) const = default;
};

// The number that npm's answers carry as `id`: the same on every node, below 2^48, different for each package of an
// advisory because old clients key their reports by it.
uint64_t AdvisoryNumber(std::string_view id, std::string_view package);

// As semver ranges: what is affected ("*" for everything), and what is not any more ("<0.0.0" when nothing is).
std::string VulnerableVersions(const Advisory& advisory);
std::string PatchedVersions(const Advisory& advisory);

// False for what is no version, such as the URL of a git dependency.
bool Affects(const Advisory& advisory, std::string_view version);

struct AuditedPackage {
  std::string name;
  std::vector<std::string> versions;  // None: any.
};

struct PackageAdvisories {
  std::string name;
  std::vector<Advisory> advisories;  // That affect a version asked for; never empty in an answer.
};

struct AdvisoryImport {
  uint64_t imported = 0;                                 // New, or changed.
  uint64_t unchanged = 0;                                // Known already, or older than what is known.
  uint64_t withdrawn = 0;                                // Removed because their authors took them back.
  uint64_t irrelevant = 0;                               // Not about versions of npm packages.
  std::vector<std::pair<size_t, std::string>> failures;  // Index of a document, and what is wrong with it.
};

struct AdvisoryListing {
  std::string id;
  Severity severity = Severity::kInfo;
  std::string title;
  std::vector<std::string> packages;
  uint64_t modified_ms = 0;
};
struct AdvisoryPage {
  std::vector<AdvisoryListing> advisories;
  uint64_t total = 0;  // Of all advisories.
  std::string next;    // Pass it as `after`; empty: this was the last page.
};

}  // namespace tarn::registry
