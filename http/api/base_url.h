#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/net/handler.h"
#include "http/parser/request_head.h"
#include "storage/registry/access.h"

namespace tarn::http {

// Which URL the client is configured with: links in answers must begin with exactly that, port and path included
// (contract, section 1, rule 1, and 2.9).
//
// Configured URLs win: the one whose host the client asked for, else the first. Without any, the scheme and the Host
// header; X-Forwarded-* or else Forwarded (RFC 7239) replaces them when the peer is a trusted proxy. A proxy that sets one
// kind may pass on what a client made up in the other, so Forwarded counts only where no X-Forwarded-* is. Where this process listens on loopback only, a
// Host that is not loopback is answered with the address it came in by, so that nobody can plant names.
// Threads: any; const after construction.
class BaseUrls {
 public:
  struct Options {
    std::vector<std::string> public_urls;  // "https://npm.example.org/npm/", with or without the slash.
    std::vector<registry::Cidr> trusted_proxies;
    bool is_loopback_only = true;
  };
  explicit BaseUrls(const Options& options);

  // Without trailing slash and without default port. The view is into this object or into `scratch`.
  std::string_view Resolve(const RequestHead& head, const Peer& peer, std::string* scratch) const;
  // Path part of a resolved URL ("/npm" or ""): what to strip from request targets.
  static std::string_view PathOf(std::string_view base_url);
  // Who is really asking: the peer, or the last one in X-Forwarded-For or Forwarded that is not a trusted proxy.
  registry::PeerAddress ClientAddress(const RequestHead& head, const Peer& peer) const;

 private:
  struct PublicUrl {
    std::string url;   // Normalised.
    std::string host;  // "npm.example.org:8443", lower case.
  };
  bool IsTrusted(const registry::PeerAddress& address) const;
  std::string_view FromRequest(const RequestHead& head, const Peer& peer, std::string* scratch) const;
  // The last address, seen from the client, that a trusted proxy vouches for.
  registry::PeerAddress LastUntrusted(const std::vector<std::string_view>& addresses, registry::PeerAddress peer) const;

  std::vector<PublicUrl> public_urls_;
  const std::vector<registry::Cidr> trusted_proxies_;
  const bool is_loopback_only_;
};

}  // namespace tarn::http
