#include "migrate/couch/source_url.h"

#include <algorithm>

#include "storage/base/http_client.h"

namespace tarn::migrate {

std::string PercentEncode(std::string_view text) {
  constexpr char kHexDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          std::string_view("-_.~").find(c) != std::string_view::npos;
    if (is_plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    }
  }
  return out;
}

std::string WithoutCredentials(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const size_t slash = std::min(url.find('/', scheme + 3), url.size());
  const size_t at = url.rfind('@', slash);
  if (at == std::string::npos || at < scheme + 3 || at > slash) return url;
  return url.substr(0, scheme + 3) + url.substr(at + 1);
}

std::string WithoutSlash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

bool IsSameOrigin(const std::string& a, const std::string& b) {
  const auto first = ParseHttpUrl(a);
  const auto second = ParseHttpUrl(b);
  return first.ok() && second.ok() && first->is_https == second->is_https && first->host == second->host &&
         first->port == second->port;
}

}  // namespace tarn::migrate
