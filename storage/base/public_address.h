#pragma once

#include <string_view>

struct sockaddr;

namespace tarn {

// Whether an IPv4 or IPv6 address is one of the public internet. False for loopback, private, link-local, shared,
// multicast, documentation and otherwise reserved ones (IANA's special-purpose registries, RFC 6890), for IPv6 addresses
// that carry such an IPv4 address (mapped, NAT64), for tunnels (6to4, Teredo), and for every other address family.
bool IsPublicAddress(const sockaddr& address);
// The same for an address as text, IPv6 with or without brackets. True for what is not an address but a name: what that
// resolves to is known only when it is connected to.
bool IsPublicAddressOrName(std::string_view host);

}  // namespace tarn
