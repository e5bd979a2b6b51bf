#include "http/api/request_path.h"

#include <algorithm>
#include <charconv>

namespace tarn::http {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool IsDots(std::string_view text) { return text == "." || text == ".."; }

// Dots that a later decoding would turn into a step up are refused here, once for all routes.
Status CheckSegment(std::string_view segment) {
  ASSIGN_OR_RETURN(const std::string once, PercentDecode(segment));
  const auto twice = PercentDecode(once);
  const std::string& last = twice.ok() ? *twice : once;
  for (std::string_view rest = last;;) {
    const size_t slash = rest.find_first_of("/\\");
    if (IsDots(rest.substr(0, slash))) return InvalidArgument("a path may not contain \".\" or \"..\" segments");
    if (slash == std::string_view::npos) return OkStatus();
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<std::string> PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) return InvalidArgument("broken percent-encoding in the path");
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return InvalidArgument("control byte in the path");
    }
    out.push_back(c);
  }
  return out;
}

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(c);
      continue;
    }
    out.push_back('%');
    out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

Result<RequestPath> RequestPath::Parse(std::string_view target, std::string_view prefix) {
  RequestPath path;
  const size_t question = target.find('?');
  if (question != std::string_view::npos) {
    path.query = target.substr(question + 1);
    target = target.substr(0, question);
  }
  if (!target.starts_with('/')) return InvalidArgument("the request target must begin with a slash");
  if (!prefix.empty() && target.starts_with(prefix) &&
      (target.size() == prefix.size() || target[prefix.size()] == '/')) {
    target.remove_prefix(prefix.size());
  }
  while (target.starts_with('/')) target.remove_prefix(1);
  if (target.ends_with('/')) target.remove_suffix(1);
  while (!target.empty()) {
    const size_t slash = target.find('/');
    const std::string_view segment = target.substr(0, slash);
    if (segment.empty()) return InvalidArgument("empty segment in the path");
    RETURN_IF_ERROR(CheckSegment(segment));
    path.segments.push_back(segment);
    target = slash == std::string_view::npos ? std::string_view() : target.substr(slash + 1);
  }
  return path;
}

Result<NameAt> PackageNameAt(const std::vector<std::string_view>& segments, size_t at) {
  if (at >= segments.size()) return NotFound("Not found");
  ASSIGN_OR_RETURN(std::string name, PercentDecode(segments[at]));
  if (!name.starts_with('@')) return NameAt{std::move(name), 1};
  if (name.find('/') == std::string::npos && name.find('%') != std::string::npos) {
    ASSIGN_OR_RETURN(name, PercentDecode(name));  // "@s%252fn", encoded twice by a proxy.
  }
  if (name.find('/') != std::string::npos) return NameAt{std::move(name), 1};
  if (at + 1 >= segments.size()) return NotFound("Not found");
  ASSIGN_OR_RETURN(const std::string base, PercentDecode(segments[at + 1]));
  return NameAt{name + "/" + base, 2};
}

std::optional<std::string> QueryValue(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const size_t equals = pair.find('=');
    if (pair.substr(0, equals) != key) continue;
    std::string raw(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    for (char& c : raw) {
      if (c == '+') c = ' ';
    }
    auto decoded = PercentDecode(raw);
    return decoded.ok() ? *std::move(decoded) : raw;
  }
  return std::nullopt;
}

uint64_t QueryNumber(std::string_view query, std::string_view key, uint64_t otherwise, uint64_t most) {
  const auto text = QueryValue(query, key);
  if (!text) return otherwise;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return otherwise;
  return std::min(number, most);
}

}  // namespace tarn::http
