#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Classes of bytes of RFC 9110 and RFC 3986, as tables: no locale, no branches per class.
namespace tarn::http {

namespace internal {
enum CharacterClass : uint8_t { kTokenClass = 1, kTargetClass = 2, kHostClass = 4, kDigitClass = 8 };

constexpr std::array<uint8_t, 256> MakeCharacterClasses() {
  std::array<uint8_t, 256> classes{};
  const auto add = [&classes](std::string_view bytes, uint8_t character_class) {
    for (const char c : bytes) classes[static_cast<uint8_t>(c)] |= character_class;
  };
  for (size_t c = '0'; c <= '9'; ++c) classes[c] |= kTokenClass | kHostClass | kDigitClass;
  for (size_t c = 'a'; c <= 'z'; ++c) {
    classes[c] |= kTokenClass | kHostClass;
    classes[c - 'a' + 'A'] |= kTokenClass | kHostClass;
  }
  add("!#$%&'*+-.^_`|~", kTokenClass);  // RFC 9110, section 5.6.2.
  add(".-_:[]", kHostClass);            // Names, IPv4, IPv6 in brackets, a port. Nothing that is special in a URL.
  for (size_t c = 0x21; c <= 0x7e; ++c) classes[c] |= kTargetClass;
  classes['#'] &= static_cast<uint8_t>(~kTargetClass);  // A fragment is never sent.
  return classes;
}
inline constexpr std::array<uint8_t, 256> kCharacterClasses = MakeCharacterClasses();

inline bool AllOf(std::string_view text, CharacterClass character_class) {
  uint8_t common = 0xff;
  for (const char c : text) common &= kCharacterClasses[static_cast<uint8_t>(c)];
  return (common & character_class) != 0;
}
}  // namespace internal

// All true for the empty string.
inline bool IsToken(std::string_view text) { return internal::AllOf(text, internal::kTokenClass); }
inline bool IsTargetText(std::string_view text) { return internal::AllOf(text, internal::kTargetClass); }
inline bool IsHostText(std::string_view text) { return internal::AllOf(text, internal::kHostClass); }
inline bool IsDigits(std::string_view text) { return internal::AllOf(text, internal::kDigitClass); }

inline bool IsControl(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

// Offset of the first control byte (below 0x20 but not tab, or 0x7f) at or after `from`; text.size() if there is none. In
// a well-formed head that is the CR of the next line end, so one pass finds the line and proves it clean.
inline size_t FindControl(std::string_view text, size_t from) {
  size_t i = from;
#if defined(__SSE2__)
  const __m128i last_control = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; i + 16 <= text.size(); i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low), _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(bad));
    if (mask != 0) return i + static_cast<size_t>(std::countr_zero(mask));
  }
#endif
  while (i < text.size() && !IsControl(text[i])) ++i;
  return i;
}

// Without spaces and tabs at both ends.
inline std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace tarn::http
