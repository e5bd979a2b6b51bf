#pragma once

#include <string_view>
#include <vector>

namespace tarn::http {

// What one proxy says in a Forwarded header (RFC 7239). Views into the header; empty where it says nothing.
struct ForwardedElement {
  std::string_view client;  // Of "for": an IP address without brackets and port; "unknown" and "_hidden" as they are.
  std::string_view scheme;  // Of "proto".
  std::string_view host;    // With port if there is one.
};

// The elements in order, the client's side first. Whatever is malformed, quoted-pairs included, is left out.
// Threads: any.
std::vector<ForwardedElement> ParseForwarded(std::string_view header);

}  // namespace tarn::http
