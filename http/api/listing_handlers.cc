// Lists of the old CouchDB application that clients still ask for (contract 14): views, and the list of everything.
#include <algorithm>
#include <charconv>

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/listing_stream.h"
#include "storage/base/logging.h"
#include "storage/registry/package_access.h"
#include "storage/registry/package_listing.h"

namespace tarn::http {
namespace {

constexpr size_t kUsersPerListMax = 20;  // Of `/-/by-user/a|b`.

// The `key` of a view: a JSON string. What is none is taken as it stands, as clients that forget the quotes mean it.
Result<std::string> KeyOf(const Call& call) {
  const auto text = QueryValue(call.query, "key");
  if (!text || text->empty()) return InvalidArgument("this view needs a \"key\"");
  auto parsed = JsonBody::ParseString(*text);
  return parsed.ok() ? std::move(parsed).value() : *text;
}

Response RowsOf(const Services& services, const Call& call, ListingQuery::Kind kind, const std::string& key) {
  return ListingResponse(
      services, call, {.kind = kind, .user = key},
      {.opening = "{\"rows\":[", .row = ListingRow::kViewRow, .closing = "]}", .key = JsonString(key)});
}

Response StarsOfPackage(const Services& services, const Call& call, const std::string& key) {
  const auto name = registry::PackageName::Parse(key);
  const auto users = name.ok() ? services.listing->StarsOf(call.principal, *name)
                               : Result<std::vector<std::string>>(NotFound(std::string(registry::kNotFoundText)));
  // A view has no rows for what is not there.
  if (!users.ok() && users.code() != Code::kNotFound) return ErrorResponse(users.status());
  std::string body = "{\"rows\":[";
  for (size_t i = 0; users.ok() && i < users->size(); ++i) {
    body += (i > 0 ? ",{\"id\":" : "{\"id\":") + JsonString(key) + ",\"key\":" + JsonString(key) +
            ",\"value\":" + JsonString((*users)[i]) + "}";
  }
  return PrivateJsonResponse(200, body + "]}");
}

// {"ann":["left",…],…}: of all users that the path names.
Response MapOfUsers(const Services& services, const Call& call, ListingQuery::Kind kind) {
  std::string body = "{";
  std::string_view users = call.Parameter("users");
  for (size_t count = 0; !users.empty(); ++count) {
    if (count == kUsersPerListMax) return ErrorResponse(400, "more than 20 users at once");
    const std::string user(users.substr(0, users.find('|')));
    users.remove_prefix(std::min(users.size(), user.size() + 1));
    const auto piece = kind == ListingQuery::Kind::kStarredBy
                           ? services.listing->StarredBy(call.principal, user, "")
                           : services.listing->MaintainedBy(call.principal, user, "");
    if (!piece.ok()) return ErrorResponse(piece.status());
    body += (count > 0 ? "," : "") + JsonString(user) + ":[";
    for (size_t i = 0; i < piece->packages.size(); ++i) {
      body += (i > 0 ? "," : "") + JsonString(piece->packages[i].name);
    }
    body += "]";
  }
  return PrivateJsonResponse(200, body + "}");
}

Response Everything(const Services& services, const Call& call, uint64_t modified_since_ms) {
  // npm keeps `_updated` and comes back with it as `startkey`.
  return ListingResponse(
      services, call, {.kind = ListingQuery::Kind::kAll, .modified_since_ms = modified_since_ms},
      {.opening = "{\"_updated\":" + std::to_string(services.clock.NowMs()), .row = ListingRow::kSlim, .closing = "}"});
}

}  // namespace

Response HandleView(const Services& services, const Call& call) {
  const std::string& view = call.Parameter("view");
  const bool is_known = view == "starredByUser" || view == "starredByPackage" || view == "byUser";
  if (!is_known) return ErrorResponse(404, "this registry has the views starredByUser, starredByPackage and byUser");
  const auto key = KeyOf(call);
  if (!key.ok()) return ErrorResponse(key.status());
  if (view == "starredByPackage") return StarsOfPackage(services, call, *key);
  return RowsOf(services, call, view == "byUser" ? ListingQuery::Kind::kMaintainedBy : ListingQuery::Kind::kStarredBy,
                *key);
}

Response HandleByUser(const Services& services, const Call& call) {
  return MapOfUsers(services, call, ListingQuery::Kind::kMaintainedBy);
}

Response HandleStarredByUser(const Services& services, const Call& call) {
  return MapOfUsers(services, call, ListingQuery::Kind::kStarredBy);
}

Response HandleAllPackages(const Services& services, const Call& call) { return Everything(services, call, 0); }

Response HandlePackagesSince(const Services& services, const Call& call) {
  const auto text = QueryValue(call.query, "startkey");
  uint64_t since_ms = 0;
  if (text) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), since_ms);
    if (error != std::errc() || end != text->data() + text->size()) {
      return ErrorResponse(400, "\"startkey\" must be a time in milliseconds");
    }
  }
  return Everything(services, call, since_ms);
}

}  // namespace tarn::http
