#include "http/api/forwarded.h"

#include "http/parser/request_head.h"

namespace tarn::http {
namespace {

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// Takes what stands before the next `separator` outside of quotes off `rest`.
std::string_view TakeUntil(std::string_view* rest, char separator) {
  bool in_quotes = false;
  size_t end = 0;
  for (; end < rest->size(); ++end) {
    if ((*rest)[end] == '"') in_quotes = !in_quotes;
    if ((*rest)[end] == separator && !in_quotes) break;
  }
  const std::string_view taken = rest->substr(0, end);
  rest->remove_prefix(end < rest->size() ? end + 1 : end);
  return Trim(taken);
}

// Without quotes; empty when they do not match or something inside is escaped.
std::string_view Unquote(std::string_view value) {
  if (!value.starts_with('"')) return value;
  if (value.size() < 2 || !value.ends_with('"') || value.find('\\') != std::string_view::npos) return {};
  return value.substr(1, value.size() - 2);
}

// "192.0.2.1:80", "[2001:db8::1]:80", "[2001:db8::1]" → the address.
std::string_view WithoutPort(std::string_view node) {
  if (node.starts_with('[')) return node.substr(1, node.find(']') - 1);
  return node.substr(0, node.find(':'));
}

}  // namespace

std::vector<ForwardedElement> ParseForwarded(std::string_view header) {
  std::vector<ForwardedElement> elements;
  while (!header.empty()) {
    std::string_view pairs = TakeUntil(&header, ',');
    ForwardedElement element;
    while (!pairs.empty()) {
      const std::string_view pair = TakeUntil(&pairs, ';');
      const size_t equals = pair.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view name = pair.substr(0, equals);
      const std::string_view value = Unquote(pair.substr(equals + 1));
      if (EqualsIgnoreCase(name, "for")) element.client = WithoutPort(value);
      if (EqualsIgnoreCase(name, "proto")) element.scheme = value;
      if (EqualsIgnoreCase(name, "host")) element.host = value;
    }
    elements.push_back(element);
  }
  return elements;
}

}  // namespace tarn::http
