#include "http/cli/trust_config.h"

#include <set>

#include "storage/base/identity_limits.h"

namespace tarn::cli {

using registry::TrustIssuer;

Status CompleteTrustIssuer(TrustIssuer* issuer) {
  if (issuer->name.empty() && issuer->kind != TrustIssuer::Kind::kGeneric) {
    issuer->name = registry::TrustIssuerKindName(issuer->kind);
  }
  if (issuer->url.empty()) issuer->url = registry::DefaultIssuerUrl(issuer->kind);
  return registry::CheckTrustIssuer(*issuer);
}

Status CheckTrust(const Config& config) {
  if (config.trust_issuers.size() > limits::kTrustIssuersMax) {
    return InvalidArgument("trust.issuers: at most " + std::to_string(limits::kTrustIssuersMax));
  }
  if (config.trust_audiences.size() > limits::kTrustAudiencesMax) {
    return InvalidArgument("trust.audiences: at most " + std::to_string(limits::kTrustAudiencesMax));
  }
  std::set<std::string> names, urls;
  for (const TrustIssuer& issuer : config.trust_issuers) {
    if (!names.insert(issuer.name).second) return InvalidArgument("trust.issuers: two have the name " + issuer.name);
    if (!urls.insert(issuer.url).second) return InvalidArgument("trust.issuers: two have the url " + issuer.url);
  }
  // From the Host header alone whoever holds a token for another registry could say that it is meant for this one.
  const registry::TrustOptions options = TrustOptionsOf(config);
  if (!options.issuers.empty() && options.audiences.empty() && !options.audience_of_host) {
    return InvalidArgument(
        "trust.issuers: set server.public_urls or trust.audiences, so that it is known which identity tokens are for "
        "this "
        "registry");
  }
  return OkStatus();
}

registry::TrustOptions TrustOptionsOf(const Config& config) {
  registry::TrustOptions options;
  options.issuers = config.trust_issuers;
  options.audiences = config.trust_audiences;
  for (const std::string& url : config.public_urls) {
    for (std::string& audience : registry::AudiencesOf(url)) options.audiences.push_back(std::move(audience));
  }
  options.audience_of_host = IsPrivateToThisMachine(config);
  return options;
}

std::string FormatTrustIssuers(const Config& config) {
  std::string out;
  for (const TrustIssuer& issuer : config.trust_issuers) {
    out += "\n[[trust.issuers]]\nkind = " + JsonString(registry::TrustIssuerKindName(issuer.kind)) +
           "\nname = " + JsonString(issuer.name) + "\nurl = " + JsonString(issuer.url) +
           "\nsingle_use = " + (issuer.single_use ? "true" : "false") + "\n";
    if (!issuer.jwks_file.empty()) out += "jwks_file = " + JsonString(issuer.jwks_file) + "\n";
    if (issuer.claims.empty()) continue;
    std::string claims, required;
    for (const TrustIssuer::Claim& claim : issuer.claims) {
      claims += (claims.empty() ? " " : ", ") + JsonString(claim.name) + " = " + JsonString(claim.claim);
      if (claim.is_required) required += (required.empty() ? "" : ", ") + JsonString(claim.name);
    }
    out += "claims = {" + claims + " }\nrequired = [" + required + "]\n";
  }
  return out;
}

std::string TrustIssuersMarkdown() {
  return R"(
## Issuers of identity tokens

Each `[[trust.issuers]]` in the file is a CI system whose runs may publish without a token of this registry
([trusted-publishing.md](trusted-publishing.md)). Without any there is no trusted publishing.

| Key | Default | Meaning |
|---|---|---|
| `kind` | | Whose claims its tokens have: `"github"`, `"gitlab"`, `"circleci"` or `"generic"`. |
| `name` | the kind | The `type` that packages name it by; `npm trust` knows `github`, `gitlab` and `circleci`. |
| `url` | of GitHub's and GitLab's own service | What its tokens have as `iss`, character by character. https, but on loopback. |
| `jwks_file` | | A file with its public keys (JSON Web Key Set), instead of fetching them from the issuer. |
| `single_use` | `true` for `github`, else `false` | Whether each identity token is exchanged once; it then needs a `jti`. |
| `claims` | | Of `generic` alone: what packages may name, and the token's claim that must equal it. |
| `required` | all of `claims` | Of `generic` alone: which of them every package must name. |
)";
}

}  // namespace tarn::cli
