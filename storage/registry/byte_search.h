#pragma once

#include <cstddef>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Where the next interesting byte of a JSON text is, sixteen bytes at a time where the processor
// can. Only for json_scanner.cc and json_text.cc.
namespace tarn::registry {

// Bytes at the front of `text` before the first that `Kind` looks for.
template <typename Kind>
size_t FindByte(std::string_view text) {
  size_t i = 0;
#if defined(__SSE2__)
  for (; i + 16 <= text.size(); i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(Kind::Matches(bytes)));
    if (mask != 0) return i + static_cast<size_t>(__builtin_ctz(mask));
  }
#endif
  while (i < text.size() && !Kind::Matches(text[i])) ++i;
  return i;
}

// What a string cannot hold as it is, and what is not ASCII.
struct NotPlain {
  static bool Matches(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\';
  }
#if defined(__SSE2__)
  // Bytes from 0x80 on are negative: one comparison finds them and the control characters.
  static __m128i Matches(__m128i bytes) {
    return _mm_or_si128(
        _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')),
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
  }
#endif
};

// What ends a string or escapes.
struct QuoteOrBackslash {
  static bool Matches(char c) { return c == '"' || c == '\\'; }
#if defined(__SSE2__)
  static __m128i Matches(__m128i bytes) {
    return _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  }
#endif
};

// What opens or closes a container or a string.
struct BracketOrQuote {
  static bool Matches(char c) { return c == '"' || c == '{' || c == '}' || c == '[' || c == ']'; }
#if defined(__SSE2__)
  // Square brackets differ from curly ones in bit 5 only.
  static __m128i Matches(__m128i bytes) {
    const __m128i curly = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    return _mm_or_si128(
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
        _mm_or_si128(_mm_cmpeq_epi8(curly, _mm_set1_epi8('{')), _mm_cmpeq_epi8(curly, _mm_set1_epi8('}'))));
  }
#endif
};

}  // namespace tarn::registry
