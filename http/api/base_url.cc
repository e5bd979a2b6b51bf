#include "http/api/base_url.h"

#include <algorithm>

#include "http/api/forwarded.h"

namespace tarn::http {
namespace {

std::string_view FirstValue(std::string_view list) {
  list = list.substr(0, list.find(','));
  while (list.starts_with(' ')) list.remove_prefix(1);
  while (list.ends_with(' ')) list.remove_suffix(1);
  return list;
}

// What the proxies before us say the client asked for. Empty where they say nothing.
struct ForwardedFor {
  std::string_view scheme;
  std::string_view host;
  std::string_view port;
  std::string_view prefix;
};

bool HasXForwarded(const RequestHead& head) {
  using enum KnownHeader;
  return head.Has(kXForwardedFor) || head.Has(kXForwardedProto) || head.Has(kXForwardedHost) ||
         head.Has(kXForwardedPort) || head.Has(kXForwardedPrefix);
}

ForwardedFor ReadForwarded(const RequestHead& head) {
  using enum KnownHeader;
  if (HasXForwarded(head) || !head.Has(kForwarded)) {
    return {FirstValue(head.Get(kXForwardedProto)), FirstValue(head.Get(kXForwardedHost)),
            FirstValue(head.Get(kXForwardedPort)), FirstValue(head.Get(kXForwardedPrefix))};
  }
  const auto elements = ParseForwarded(head.Get(kForwarded));
  return elements.empty() ? ForwardedFor() : ForwardedFor{elements.front().scheme, elements.front().host, "", ""};
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

std::string_view WithoutDefaultPort(std::string_view scheme, std::string_view host) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  return host.ends_with(port) ? host.substr(0, host.size() - port.size()) : host;
}

std::string_view WithoutPort(std::string_view host) {
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return has_port ? host.substr(0, colon) : host;
}

bool IsLoopbackHost(std::string_view host) {
  const std::string_view name = WithoutPort(host);
  return EqualsIgnoreCase(name, "localhost") || name.starts_with("127.") || name == "[::1]";
}

// What may stand in a URL's authority and nothing else: forwarded values come from outside.
bool IsHost(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == ':' || c == '[' || c == ']' || c == '_';
  });
}

bool IsPathPrefix(std::string_view path) {
  return path.starts_with('/') && std::all_of(path.begin(), path.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '-' ||
                  c == '_' || c == '.' || c == '~';
         });
}

registry::PeerAddress AddressOf(const Peer& peer) {
  registry::PeerAddress address;
  if (!peer.is_unix_socket) address.ip = peer.ip;
  return address;
}

}  // namespace

BaseUrls::BaseUrls(const Options& options)
    : trusted_proxies_(options.trusted_proxies), is_loopback_only_(options.is_loopback_only) {
  for (std::string_view url : options.public_urls) {
    while (url.ends_with('/')) url.remove_suffix(1);
    const size_t host_at = url.find("://") + 3;
    const std::string scheme = ToLower(url.substr(0, host_at - 3));
    const size_t path_at = std::min(url.find('/', host_at), url.size());
    const std::string host = ToLower(WithoutDefaultPort(scheme, url.substr(host_at, path_at - host_at)));
    public_urls_.push_back({scheme + "://" + host + std::string(url.substr(path_at)), host});
  }
}

bool BaseUrls::IsTrusted(const registry::PeerAddress& address) const {
  return std::any_of(trusted_proxies_.begin(), trusted_proxies_.end(),
                     [&](const registry::Cidr& cidr) { return cidr.Contains(address); });
}

std::string_view BaseUrls::Resolve(const RequestHead& head, const Peer& peer, std::string* scratch) const {
  if (public_urls_.empty()) return FromRequest(head, peer, scratch);
  if (public_urls_.size() == 1) return public_urls_.front().url;
  std::string_view host = head.host;
  if (peer.is_trusted_proxy || IsTrusted(AddressOf(peer))) {
    const std::string_view forwarded_host = ReadForwarded(head).host;
    if (!forwarded_host.empty()) host = forwarded_host;
  }
  for (const PublicUrl& candidate : public_urls_) {
    const std::string_view scheme = std::string_view(candidate.url).substr(0, candidate.url.find(':'));
    if (EqualsIgnoreCase(candidate.host, WithoutDefaultPort(scheme, host))) return candidate.url;
  }
  return public_urls_.front().url;
}

std::string_view BaseUrls::FromRequest(const RequestHead& head, const Peer& peer, std::string* scratch) const {
  std::string_view scheme = "http";
  std::string_view host = head.host;
  std::string_view port;
  std::string_view prefix;
  const bool is_proxied = peer.is_trusted_proxy || (!trusted_proxies_.empty() && IsTrusted(AddressOf(peer)));
  if (is_proxied) {
    const ForwardedFor forwarded = ReadForwarded(head);
    if (EqualsIgnoreCase(forwarded.scheme, "https")) scheme = "https";
    if (IsHost(forwarded.host)) host = forwarded.host;
    port = forwarded.port;
    prefix = forwarded.prefix;
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
  }
  const bool is_plausible = IsHost(host) && (is_proxied || !is_loopback_only_ || IsLoopbackHost(host));
  if (!is_plausible) host = peer.local_address;
  scratch->assign(scheme).append("://");
  const bool add_port = !port.empty() && WithoutPort(host) == host &&
                        std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  std::string authority(host);
  if (add_port) authority.append(":").append(port);
  scratch->append(ToLower(WithoutDefaultPort(scheme, authority)));
  if (IsPathPrefix(prefix)) scratch->append(prefix);
  return *scratch;
}

std::string_view BaseUrls::PathOf(std::string_view base_url) {
  const size_t path = base_url.find('/', base_url.find("://") + 3);
  return path == std::string_view::npos ? std::string_view() : base_url.substr(path);
}

registry::PeerAddress BaseUrls::ClientAddress(const RequestHead& head, const Peer& peer) const {
  const registry::PeerAddress address = AddressOf(peer);
  if (!peer.is_trusted_proxy && (trusted_proxies_.empty() || !IsTrusted(address))) return address;
  std::string scratch;
  std::vector<std::string_view> addresses;
  if (HasXForwarded(head)) {
    std::string_view list = head.Joined(KnownHeader::kXForwardedFor, &scratch);
    while (!list.empty()) {
      addresses.push_back(FirstValue(list));
      list.remove_prefix(std::min(list.size(), std::min(list.find(','), list.size()) + 1));
    }
  } else {
    for (const ForwardedElement& element : ParseForwarded(head.Joined(KnownHeader::kForwarded, &scratch))) {
      addresses.push_back(element.client);
    }
  }
  return LastUntrusted(addresses, address);
}

// Each proxy appends the peer it saw, so the list is read from the right, as far as it is vouched for.
registry::PeerAddress BaseUrls::LastUntrusted(const std::vector<std::string_view>& addresses,
                                              registry::PeerAddress peer) const {
  for (auto text = addresses.rbegin(); text != addresses.rend(); ++text) {
    const auto parsed = registry::PeerAddress::Parse(*text);
    if (!parsed.ok()) return peer;
    peer = *parsed;
    if (!IsTrusted(peer)) return peer;
  }
  return peer;
}

}  // namespace tarn::http
