#include "storage/registry/trust_issuer.h"

#include <algorithm>

#include "storage/base/http_client.h"
#include "storage/base/identity_limits.h"
#include "storage/base/logging.h"
#include "storage/registry/access.h"

namespace tarn::registry {
namespace {

using Kind = TrustIssuer::Kind;

struct KindRow {
  Kind kind;
  std::string_view name;
  std::string_view url;
  std::string_view label;
};
constexpr KindRow kKinds[] = {
    {Kind::kGithub, "github", "https://token.actions.githubusercontent.com", "GitHub Actions"},
    {Kind::kGitlab, "gitlab", "https://gitlab.com", "GitLab CI/CD"},
    {Kind::kCircleci, "circleci", "", "CircleCI pipelines"},
    {Kind::kGeneric, "generic", "", ""},
};

const KindRow& RowOf(Kind kind) {
  return *std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindRow& row) { return row.kind == kind; });
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool IsText(std::string_view text) {
  return !text.empty() && text.size() <= limits::kTrustClaimBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != 0x7f; });
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || (host.starts_with("127.") && PeerAddress::Parse(host).ok());
}

}  // namespace

std::string_view TrustIssuerKindName(Kind kind) { return RowOf(kind).name; }

Result<Kind> ParseTrustIssuerKind(std::string_view name) {
  for (const KindRow& row : kKinds) {
    if (row.name == name) return row.kind;
  }
  return InvalidArgument(JsonString(name) + R"( is not one of "github", "gitlab", "circleci", "generic")");
}

std::string_view DefaultIssuerUrl(Kind kind) { return RowOf(kind).url; }

Status CheckIssuerUrl(std::string_view url) {
  const auto parsed = ParseHttpUrl(url);
  const std::string shown = JsonString(url);
  if (!parsed.ok()) return parsed.status().WithContext(shown);
  if (parsed->has_credentials || url.find_first_of("?#") != std::string_view::npos) {
    return InvalidArgument(shown + ": an issuer's URL has no user, query or fragment");
  }
  if (!parsed->is_https && !IsLoopback(parsed->host)) {
    return InvalidArgument(shown + ": must be https, but on this machine's loopback");
  }
  return OkStatus();
}

Status CheckTrustIssuer(const TrustIssuer& issuer) {
  if (issuer.name.empty() || issuer.name.size() > 64 ||
      !std::all_of(issuer.name.begin(), issuer.name.end(), IsNameCharacter)) {
    return InvalidArgument("name must be 1 to 64 of a-z, 0-9, \"-\", \"_\" and \".\"");
  }
  if (issuer.url.empty()) return InvalidArgument("url is missing: what the identity tokens have as \"iss\"");
  RETURN_IF_ERROR(CheckIssuerUrl(issuer.url).WithContext("url"));
  if (issuer.kind != Kind::kGeneric) {
    return issuer.claims.empty() ? OkStatus() : InvalidArgument("claims are for the kind \"generic\" alone");
  }
  if (issuer.claims.empty() || issuer.claims.size() > limits::kTrustClaimsMax) {
    return InvalidArgument("claims: 1 to " + std::to_string(limits::kTrustClaimsMax) +
                           " are needed, as { NAME = CLAIM }");
  }
  for (const TrustIssuer::Claim& claim : issuer.claims) {
    if (!IsText(claim.name) || !IsText(claim.claim)) {
      return InvalidArgument("claims: a name has 1 to " + std::to_string(limits::kTrustClaimBytesMax) +
                             " bytes, and no control characters");
    }
  }
  // One that names nothing would trust whoever the issuer knows.
  if (std::none_of(issuer.claims.begin(), issuer.claims.end(), [](const auto& claim) { return claim.is_required; })) {
    return InvalidArgument("required: at least one of the claims must be");
  }
  return OkStatus();
}

std::string PublisherLabelOf(const TrustIssuer& issuer) {
  const std::string_view label = RowOf(issuer.kind).label;
  return label.empty() || issuer.name != RowOf(issuer.kind).name ? "trusted publisher " + issuer.name
                                                                 : std::string(label);
}

std::vector<std::string> AudiencesOf(std::string_view base_url) {
  const size_t scheme = base_url.find("://");
  if (scheme == std::string_view::npos) return {};
  std::string_view host = base_url.substr(scheme + 3);
  host = host.substr(0, host.find('/'));
  std::vector<std::string> audiences = {"npm:" + std::string(host)};
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');  // Of an IPv6 address, which has colons of its own.
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos ? true : colon > bracket);
  if (has_port) audiences.push_back("npm:" + std::string(host.substr(0, colon)));
  return audiences;
}

Result<std::string> FetchIssuerDocument(const std::string& url) {
  HttpClient::Options options;
  options.connect_timeout_ms = limits::kIssuerFetchMs;
  HttpClient client(std::move(options));
  HttpRequest request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  request.total_timeout_ms = limits::kIssuerFetchMs;
  request.idle_timeout_ms = limits::kIssuerFetchMs;
  request.body_bytes_max = limits::kJwksBytesMax;
  request.accept_gzip = true;
  ASSIGN_OR_RETURN(HttpAnswer answer, client.Send(request));
  if (answer.status != 200) return Unavailable(url + " answered " + std::to_string(answer.status));
  return std::move(answer.body);
}

}  // namespace tarn::registry
