#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/check.h"
#include "storage/base/http_client.h"
#include "storage/base/public_address.h"

// Endpoints of webhooks, as users write them: whatever is taken for a URL says plainly where it goes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto url = ParseHttpUrl(text);
  if (!url.ok()) return 0;
  CHECK(text.size() <= limits::kOutboundUrlBytesMax);
  CHECK(!url->host.empty() && url->port != 0);
  for (const char c : url->host)
    CHECK(static_cast<unsigned char>(c) > ' ' && c != '/' && c != '@' && c != '?' && c != '#');
  // Written anew from its parts it leads to the same place.
  const bool is_ip6 = url->host.find(':') != std::string::npos;
  const std::string again = std::string(url->is_https ? "https" : "http") + "://" + (is_ip6 ? "[" : "") + url->host +
                            (is_ip6 ? "]" : "") + ":" + std::to_string(url->port) + "/";
  const auto second = ParseHttpUrl(again);
  CHECK(second.ok());
  CHECK(second->host == url->host && second->port == url->port && second->is_https == url->is_https);
  CHECK(IsPublicAddressOrName(url->host) == IsPublicAddressOrName(second->host));
  return 0;
}
