#include "http/api/negotiation.h"

#include <charconv>
#include <optional>
#include <string>

namespace tarn::http {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

// Takes the next comma-separated member off `list`, without its white space.
std::string_view NextMember(std::string_view* list) {
  const size_t comma = list->find(',');
  const std::string_view member = Trim(list->substr(0, comma));
  *list = comma == std::string_view::npos ? std::string_view() : list->substr(comma + 1);
  return member;
}

struct Weighted {
  std::string_view value;
  int per_mille = 1000;
};

// "gzip;q=0.8" → gzip, 800. A weight that cannot be read counts as 1.
Weighted ParseWeighted(std::string_view member) {
  Weighted result;
  size_t semicolon = member.find(';');
  result.value = Trim(member.substr(0, semicolon));
  while (semicolon != std::string_view::npos) {
    member = member.substr(semicolon + 1);
    semicolon = member.find(';');
    const std::string_view parameter = Trim(member.substr(0, semicolon));
    if (parameter.size() < 3 || (parameter[0] != 'q' && parameter[0] != 'Q') || parameter[1] != '=') continue;
    int scale = 1000;
    int weight = 0;
    bool in_fraction = false;
    for (const char c : parameter.substr(2)) {
      if (c == '.') {
        in_fraction = true;
        continue;
      }
      if (c < '0' || c > '9') return result;
      if (in_fraction) scale /= 10;
      weight += (c - '0') * scale;
    }
    result.per_mille = weight > 1000 ? 1000 : weight;
  }
  return result;
}

std::optional<uint64_t> ParseDigits(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view WithoutWeakness(std::string_view etag) { return etag.starts_with("W/") ? etag.substr(2) : etag; }

}  // namespace

registry::PackumentForm ChooseForm(std::string_view accept) {
  int abbreviated = 0;
  int full = 0;
  while (!accept.empty()) {
    const Weighted member = ParseWeighted(NextMember(&accept));
    if (EqualsIgnoreCase(member.value, "application/vnd.npm.install-v1+json")) abbreviated = member.per_mille;
    if (EqualsIgnoreCase(member.value, "application/json")) full = member.per_mille;
  }
  return abbreviated > full ? registry::PackumentForm::kAbbreviated : registry::PackumentForm::kFull;
}

registry::PackumentCoding ChooseCoding(std::string_view accept_encoding) {
  int gzip = -1;
  int any = 0;
  while (!accept_encoding.empty()) {
    const Weighted member = ParseWeighted(NextMember(&accept_encoding));
    if (EqualsIgnoreCase(member.value, "gzip") || EqualsIgnoreCase(member.value, "x-gzip")) gzip = member.per_mille;
    if (member.value == "*") any = member.per_mille;
  }
  const int weight = gzip >= 0 ? gzip : any;
  return weight > 0 ? registry::PackumentCoding::kGzip : registry::PackumentCoding::kIdentity;
}

bool MatchesEtag(std::string_view if_none_match, std::string_view etag) {
  // Our ETags contain no comma, so splitting at commas is safe for every list that could match.
  while (!if_none_match.empty()) {
    const std::string_view member = NextMember(&if_none_match);
    if (member == "*" || WithoutWeakness(member) == WithoutWeakness(etag)) return true;
  }
  return false;
}

ByteRange ParseRange(std::string_view range, uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!range.starts_with(kUnit) || range.find(',') != std::string_view::npos) return {};
  range = Trim(range.substr(kUnit.size()));
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view first_text = range.substr(0, dash);
  const std::string_view last_text = range.substr(dash + 1);
  const auto last = ParseDigits(last_text);
  if (first_text.empty()) {  // The last so many bytes.
    if (!last) return {};
    if (*last == 0 || size == 0) return {ByteRange::Kind::kUnsatisfiable, 0, 0};
    const uint64_t length = *last < size ? *last : size;
    return {ByteRange::Kind::kPart, size - length, length};
  }
  const auto first = ParseDigits(first_text);
  if (!first || (!last_text.empty() && !last) || (last && *last < *first)) return {};
  if (*first >= size) return {ByteRange::Kind::kUnsatisfiable, 0, 0};
  const uint64_t end = last && *last < size - 1 ? *last + 1 : size;
  return {ByteRange::Kind::kPart, *first, end - *first};
}

}  // namespace tarn::http
