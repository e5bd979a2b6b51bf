#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The lexical rules that versions and ranges share. Only for semver.cc and semver_range.cc.
namespace tarn::registry {

// Number.MAX_SAFE_INTEGER: node-semver refuses larger numbers.
inline constexpr uint64_t kVersionNumberMax = (uint64_t{1} << 53) - 1;

// Loose lets numbers have leading zeros.
enum class Strictness : uint8_t { kStrict, kLoose };

inline bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
inline bool IsIdentifierChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

std::string_view TrimSpace(std::string_view text);
// Digits only, at least one.
bool IsNumeric(std::string_view text);
// Digits at the front.
size_t CountDigits(std::string_view text);
// False unless all of `digits` is one number up to kVersionNumberMax.
bool ParseVersionNumber(std::string_view digits, Strictness strictness, uint64_t* value);
// Identifiers separated by dots, at least one: prerelease or, loose, build metadata.
bool AreIdentifiers(std::string_view text, Strictness strictness);
// For messages: bounded, printable, in quotes.
std::string QuoteVersion(std::string_view text);

}  // namespace tarn::registry
