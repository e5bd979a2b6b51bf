#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace tarn::registry {

// A system whose identity tokens may be exchanged for tokens of this registry, as the operator configured it.
struct TrustIssuer {
  // Whose claims it has, which decides what a package's configuration may name (trust_rules.h).
  enum class Kind : uint8_t { kGithub, kGitlab, kCircleci, kGeneric };
  // One claim that a configuration of a generic issuer names.
  struct Claim {
    std::string name;   // In the configuration.
    std::string claim;  // In the identity token.
    bool is_required = true;
    bool operator==(const Claim&) const = default;
  };

  std::string name;  // The `type` in configurations, and what versions published so carry.
  Kind kind = Kind::kGeneric;
  std::string url;            // "iss", character by character; keys are found from there.
  std::string jwks_file;      // Keys from this file instead; empty: from the issuer.
  bool single_use = false;    // Each identity token is exchanged once.
  std::vector<Claim> claims;  // Of kGeneric alone.
  bool operator==(const TrustIssuer&) const = default;
};

std::string_view TrustIssuerKindName(TrustIssuer::Kind kind);
// kInvalidArgument lists the kinds.
Result<TrustIssuer::Kind> ParseTrustIssuerKind(std::string_view name);
// The issuer of that kind that everybody uses; empty where there is none: CircleCI's holds the organisation's id.
std::string_view DefaultIssuerUrl(TrustIssuer::Kind kind);

// kInvalidArgument: no name or one that does not fit into JSON and logs as it is, no URL that IsIssuerUrl, claims that are
// missing or too many.
Status CheckTrustIssuer(const TrustIssuer& issuer);
// https, or http on this machine's loopback, without query, fragment and credentials. kInvalidArgument.
Status CheckIssuerUrl(std::string_view url);

// Who a version is published by, as `_npmUser.name` has it. Never the name of an account: those have no spaces.
std::string PublisherLabelOf(const TrustIssuer& issuer);

// Gets a document from another server. Blocks; bounded in time and size. Errors are for the log.
using FetchDocument = std::function<Result<std::string>(const std::string& url)>;
// The same over HTTP: at most limits::kIssuerFetchMs and limits::kJwksBytesMax, no redirects.
Result<std::string> FetchIssuerDocument(const std::string& url);

struct TrustOptions {
  std::vector<TrustIssuer> issuers;    // Checked, with different names and URLs. Empty: no trusted publishing.
  std::vector<std::string> audiences;  // "npm:registry.example": what identity tokens must be for.
  // The host that the client asked is one more. Only where nobody can make the client's host up: on loopback.
  bool audience_of_host = false;
  FetchDocument fetch = FetchIssuerDocument;
};

// "npm:host" and, where the URL names a port, "npm:host:port": what clients ask their CI system for (contract 7.1).
std::vector<std::string> AudiencesOf(std::string_view base_url);

}  // namespace tarn::registry
