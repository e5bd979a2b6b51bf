#include <algorithm>

#include "storage/base/limits.h"
#include "storage/registry/semver.h"
#include "storage/registry/semver_text.h"

namespace tarn::registry {
namespace {

bool IsWildcard(std::string_view part) { return part.empty() || part == "x" || part == "X" || part == "*"; }

// node-semver's XRANGEPLAIN: "1", "1.x", "1.2.3-beta", with any mix of "v" and "=" in front. Parts
// are views; a part that was not written is empty.
struct PartialVersion {
  std::string_view major, minor, patch, prerelease;

  bool any_major() const { return IsWildcard(major); }
  bool any_minor() const { return any_major() || IsWildcard(minor); }
  bool any_patch() const { return any_minor() || IsWildcard(patch); }
};

// Takes "0", "12", "x", "X" or "*" off the front.
bool TakePart(std::string_view* text, std::string_view* part) {
  const size_t digits = CountDigits(*text);
  const bool is_number = digits > 0 && (digits == 1 || text->front() != '0');
  const bool is_wildcard = !text->empty() && digits == 0 && IsWildcard(text->substr(0, 1));
  if (!is_number && !is_wildcard) return false;
  const size_t size = is_number ? digits : 1;
  *part = text->substr(0, size);
  text->remove_prefix(size);
  return true;
}

// All of `text` must match. Build metadata was removed before.
bool ParsePartial(std::string_view text, PartialVersion* out) {
  while (!text.empty() && (text.front() == 'v' || text.front() == '=' || IsSpace(text.front()))) {
    text.remove_prefix(1);
  }
  if (!TakePart(&text, &out->major)) return false;
  for (std::string_view* part : {&out->minor, &out->patch}) {
    if (text.empty()) return true;
    if (text.front() != '.') return false;
    text.remove_prefix(1);
    if (!TakePart(&text, part)) return false;
  }
  if (text.empty()) return true;
  if (text.front() != '-' || !AreIdentifiers(text.substr(1), Strictness::kStrict)) return false;
  out->prerelease = text.substr(1);
  return true;
}

// "<", ">", "<=", ">=", "=" or nothing, at the front of `text`.
std::string_view OperatorAt(std::string_view text) {
  size_t size = 0;
  if (size < text.size() && (text[size] == '<' || text[size] == '>')) ++size;
  if (size < text.size() && text[size] == '=') ++size;
  return text.substr(0, size);
}

// One space for each run of white space, none at the ends.
std::string CollapseSpace(std::string_view text) {
  std::string collapsed;
  for (const char c : TrimSpace(text)) {
    if (!IsSpace(c)) {
      collapsed += c;
    } else if (collapsed.back() != ' ') {
      collapsed += ' ';
    }
  }
  return collapsed;
}

// "+build.7" goes, wherever it stands.
std::string WithoutBuildMetadata(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    if (text[i] == '+') {
      // Identifiers separated by single dots; a dot that none follows stays.
      while (end + 1 < text.size() && (end == i || text[end] == '.') && IsIdentifierChar(text[end + 1])) {
        ++end;
        while (end < text.size() && IsIdentifierChar(text[end])) ++end;
      }
    }
    if (end == i) {
      out += text[i++];
    } else {
      i = end;
    }
  }
  return out;
}

bool BeginsPartial(std::string_view text) {
  return CountDigits(text) > 0 || (!text.empty() && IsWildcard(text.substr(0, 1)));
}

// Bytes of the "v", "=" and spaces at the front of `text` when a version follows them, else npos.
size_t PrefixOfPartial(std::string_view text) {
  const size_t size = std::min(text.find_first_not_of("v= "), text.size());
  return BeginsPartial(text.substr(size)) ? size : std::string_view::npos;
}

// "> 1.2" becomes ">1.2".
std::string JoinComparisons(std::string_view text) {
  std::string joined;
  for (size_t i = 0; i < text.size();) {
    const std::string_view op = OperatorAt(text.substr(i));
    const bool begins_word = i == 0 || !(IsIdentifierChar(text[i - 1]) || text[i - 1] == '.');
    size_t taken = 0;
    if (!op.empty()) {
      size_t version = i + op.size();
      if (version < text.size() && text[version] == ' ') ++version;
      const size_t prefix = PrefixOfPartial(text.substr(version));
      if (prefix != std::string_view::npos) {
        joined.append(op).append(text.substr(version, prefix));
        taken = version + prefix - i;
      }
    } else if (begins_word && text[i] == 'v') {
      // A comparison within such a prefix is none: "v > 1".
      const size_t prefix = PrefixOfPartial(text.substr(i));
      if (prefix != std::string_view::npos) {
        joined.append(text.substr(i, prefix));
        taken = prefix;
      }
    }
    if (taken == 0) {
      joined += text[i];
      taken = 1;
    }
    i += taken;
  }
  return joined;
}

// "~ 1", "~> 1" and "^ 1" become "~1" and "^1".
std::string JoinTildesAndCarets(std::string_view text) {
  std::string joined;
  for (size_t i = 0; i < text.size();) {
    const size_t size = text[i] == '~' && i + 1 < text.size() && text[i + 1] == '>' ? 2 : 1;
    const bool joins = (text[i] == '~' || text[i] == '^') && i + size < text.size() && text[i + size] == ' ';
    joined += joins ? text.substr(i, 1) : text.substr(i, size);
    i += joins ? size + 1 : size;
  }
  return joined;
}

}  // namespace

bool Range::Comparator::Admits(const Version& version) const {
  const auto order = version <=> bound;
  switch (op) {
    case Operator::kEqual: return order == 0;
    case Operator::kLess: return order < 0;
    case Operator::kLessOrEqual: return order <= 0;
    case Operator::kGreater: return order > 0;
    case Operator::kGreaterOrEqual: return order >= 0;
  }
  return false;
}

// Turns one "||" alternative into comparators, the way node-semver rewrites it step by step. All
// functions return false when node's Range constructor throws.
class Range::Parser {
 public:
  bool ParseSet(std::string_view text) {
    const std::string clean = CollapseSpace(WithoutBuildMetadata(text));
    if (const size_t hyphen = clean.find(" - "); hyphen != std::string::npos) {
      const std::string_view view = clean;
      return AddHyphenRange(view.substr(0, hyphen), view.substr(hyphen + 3));
    }
    const std::string joined = JoinTildesAndCarets(JoinComparisons(clean));
    std::string_view rest = joined;
    do {
      const size_t space = rest.find(' ');
      if (!AddComparator(rest.substr(0, space))) return false;
      rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
    } while (!rest.empty());
    return true;
  }

  ComparatorSet TakeSet() { return std::move(set_); }

 private:
  bool AddHyphenRange(std::string_view from, std::string_view to) {
    PartialVersion low, high;
    if (!ParsePartial(from, &low) || !ParsePartial(to, &high)) return false;
    // Full bounds are used as they were written, so only a single "v" may stand before them.
    if (!low.any_patch() && !AddExact(Operator::kGreaterOrEqual, from)) return false;
    if (low.any_patch() && !AddFloor(low)) return false;
    if (high.any_patch()) return AddCeiling(high);
    if (!high.prerelease.empty()) return Add(Operator::kLessOrEqual, high);
    return AddExact(Operator::kLessOrEqual, to);
  }

  bool AddComparator(std::string_view text) {
    PartialVersion partial;
    if (!text.empty() && text.front() == '^' && ParsePartial(text.substr(1), &partial)) {
      return AddCaret(partial);
    }
    if (!text.empty() && text.front() == '~') {
      const size_t skip = text.size() > 1 && text[1] == '>' ? 2 : 1;
      if (ParsePartial(text.substr(skip), &partial)) return AddTilde(partial);
    }
    const std::string_view op = OperatorAt(text);
    if (ParsePartial(text.substr(op.size()), &partial) && partial.any_patch()) {
      // "x.1" and "1.x.3" are refused here, but not after ^ and ~.
      const bool is_ordered = !(partial.any_major() && !IsWildcard(partial.minor)) &&
                              !(IsWildcard(partial.minor) && !IsWildcard(partial.patch));
      return is_ordered && AddPartial(op, partial);
    }
    return AddRest(text);
  }

  // What is left is a full version with an operator, or nothing. node-semver first deletes the
  // first
  // "*" with the operator before it, wherever it stands: "1.2.3*" is a range.
  bool AddRest(std::string_view text) {
    std::string without_star(text);
    if (const size_t star = text.find('*'); star != std::string_view::npos) {
      size_t begin = star;
      if (begin > 0 && text[begin - 1] == '=') --begin;
      if (begin > 0 && (text[begin - 1] == '<' || text[begin - 1] == '>')) --begin;
      without_star.erase(begin, star + 1 - begin);
    }
    if (without_star.empty()) return true;
    const std::string_view op = OperatorAt(without_star);
    return AddExact(OperatorOf(op), std::string_view(without_star).substr(op.size()));
  }

  static Operator OperatorOf(std::string_view op) {
    if (op == "<") return Operator::kLess;
    if (op == "<=") return Operator::kLessOrEqual;
    if (op == ">") return Operator::kGreater;
    if (op == ">=") return Operator::kGreaterOrEqual;
    return Operator::kEqual;
  }

  // ^1.2.3 admits what leaves the leftmost non-zero number alone.
  bool AddCaret(const PartialVersion& partial) {
    if (partial.any_major()) return true;
    if (!AddFloor(partial)) return false;
    PartialVersion fixed = partial;
    if (partial.major != "0" || partial.any_minor()) {
      fixed.minor = {};
    } else if (partial.minor != "0" || partial.any_patch()) {
      fixed.patch = {};
    }
    return AddCeiling(fixed);
  }

  // ~1.2.3 admits further patches.
  bool AddTilde(const PartialVersion& partial) {
    if (partial.any_major()) return true;
    if (!AddFloor(partial)) return false;
    PartialVersion fixed = partial;
    fixed.patch = {};
    return AddCeiling(fixed);
  }

  bool AddPartial(std::string_view op, const PartialVersion& partial) {
    if (partial.any_major()) {
      if (op == "<" || op == ">") set_.push_back({Operator::kLess, Version(0, 0, 0, "0")});
      return true;
    }
    if (op.empty() || op == "=") return AddFloor(partial) && AddCeiling(partial);
    if (op == "<=") return AddCeiling(partial);
    uint64_t major = 0, minor = 0;
    if (!Numbers(partial, &major, &minor)) return false;
    if (op == "<") {
      set_.push_back({Operator::kLess, Version(major, minor, 0, "0")});
      return true;
    }
    if (op == ">" && !Bump(partial.any_minor() ? &major : &minor)) return false;
    AddFloor(major, minor);
    return true;
  }

  // At least `partial`, missing parts being 0.
  bool AddFloor(const PartialVersion& partial) {
    if (partial.any_major()) return true;
    if (!partial.any_patch()) return Add(Operator::kGreaterOrEqual, partial);
    uint64_t major = 0, minor = 0;
    if (!Numbers(partial, &major, &minor)) return false;
    AddFloor(major, minor);
    return true;
  }

  // ">=0.0.0" is the same as "*", which shows when it is one of several alternatives.
  void AddFloor(uint64_t major, uint64_t minor) {
    if (major == 0 && minor == 0) return;
    set_.push_back({Operator::kGreaterOrEqual, Version(major, minor, 0, "")});
  }

  // Below the first version, prereleases included, that differs from `partial` in what it fixes.
  bool AddCeiling(const PartialVersion& partial) {
    if (partial.any_major()) return true;
    uint64_t major = 0, minor = 0, patch = 0;
    if (!Numbers(partial, &major, &minor)) return false;
    if (partial.any_minor()) {
      if (!Bump(&major)) return false;
    } else if (partial.any_patch()) {
      if (!Bump(&minor)) return false;
    } else if (!ParseVersionNumber(partial.patch, Strictness::kStrict, &patch) || !Bump(&patch)) {
      return false;
    }
    set_.push_back({Operator::kLess, Version(major, minor, patch, "0")});
    return true;
  }

  // Parts that are wildcards count as 0; digits behind them are never looked at.
  static bool Numbers(const PartialVersion& partial, uint64_t* major, uint64_t* minor) {
    constexpr auto kStrict = Strictness::kStrict;
    if (!ParseVersionNumber(partial.major, kStrict, major)) return false;
    return partial.any_minor() || ParseVersionNumber(partial.minor, kStrict, minor);
  }

  static bool Bump(uint64_t* number) { return ++*number <= kVersionNumberMax; }

  bool Add(Operator op, const PartialVersion& full) {
    std::string text;
    text.append(full.major).append(".").append(full.minor).append(".").append(full.patch);
    if (!full.prerelease.empty()) text.append("-").append(full.prerelease);
    return AddExact(op, text);
  }

  bool AddExact(Operator op, std::string_view text) {
    if (op == Operator::kGreaterOrEqual && text == "0.0.0") return true;
    Result<Version> version = Version::ParseCleaned(text);
    if (!version.ok()) return false;
    set_.push_back({op, std::move(*version)});
    return true;
  }

  ComparatorSet set_;
};

Result<Range> Range::Parse(std::string_view text) {
  if (text.size() > limits::kRangeBytesMax) {
    return InvalidArgument("Invalid range: longer than " + std::to_string(limits::kRangeBytesMax) + " characters");
  }
  Range range;
  for (std::string_view rest = text;;) {
    const size_t bars = rest.find("||");
    Parser parser;
    if (!parser.ParseSet(rest.substr(0, bars))) {
      return InvalidArgument("Invalid range: " + QuoteVersion(text));
    }
    range.sets_.push_back(parser.TakeSet());
    if (bars == std::string_view::npos) break;
    rest.remove_prefix(bars + 2);
  }
  // "*" beside alternatives that name a prerelease silences them: node-semver reduces the range.
  const auto any = [](const ComparatorSet& set) { return set.empty(); };
  if (std::any_of(range.sets_.begin(), range.sets_.end(), any)) range.sets_.assign(1, {});
  return range;
}

bool Range::Contains(const Version& version) const {
  const auto admits = [&](const Comparator& comparator) { return comparator.Admits(version); };
  const auto invites_prerelease = [&](const Comparator& comparator) {
    return comparator.bound.is_prerelease() && comparator.bound.HasSameNumbers(version);
  };
  return std::any_of(sets_.begin(), sets_.end(), [&](const ComparatorSet& set) {
    if (!std::all_of(set.begin(), set.end(), admits)) return false;
    return !version.is_prerelease() || std::any_of(set.begin(), set.end(), invites_prerelease);
  });
}

bool IsValidRange(std::string_view text) { return Range::Parse(text).ok(); }

bool Satisfies(const Version& version, std::string_view range) {
  const Result<Range> parsed = Range::Parse(range);
  return parsed.ok() && parsed->Contains(version);
}

std::optional<size_t> MaxSatisfying(std::span<const Version> versions, const Range& range) {
  std::optional<size_t> best;
  for (size_t i = 0; i < versions.size(); ++i) {
    if (!range.Contains(versions[i])) continue;
    if (!best.has_value() || versions[*best] < versions[i]) best = i;
  }
  return best;
}

}  // namespace tarn::registry
