#include "http/api/credentials.h"

#include "http/api/error_response.h"
#include "storage/base/bytes.h"

namespace tarn::http {
namespace {

bool TakeScheme(std::string_view* header, std::string_view scheme) {
  if (header->size() <= scheme.size() || (*header)[scheme.size()] != ' ') return false;
  for (size_t i = 0; i < scheme.size(); ++i) {
    if (((*header)[i] | 0x20) != scheme[i]) return false;
  }
  header->remove_prefix(scheme.size());
  while (header->starts_with(' ')) header->remove_prefix(1);
  return true;
}

}  // namespace

Result<registry::Credentials> ParseAuthorization(std::string_view header) {
  registry::Credentials credentials;
  if (header.empty()) return credentials;
  if (TakeScheme(&header, "bearer")) {
    if (header.empty()) return InvalidArgument("Authorization: the Bearer token is empty");
    credentials.kind = registry::Credentials::Kind::kBearer;
    credentials.token = header;
    return credentials;
  }
  if (TakeScheme(&header, "basic")) {
    const auto decoded = Base64Decode(header);
    const size_t colon = decoded.ok() ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) {
      return InvalidArgument("Authorization: Basic must be base64 of user:password");
    }
    credentials.kind = registry::Credentials::Kind::kBasic;
    credentials.user = decoded->substr(0, colon);
    credentials.password = decoded->substr(colon + 1);
    return credentials;
  }
  return InvalidArgument("Authorization: only Bearer and Basic are understood");
}

std::optional<Response> RefusalOf(const Result<registry::Authentication>& authentication) {
  if (!authentication.ok()) return LoginErrorResponse(authentication.status());
  switch (authentication->outcome) {
    case registry::Authentication::Outcome::kOk: return std::nullopt;
    case registry::Authentication::Outcome::kBadCredentials:
      return ErrorResponse(401, "The credentials are not valid (any more); log in again.");
    case registry::Authentication::Outcome::kExpired:
      return ErrorResponse(401, "The token has expired; log in again or create a new one.");
    case registry::Authentication::Outcome::kSecondFactorNeeded:
      return ErrorResponse(SecondFactorNeeded(std::string(registry::kOneTimePasswordText)));
    case registry::Authentication::Outcome::kAddressNotAllowed: break;
  }
  return UnauthorizedResponse("This token may not be used from your address.", "ipaddress");  // npm: EAUTHIP.
}

}  // namespace tarn::http
