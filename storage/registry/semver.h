#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace tarn::registry {

// A version as node-semver 7.8 understands it: three numbers up to 2^53 - 1, prerelease
// identifiers, build metadata that no comparison looks at.
//
//   Parse       what semver.valid(semver.clean(text)) accepts: space around it and a leading "v" or
//               "=" are dropped, the rest is strict SemVer 2.0.
//   ParseLoose  what semver.parse(text, {loose: true}) accepts: also leading zeros and a prerelease
//               without hyphen ("1.0.0beta"). For reading legacy data only.
// Both refuse more than limits::kVersionBytesMax bytes after cleaning. Errors: kInvalidArgument.
//
// One deliberate difference: numeric prerelease identifiers beyond 2^53 are compared digit by
// digit, where node-semver rounds them to a double and calls neighbours equal. The order never
// contradicts node's, it only tells apart what node cannot.
//
// Threads: a value type.
class Version {
 public:
  static Result<Version> Parse(std::string_view text);
  static Result<Version> ParseLoose(std::string_view text);

  uint64_t major() const { return major_; }
  uint64_t minor() const { return minor_; }
  uint64_t patch() const { return patch_; }
  // "beta.1", or empty.
  const std::string& prerelease() const { return prerelease_; }
  // "exp.sha.5114f85", or empty.
  const std::string& build() const { return build_; }
  bool is_prerelease() const { return !prerelease_.empty(); }

  // "1.2.3-beta.1", without build metadata: node-semver's `version`. Parses back to an equal one.
  std::string Canonical() const;
  // "1.2.3-beta.1+build".
  std::string ToString() const;

  // Bytes whose memcmp order is the order of versions, and which are equal exactly when the
  // versions are (build metadata ignored). Any byte may occur, 0x00 included: it stands last in a
  // key. Written to disk since format 1; layout in semver.cc.
  std::string SortKey() const;

  // The order of precedence. Not strong: equal versions may differ in build metadata.
  std::weak_ordering operator<=>(const Version& other) const;
  bool operator==(const Version& other) const { return (*this <=> other) == 0; }

  bool HasSameNumbers(const Version& other) const {
    return major_ == other.major_ && minor_ == other.minor_ && patch_ == other.patch_;
  }

 private:
  friend class Range;
  Version() = default;
  Version(uint64_t major, uint64_t minor, uint64_t patch, std::string_view prerelease)
      : major_(major), minor_(minor), patch_(patch), prerelease_(prerelease) {}
  static Result<Version> ParseCleaned(std::string_view text);

  uint64_t major_ = 0;
  uint64_t minor_ = 0;
  uint64_t patch_ = 0;
  std::string prerelease_;
  std::string build_;
};

// A node-semver range: comparators, hyphen ranges, x-ranges, ^, ~, ||. Strict grammar, and the
// default prerelease rule: a prerelease satisfies only a set that names a prerelease of the same
// numbers.
//
// Threads: a value type.
class Range {
 public:
  // kInvalidArgument when node's `new Range(text)` throws, or beyond limits::kRangeBytesMax bytes.
  static Result<Range> Parse(std::string_view text);

  bool Contains(const Version& version) const;

 private:
  enum class Operator : uint8_t { kEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
  struct Comparator {
    Operator op;
    Version bound;
    bool Admits(const Version& version) const;
  };
  // All comparators of a set must admit a version; an empty set admits every release.
  using ComparatorSet = std::vector<Comparator>;
  class Parser;

  Range() = default;

  std::vector<ComparatorSet> sets_;  // One of them must admit a version.
};

// semver.validRange(text) !== null.
bool IsValidRange(std::string_view text);

// False for a range that does not parse, too.
bool Satisfies(const Version& version, std::string_view range);

// Index of the highest version in `range`; the first one of equals. None when nothing satisfies it.
std::optional<size_t> MaxSatisfying(std::span<const Version> versions, const Range& range);

}  // namespace tarn::registry
