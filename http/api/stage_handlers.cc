// Versions that wait for approval (contract 6). They are staged by the way of a publish (upload.cc).

#include <algorithm>

#include "http/api/conditional.h"
#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/hot_cache.h"
#include "storage/base/clock.h"
#include "storage/base/logging.h"
#include "storage/base/stage_limits.h"
#include "storage/registry/staged_versions.h"

namespace tarn::http {
namespace {

constexpr uint64_t kPageMax = 1'000'000;

std::string_view StagedByName(registry::StagedBy staged_by) {
  return staged_by == registry::StagedBy::kTrustedAutomation ? "trusted automation" : "user";
}

// As `npm stage list` and `view` read and print it.
std::string ItemJson(const registry::StagedItem& item) {
  std::string json = "{\"id\":" + JsonString(item.id) + ",\"packageName\":" + JsonString(item.package);
  json += ",\"version\":" + JsonString(item.version) + ",\"tag\":" + JsonString(item.dist_tag);
  json += ",\"createdAt\":" + JsonString(FormatIsoTime(item.created_ms));
  json += ",\"expiresAt\":" + JsonString(FormatIsoTime(item.expires_ms));
  json += ",\"actor\":" + JsonString(item.actor) + ",\"actorType\":" + JsonString(StagedByName(item.staged_by));
  json += ",\"access\":" + JsonString(item.is_public ? "public" : "private");
  return json + ",\"shasum\":" + JsonString(item.shasum) + "}";
}

}  // namespace

Response HandleListStaged(const Services& services, const Call& call) {
  const uint64_t page = QueryNumber(call.query, "page", 0, kPageMax);
  const uint64_t per_page =
      std::max<uint64_t>(1, QueryNumber(call.query, "perPage", limits::kStagedPageDefault, limits::kStagedPageMax));
  registry::StagedVersions::Page staged;
  std::optional<registry::PackageName> package;
  bool may_exist = true;
  if (const auto wanted = QueryValue(call.query, "package")) {
    auto name = registry::PackageName::Parse(*wanted);
    may_exist = name.ok();
    if (may_exist) package = std::move(*name);
  }
  if (may_exist) {
    auto found = services.registry.staged().List(call.principal, package, page, per_page);
    if (!found.ok()) return ErrorResponse(found.status());
    staged = std::move(*found);
  }
  std::string body = "{\"items\":[";
  for (const registry::StagedItem& item : staged.items) {
    if (body.back() != '[') body += ',';
    body += ItemJson(item);
  }
  body += "],\"page\":" + std::to_string(page) + ",\"perPage\":" + std::to_string(per_page);
  return PrivateJsonResponse(200, body + ",\"total\":" + std::to_string(staged.total) + "}");
}

Response HandleGetStaged(const Services& services, const Call& call) {
  const auto item = services.registry.staged().View(call.principal, call.Parameter("id"));
  if (!item.ok()) return ErrorResponse(item.status());
  return PrivateJsonResponse(200, ItemJson(*item));
}

Response HandleGetStagedTarball(const Services& services, const Call& call) {
  const auto tarball = services.registry.staged().OpenTarball(call.principal, call.Parameter("id"));
  if (!tarball.ok()) return ErrorResponse(tarball.status());
  Response response;
  // Asked for every time: who may see it, and whether it is still there, changes.
  Send(MakeTarballAnswer(*tarball, Audience::kWriter), call.head, &response);
  return response;
}

Response HandleApproveStaged(const Services& services, const Call& call) {
  const auto answer = services.registry.staged().Approve(call.principal, call.Parameter("id"));
  if (!answer.ok()) return ErrorResponse(answer.status());
  Response response = PrivateJsonResponse(
      201, "{\"message\":" + JsonString("The staged version of " + answer->id + " is published.") + "}");
  AddLsn(services, &response);
  return response;
}

Response HandleRejectStaged(const Services& services, const Call& call) {
  const Status rejected = services.registry.staged().Reject(call.principal, call.Parameter("id"));
  if (!rejected.ok()) return ErrorResponse(rejected);
  Response response;
  response.set_status(204);
  AddLsn(services, &response);
  return response;
}

Response StagedResponse(const Services& services, const registry::WriteAnswer& answer) {
  Response response =
      PrivateJsonResponse(201, "{\"message\":" + JsonString(answer.id + " is staged and waits for approval.") +
                                   ",\"stageId\":" + JsonString(answer.stage_id) + "}");
  AddLsn(services, &response);
  return response;
}

}  // namespace tarn::http
