#include "http/api/conditional.h"
#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "storage/base/bytes.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

constexpr std::string_view kAlgorithm = "ecdsa-sha2-nistp256";
constexpr std::string_view kKeysLifetime = "public, max-age=60";  // A rotation shall be seen soon.

std::string OptionalTime(const std::optional<uint64_t>& time_ms) {
  return time_ms ? JsonString(FormatIsoTime(*time_ms)) : "null";
}

// As `/-/npm/v1/keys` shows it (contract 12.3).
std::string KeyMembers(const registry::SigningKeyInfo& key) {
  const std::string algorithm = JsonString(kAlgorithm);
  return "\"keyid\":" + JsonString(key.keyid) + ",\"keytype\":" + algorithm + ",\"scheme\":" + algorithm +
         ",\"key\":" + JsonString(Base64Encode(key.public_key)) + ",\"expires\":" + OptionalTime(key.expires_ms);
}

std::string OperatorKeyJson(const registry::SigningKeyInfo& key) {
  return "{" + KeyMembers(key) + ",\"created\":" + JsonString(FormatIsoTime(key.created_ms)) + "}";
}

// Splits "name@version" as it stands in a path; the name may begin with an "@" of its own.
struct NameAndVersion {
  std::string_view name;
  std::string_view version;
};
NameAndVersion SplitSpec(std::string_view spec) {
  const size_t at = spec.rfind('@');
  if (at == std::string_view::npos || at == 0) return {spec, {}};
  return {spec.substr(0, at), spec.substr(at + 1)};
}

}  // namespace

// Nobody is asked who they are: a public key is for everybody, and an error other than 404 fails the client's command.
Response HandleSigningKeys(const Services& services, const Call&) {
  const auto keys = services.registry.ListSigningKeys();
  if (!keys.ok()) return ErrorResponse(keys.status());
  if (keys->empty()) return ErrorResponse(404, "This registry does not sign what is published.");
  std::string body = "{\"keys\":[";
  for (size_t i = 0; i < keys->size(); ++i) body += (i > 0 ? ",{" : "{") + KeyMembers((*keys)[i]) + "}";
  Response response = JsonResponse(200, body + "]}");
  response.AddHeader("cache-control", kKeysLifetime);
  return response;
}

Response HandleAttestations(const Services& services, const Call& call) {
  const NameAndVersion spec = SplitSpec(call.package);
  const auto name = registry::PackageName::Parse(spec.name);
  if (!name.ok()) return ErrorResponse(404, "Not found");
  const auto attestations = services.registry.GetAttestations(call.principal, *name, spec.version);
  if (!attestations.ok()) return ErrorResponse(attestations.status());
  const bool is_private = attestations->is_restricted || services.reads_are_private;
  Response response;
  Send(MakeManifestAnswer(*attestations, is_private ? Audience::kPrivate : Audience::kPublic), call.head, &response);
  return response;
}

Response HandleOperatorListKeys(const Services& services, const Call&) {
  const auto keys = services.registry.ListSigningKeys();
  if (!keys.ok()) return ErrorResponse(keys.status());
  std::string body = "{\"keys\":[";
  for (size_t i = 0; i < keys->size(); ++i) body += (i > 0 ? "," : "") + OperatorKeyJson((*keys)[i]);
  return PrivateJsonResponse(200, body + "]}");
}

Response HandleOperatorRotateKey(const Services& services, const Call& call) {
  const auto key = services.registry.RotateSigningKey(call.principal);
  return key.ok() ? PrivateJsonResponse(201, OperatorKeyJson(*key)) : ErrorResponse(key.status());
}

}  // namespace tarn::http
