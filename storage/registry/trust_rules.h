#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/identity_token.h"
#include "storage/registry/trust_issuer.h"
#include "storage/registry/trust_record.h"

// Which identity tokens may publish which package (contract 7.2): configurations as clients send them, and whether a token's
// claims fit one. Pure. Threads: any.
//
// A claim is compared as a whole, never by taking "sub" apart: GitHub puts numbers into it since July 2026.
namespace tarn::registry {

// The body of `npm trust`: a list with one configuration, or that one alone; without id, author and time.
// kInvalidArgument, in words for a person: not such a body, a type that is no issuer of this registry, claims that are
// missing, unknown or of a form that cannot match, no permissions or unknown ones.
Result<TrustConfig> ParseTrustConfig(std::string_view body, const std::vector<TrustIssuer>& issuers);

// [{"id":…,"type":…,"claims":{…},"permissions":[…]}]
std::string FormatTrustConfigs(const std::vector<TrustConfig>& configs);

// nullopt when the claims fit; otherwise the first that does not, for the log and nobody else. `issuer` is the one that
// signed them, and `config.type` its name.
std::optional<std::string> MismatchOf(const TrustConfig& config, const TrustIssuer& issuer,
                                      const IdentityClaims& claims);

// "repository=o/r, workflow_ref=…": what a token says of where it is from, for the answer to whoever sent it.
std::string DescribeOrigin(const TrustIssuer& issuer, const IdentityClaims& claims);

}  // namespace tarn::registry
