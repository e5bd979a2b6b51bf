#pragma once

#include <string>

#include "http/cli/config.h"
#include "storage/registry/trust_issuer.h"

// [trust] of the configuration: the issuers of identity tokens, which are tables of their own in the file.
namespace tarn::cli {

// Fills in what an issuer's kind decides where the file said nothing, and checks it. kInvalidArgument.
Status CompleteTrustIssuer(registry::TrustIssuer* issuer);

// Names and URLs occur once, and there is an audience that no client can choose. kInvalidArgument.
Status CheckTrust(const Config& config);

registry::TrustOptions TrustOptionsOf(const Config& config);

// "[[trust.issuers]]…" as they would stand in the file.
std::string FormatTrustIssuers(const Config& config);
// The part of docs/configuration.md about them.
std::string TrustIssuersMarkdown();

}  // namespace tarn::cli
