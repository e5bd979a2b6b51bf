#include "http/api/credentials.h"
#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "storage/base/clock.h"
#include "storage/base/logging.h"
#include "storage/registry/trust_rules.h"
#include "storage/registry/trusted_publishing.h"

namespace tarn::http {
namespace {

constexpr std::string_view kExchangeFailed = "OIDC token exchange error - ";

// Clients log the sentence and go on with the credentials they have, so it must say all there is to say.
Response ExchangeError(const Status& status) {
  // Too many for one package is no fault of the server's; npm tries 5xx again, and here that helps nobody.
  if (status.code() == Code::kResourceExhausted) {
    return ErrorResponse(429, std::string(kExchangeFailed) + std::string(status.message()));
  }
  const uint16_t http_status = HttpStatusOf(status.code());
  if (http_status >= 500 && status.code() != Code::kUnavailable) return ErrorResponse(status);
  return ErrorResponse(http_status, std::string(kExchangeFailed) + std::string(status.message()));
}

}  // namespace

Response HandleExchangeToken(const Services& services, const Call& call) {
  const auto credentials = ParseAuthorization(call.head.Get(KnownHeader::kAuthorization));
  if (!credentials.ok() || credentials->kind != registry::Credentials::Kind::kBearer) {
    return ExchangeError(Unauthenticated("the identity token must be shown as \"Authorization: Bearer TOKEN\""));
  }
  const auto token =
      services.registry.trusted_publishing().ExchangeToken(call.package, credentials->token, call.base_url);
  if (!token.ok()) return ExchangeError(token.status());
  return PrivateJsonResponse(201, R"({"token_type":"oidc","token":)" + JsonString(token->token) +
                                      ",\"created\":" + JsonString(FormatIsoTime(token->created_ms)) +
                                      ",\"expires\":" + JsonString(FormatIsoTime(token->expires_ms)) + "}");
}

Response HandleListTrust(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const auto configs = services.registry.trusted_publishing().List(call.principal, *name);
  if (!configs.ok()) return ErrorResponse(configs.status());
  return PrivateJsonResponse(200, registry::FormatTrustConfigs(*configs));
}

Response HandleCreateTrust(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const auto configs = services.registry.trusted_publishing().Create(call.principal, *name, call.body);
  if (!configs.ok()) return ErrorResponse(configs.status());
  return PrivateJsonResponse(200, registry::FormatTrustConfigs(*configs));
}

Response HandleRevokeTrust(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const Status revoked = services.registry.trusted_publishing().Revoke(call.principal, *name, call.Parameter("id"));
  if (!revoked.ok()) return ErrorResponse(revoked);
  Response response;
  response.set_status(204);
  return response;
}

}  // namespace tarn::http
