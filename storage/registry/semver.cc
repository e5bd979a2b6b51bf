#include "storage/registry/semver.h"

#include <algorithm>
#include <charconv>

#include "storage/base/limits.h"
#include "storage/registry/semver_text.h"

namespace tarn::registry {
namespace {

// Sort key, written to disk since format 1:
//   major, minor, patch   each: one byte with the count of significant bytes (0 to 7), then those
//                         bytes, big-endian. 0 is the single byte 00, 258 is 02 01 02.
//   release               03
//   prerelease            per identifier
//                           numeric       01, count of digits (one byte), digits without leading 0s
//                           alphanumeric  02, its characters, 00
//                         and 00 after the last: fewer identifiers come first.
constexpr char kEndOfIdentifiers = 0x00;
constexpr char kNumericIdentifier = 0x01;
constexpr char kAlphanumericIdentifier = 0x02;
constexpr char kRelease = 0x03;
static_assert(kEndOfIdentifiers < kNumericIdentifier && kNumericIdentifier < kAlphanumericIdentifier &&
              kAlphanumericIdentifier < kRelease);
// A version is at most 256 bytes, "0.0.0-" of which are no identifier: the count fits its byte.
static_assert(limits::kVersionBytesMax - 6 <= 0xff);

void AppendNumberKey(std::string* key, uint64_t number) {
  int bytes = 0;
  while (bytes < 8 && number >> (8 * bytes) != 0) ++bytes;
  key->push_back(static_cast<char>(bytes));
  for (int i = bytes - 1; i >= 0; --i) key->push_back(static_cast<char>(number >> (8 * i)));
}

// Takes the identifier before the next dot off the front.
std::string_view NextIdentifier(std::string_view* rest) {
  const size_t dot = rest->find('.');
  const std::string_view identifier = rest->substr(0, dot);
  rest->remove_prefix(dot == std::string_view::npos ? rest->size() : dot + 1);
  return identifier;
}

std::strong_ordering CompareBytes(std::string_view a, std::string_view b) { return a.compare(b) <=> 0; }

// Identifiers are canonical: numeric ones have no leading zeros, so the longer is the larger.
std::strong_ordering CompareIdentifiers(std::string_view a, std::string_view b) {
  const bool a_is_numeric = IsNumeric(a);
  const bool b_is_numeric = IsNumeric(b);
  if (a_is_numeric != b_is_numeric) {
    return a_is_numeric ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  if (a_is_numeric && a.size() != b.size()) return a.size() <=> b.size();
  return CompareBytes(a, b);
}

std::strong_ordering ComparePrereleases(std::string_view a, std::string_view b) {
  // A release stands above its prereleases.
  if (a.empty() || b.empty()) return b.size() <=> a.size();
  while (!a.empty() && !b.empty()) {
    const auto order = CompareIdentifiers(NextIdentifier(&a), NextIdentifier(&b));
    if (order != 0) return order;
  }
  return a.size() <=> b.size();
}

Status NotAVersion(std::string_view text) { return InvalidArgument("Invalid version: " + QuoteVersion(text)); }

// Takes the digits at the front of `text` and their value. Strict: no leading zeros.
bool TakeNumber(std::string_view* text, Strictness strictness, uint64_t* value) {
  const size_t digits = CountDigits(*text);
  const std::string_view number = text->substr(0, digits);
  if (!ParseVersionNumber(number, strictness, value)) return false;
  text->remove_prefix(digits);
  return true;
}

bool TakeCharacter(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

std::string WithoutLeadingZeros(std::string_view prerelease) {
  std::string canonical;
  while (!prerelease.empty()) {
    std::string_view identifier = NextIdentifier(&prerelease);
    if (IsNumeric(identifier)) {
      identifier.remove_prefix(std::min(identifier.find_first_not_of('0'), identifier.size() - 1));
    }
    if (!canonical.empty()) canonical += '.';
    canonical += identifier;
  }
  return canonical;
}

// "3-beta", "3beta" or "3": what stands after the second dot of a loose version. node-semver's
// pattern decides by backtracking, which makes some odd texts valid: "3-" is the prerelease "-",
// and "34.5" is patch 3 with the prerelease "4.5".
bool SplitLoosePatch(std::string_view text, std::string_view* patch, std::string_view* prerelease) {
  const size_t digits = CountDigits(text);
  if (digits == 0) return false;
  *patch = text.substr(0, digits);
  *prerelease = text.substr(digits);
  if (prerelease->empty()) return true;
  if (prerelease->front() == '-' && AreIdentifiers(prerelease->substr(1), Strictness::kLoose)) {
    prerelease->remove_prefix(1);
    return true;
  }
  if (AreIdentifiers(*prerelease, Strictness::kLoose)) return true;
  *patch = text.substr(0, digits - 1);
  *prerelease = text.substr(digits - 1);
  return !patch->empty() && AreIdentifiers(*prerelease, Strictness::kLoose);
}

}  // namespace

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

bool IsNumeric(std::string_view text) { return !text.empty() && CountDigits(text) == text.size(); }

size_t CountDigits(std::string_view text) {
  size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  return count;
}

bool ParseVersionNumber(std::string_view digits, Strictness strictness, uint64_t* value) {
  if (!IsNumeric(digits)) return false;
  if (strictness == Strictness::kStrict && digits.size() > 1 && digits.front() == '0') return false;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *value);
  return error == std::errc() && *value <= kVersionNumberMax;
}

bool AreIdentifiers(std::string_view text, Strictness strictness) {
  if (text.empty()) return false;
  for (;;) {
    const size_t dot = text.find('.');
    const std::string_view identifier = text.substr(0, dot);
    if (identifier.empty() || !std::all_of(identifier.begin(), identifier.end(), IsIdentifierChar)) {
      return false;
    }
    const bool has_leading_zero = identifier.size() > 1 && identifier.front() == '0' && IsNumeric(identifier);
    if (strictness == Strictness::kStrict && has_leading_zero) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

std::string QuoteVersion(std::string_view text) {
  constexpr size_t kQuotedBytesMax = 64;
  std::string quoted = "\"";
  for (const char c : text.substr(0, kQuotedBytesMax)) quoted += c >= 0x20 && c < 0x7f ? c : '?';
  quoted += text.size() > kQuotedBytesMax ? "…\"" : "\"";
  return quoted;
}

Result<Version> Version::Parse(std::string_view text) {
  // semver.clean: trim, drop every leading "=" and "v"; then the constructor trims again and its
  // pattern allows one more "v".
  std::string_view cleaned = TrimSpace(text);
  while (!cleaned.empty() && (cleaned.front() == '=' || cleaned.front() == 'v')) {
    cleaned.remove_prefix(1);
  }
  return ParseCleaned(TrimSpace(cleaned));
}

Result<Version> Version::ParseCleaned(std::string_view text) {
  if (text.size() > limits::kVersionBytesMax) {
    return InvalidArgument("Invalid version: longer than " + std::to_string(limits::kVersionBytesMax) + " characters");
  }
  std::string_view rest = text;
  TakeCharacter(&rest, 'v');
  Version version;
  constexpr auto kStrict = Strictness::kStrict;
  if (!TakeNumber(&rest, kStrict, &version.major_) || !TakeCharacter(&rest, '.') ||
      !TakeNumber(&rest, kStrict, &version.minor_) || !TakeCharacter(&rest, '.') ||
      !TakeNumber(&rest, kStrict, &version.patch_)) {
    return NotAVersion(text);
  }
  const size_t plus = rest.find('+');
  std::string_view prerelease = rest.substr(0, plus);
  if (!prerelease.empty()) {
    if (!TakeCharacter(&prerelease, '-') || !AreIdentifiers(prerelease, kStrict)) {
      return NotAVersion(text);
    }
    version.prerelease_ = prerelease;
  }
  if (plus != std::string_view::npos) {
    const std::string_view build = rest.substr(plus + 1);
    if (!AreIdentifiers(build, Strictness::kLoose)) return NotAVersion(text);
    version.build_ = build;
  }
  return version;
}

Result<Version> Version::ParseLoose(std::string_view text) {
  std::string_view rest = TrimSpace(text);
  while (!rest.empty() && (rest.front() == '=' || rest.front() == 'v' || IsSpace(rest.front()))) {
    rest.remove_prefix(1);
  }
  if (rest.size() > limits::kVersionBytesMax) {
    return InvalidArgument("Invalid version: longer than " + std::to_string(limits::kVersionBytesMax) + " characters");
  }
  Version version;
  constexpr auto kLoose = Strictness::kLoose;
  if (!TakeNumber(&rest, kLoose, &version.major_) || !TakeCharacter(&rest, '.') ||
      !TakeNumber(&rest, kLoose, &version.minor_) || !TakeCharacter(&rest, '.')) {
    return NotAVersion(text);
  }
  const size_t plus = rest.find('+');
  std::string_view patch, prerelease;
  if (!SplitLoosePatch(rest.substr(0, plus), &patch, &prerelease) ||
      !ParseVersionNumber(patch, kLoose, &version.patch_)) {
    return NotAVersion(text);
  }
  version.prerelease_ = WithoutLeadingZeros(prerelease);
  if (plus != std::string_view::npos) {
    const std::string_view build = rest.substr(plus + 1);
    if (!AreIdentifiers(build, kLoose)) return NotAVersion(text);
    version.build_ = build;
  }
  return version;
}

std::string Version::Canonical() const {
  std::string text = std::to_string(major_) + '.' + std::to_string(minor_) + '.' + std::to_string(patch_);
  if (!prerelease_.empty()) {
    text += '-';
    text += prerelease_;
  }
  return text;
}

std::string Version::ToString() const {
  std::string text = Canonical();
  if (!build_.empty()) {
    text += '+';
    text += build_;
  }
  return text;
}

std::string Version::SortKey() const {
  std::string key;
  AppendNumberKey(&key, major_);
  AppendNumberKey(&key, minor_);
  AppendNumberKey(&key, patch_);
  if (prerelease_.empty()) {
    key.push_back(kRelease);
    return key;
  }
  std::string_view rest = prerelease_;
  while (!rest.empty()) {
    const std::string_view identifier = NextIdentifier(&rest);
    if (IsNumeric(identifier)) {
      key.push_back(kNumericIdentifier);
      key.push_back(static_cast<char>(identifier.size()));
      key += identifier;
    } else {
      key.push_back(kAlphanumericIdentifier);
      key += identifier;
      key.push_back('\0');
    }
  }
  key.push_back(kEndOfIdentifiers);
  return key;
}

std::weak_ordering Version::operator<=>(const Version& other) const {
  if (major_ != other.major_) return major_ <=> other.major_;
  if (minor_ != other.minor_) return minor_ <=> other.minor_;
  if (patch_ != other.patch_) return patch_ <=> other.patch_;
  return ComparePrereleases(prerelease_, other.prerelease_);
}

}  // namespace tarn::registry
