// Stars as pnpm and npm up to 11 ask for them (contract 8.6). npm's own star is a write of the package (8.1).
#include <memory>

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/listing_stream.h"
#include "storage/base/logging.h"
#include "storage/registry/package_access.h"
#include "storage/registry/package_listing.h"

namespace tarn::http {
namespace {

enum class Star : uint8_t { kPut, kRemove };

// The registry knows one way to write a package; a star is the smallest of its documents.
Result<registry::WriteAnswer> SetStar(const Services& services, const Call& call, const std::string& package,
                                      Star star) {
  const auto name = registry::PackageName::Parse(package);
  if (!name.ok()) return NotFound(std::string(registry::kNotFoundText));
  // Who asks to write a package that is not there is told whether they could publish it; a star is for what is there.
  RETURN_IF_ERROR(services.listing->StarsOf(call.principal, *name).status());
  ASSIGN_OR_RETURN(auto upload, services.registry.BeginPackageWrite(call.principal, *name, std::nullopt));
  std::string document = "{\"_id\":" + JsonString(name->full()) + ",\"name\":" + JsonString(name->full());
  document += ",\"users\":{";
  if (star == Star::kPut) document += JsonString(call.principal.user) + ":true";
  RETURN_IF_ERROR(upload->Consume(document + "}}"));
  return upload->Finish();
}

// {"package": …}, or the same under "name".
Response StarOfBody(const Services& services, const Call& call, Star star) {
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  auto package = body->String("package");
  if (package.ok() && !*package) package = body->String("name");
  if (!package.ok()) return ErrorResponse(package.status());
  if (!*package) return ErrorResponse(400, "\"package\" is missing: the name of a package");
  return WriteResponse(services, SetStar(services, call, **package, star));
}

Response StarOfPath(const Services& services, const Call& call, Star star) {
  return WriteResponse(services, SetStar(services, call, call.package, star));
}

// An object: pnpm 11 takes the keys of what it gets, and those of an array are its positions.
Response StarsOfUser(const Services& services, const Call& call, const std::string& user) {
  return ListingResponse(services, call, {.kind = ListingQuery::Kind::kStarredBy, .user = user},
                         {.opening = "{", .row = ListingRow::kMember, .closing = "}"});
}

}  // namespace

Response HandlePutStar(const Services& services, const Call& call) { return StarOfBody(services, call, Star::kPut); }

Response HandleRemoveStar(const Services& services, const Call& call) {
  return StarOfBody(services, call, Star::kRemove);
}

Response HandlePutStarOfPackage(const Services& services, const Call& call) {
  return StarOfPath(services, call, Star::kPut);
}

Response HandleRemoveStarOfPackage(const Services& services, const Call& call) {
  return StarOfPath(services, call, Star::kRemove);
}

Response HandleOwnStars(const Services& services, const Call& call) {
  return StarsOfUser(services, call, call.principal.user);
}

Response HandleStarsOfUser(const Services& services, const Call& call) {
  return StarsOfUser(services, call, call.Parameter("user"));
}

}  // namespace tarn::http
