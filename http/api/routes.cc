#include "http/api/routes.h"

#include <algorithm>

#include "http/api/handlers.h"

namespace tarn::http {
namespace {

constexpr auto kMeta = AdmissionClass::kMetadata;
constexpr auto kWrites = AdmissionClass::kWrite;
constexpr auto kOperators = AdmissionClass::kAdmin;
constexpr RunsOn kAtOnce = std::nullopt;

std::vector<Route> MakeRoutes() {
  using enum AuthRule;
  using enum BodyRule;
  using enum Method;
  using Work = WorkClass;
  return {
      // The state of this node.
      {kGet, "/-/health", kOperators, kAtOnce, kIgnored, kNone, HandleHealth, "The process lives"},
      {kGet, "/-/ready", kOperators, kAtOnce, kIgnored, kNone, HandleReady, "May be routed to; 503 and why otherwise"},
      {kGet, "/-/metrics", kOperators, kAtOnce, kIgnored, kNone, HandleMetrics, "Counters, OpenMetrics text"},
      {kGet, "/-/ping", kMeta, kAtOnce, kIgnored, kNone, HandlePing, "`npm ping`"},
      {kGet, "/-/ping/{rest}", kMeta, kAtOnce, kIgnored, kNone, HandlePing, "The same, of old clients"},
      {kGet, "/", kMeta, Work::kRead, kOptional, kNone, HandleRoot,
       "What this is: CouchDB's database information, with public packages counted"},

      // Followers of CouchDB's protocol.
      {kGet, "/_changes", kMeta, Work::kRead, kOptional, kNone, HandleChanges,
       "Changed packages, each once: normal, longpoll, continuous, eventsource"},
      {kPost, "/_changes", kMeta, Work::kRead, kOptional, kSmall, HandleChanges,
       "The same, of the packages in `doc_ids`"},
      {kGet, "/_all_docs", kMeta, Work::kRead, kOptional, kNone, HandleAllDocs, "All packages by name"},
      {kPost, "/_all_docs", kMeta, Work::kRead, kOptional, kSmall, HandleAllDocs, "The packages in `keys`"},
      {kPost, "/_bulk_get", kMeta, Work::kRead, kOptional, kSmall, HandleBulkGet,
       "Packuments of the packages in `docs`"},
      {kGet, "/_local/{id}", kMeta, Work::kRead, kOptional, kNone, HandleGetCheckpoint, "How far a follower is"},
      {kPut, "/_local/{id}", kMeta, Work::kRead, kOptional, kSmall, HandlePutCheckpoint,
       "The same, noted; in memory, the least recently used are forgotten"},

      // Accounts.
      {kPost, "/-/v1/login", kMeta, Work::kRead, kIgnored, kSmall, HandleWebLogin,
       "Web login: where the user goes, and where the client asks whether it is done"},
      {kGet, "/-/v1/login/{page}", kMeta, Work::kRead, kIgnored, kNone, HandleWebLoginPage,
       "The page of a web login or confirmation, for a browser"},
      {kPost, "/-/v1/login/{page}", kWrites, Work::kAdmin, kIgnored, kSmall, HandleWebLoginForm,
       "The form on it: name and password, or a one-time code"},
      {kGet, "/-/v1/done/{done}", kMeta, Work::kRead, kIgnored, kNone, HandleWebLoginPoll,
       "202 while the user is at it, then the token or one-time password, once"},
      {kPut, "/-/user/{user}", kWrites, Work::kAdmin, kIgnored, kSmall, HandleLogin, "`npm login`, `npm adduser`"},
      {kPut, "/-/user/{user}/-rev/{rev}", kWrites, Work::kAdmin, kIgnored, kSmall, HandleLogin,
       "Login of clients that saw a conflict"},
      {kGet, "/-/user/{user}", kMeta, Work::kRead, kOptional, kNone, HandleGetUser, "Public fields of a user"},
      {kDelete, "/-/user/token/{token}", kWrites, Work::kWrite, kIgnored, kNone, HandleLogout,
       "`npm logout`; whoever knows the token may end it"},
      {kGet, "/-/whoami", kMeta, Work::kRead, kRequired, kNone, HandleWhoami, "`npm whoami`"},
      {kGet, "/-/npm/v1/user", kMeta, Work::kRead, kRequired, kNone, HandleGetProfile, "`npm profile get`"},
      {kPost, "/-/npm/v1/user", kWrites, Work::kAdmin, kRequired, kSmall, HandleSetProfile,
       "`npm profile set`, `npm profile enable-2fa`, `npm profile disable-2fa`"},
      {kGet, "/-/npm/v1/tokens", kMeta, Work::kRead, kRequired, kNone, HandleListTokens, "`npm token list`"},
      {kPost, "/-/npm/v1/tokens", kWrites, Work::kAdmin, kRequired, kSmall, HandleCreateToken, "`npm token create`"},
      {kDelete, "/-/npm/v1/tokens/token/{key}", kWrites, Work::kWrite, kRequired, kNone, HandleRevokeToken,
       "`npm token revoke`, by key or by the token itself"},

      // Trust.
      {kGet, "/-/npm/v1/keys", kMeta, Work::kRead, kIgnored, kNone, HandleSigningKeys,
       "Public keys that `npm audit signatures` verifies with; 404 when versions are not signed"},
      {kGet, "/-/npm/v1/attestations/{pkg}", kMeta, Work::kRead, kOptional, kNone, HandleAttestations,
       "Attestations of NAME@VERSION, as they were published"},
      {kPost, "/-/npm/v1/security/advisories/bulk", kMeta, Work::kRead, kOptional, kLarge, HandleBulkAudit,
       "`npm audit`, from imported advisories; 404 without any"},
      {kPost, "/-/npm/v1/security/audits/quick", kMeta, Work::kRead, kOptional, kLarge, HandleTreeAudit,
       "`npm audit` of npm 6, and the second try of npm up to 10"},
      {kPost, "/-/npm/v1/security/audits", kMeta, Work::kRead, kOptional, kLarge, HandleTreeAudit,
       "The same, of pnpm up to 10"},

      // Webhooks.
      {kPost, "/-/npm/v1/hooks/hook", kWrites, Work::kWrite, kRequired, kSmall, HandleCreateHook, "`npm hook add`"},
      {kGet, "/-/npm/v1/hooks", kMeta, Work::kRead, kRequired, kNone, HandleListHooks, "`npm hook ls`"},
      {kGet, "/-/npm/v1/hooks/hook/{id}", kMeta, Work::kRead, kRequired, kNone, HandleGetHook, "One hook"},
      {kPut, "/-/npm/v1/hooks/hook/{id}", kWrites, Work::kWrite, kRequired, kSmall, HandleUpdateHook,
       "`npm hook update`"},
      {kDelete, "/-/npm/v1/hooks/hook/{id}", kWrites, Work::kWrite, kRequired, kNone, HandleRemoveHook,
       "`npm hook rm`"},

      // Stars.
      {kGet, "/-/user/v1/star", kMeta, Work::kRead, kRequired, kNone, HandleOwnStars, "`pnpm stars`"},
      {kPut, "/-/user/v1/star", kWrites, Work::kWrite, kRequired, kSmall, HandlePutStar, "`pnpm star`"},
      {kDelete, "/-/user/v1/star", kWrites, Work::kWrite, kRequired, kSmall, HandleRemoveStar, "`pnpm unstar`"},
      {kPut, "/-/user/package/{pkg}/star", kWrites, Work::kWrite, kRequired, kNone, HandlePutStarOfPackage,
       "The same, of the package in the path"},
      {kDelete, "/-/user/package/{pkg}/star", kWrites, Work::kWrite, kRequired, kNone, HandleRemoveStarOfPackage,
       "The same, of the package in the path"},
      {kGet, "/-/user/{user}/stars", kMeta, Work::kRead, kOptional, kNone, HandleStarsOfUser,
       "`pnpm stars USER`: names of packages"},
      {kGet, "/-/util/user/{user}/stars", kMeta, Work::kRead, kOptional, kNone, HandleStarsOfUser, "The same"},

      // Lists of the old CouchDB application.
      {kGet, "/-/_view/{view}", kMeta, Work::kRead, kOptional, kNone, HandleView,
       "`npm stars`: starredByUser, starredByPackage, byUser"},
      {kGet, "/-/by-user/{users}", kMeta, Work::kRead, kOptional, kNone, HandleByUser,
       "Packages that users maintain; `a|b` for several"},
      {kGet, "/-/starred-by-user/{users}", kMeta, Work::kRead, kOptional, kNone, HandleStarredByUser,
       "Packages that users have starred"},
      {kGet, "/-/all", kMeta, Work::kRead, kOptional, kNone, HandleAllPackages,
       "Everything, in short: the search of npm up to 3"},
      {kGet, "/-/all/since", kMeta, Work::kRead, kOptional, kNone, HandlePackagesSince,
       "What changed since `startkey`, a time in milliseconds"},
      {kGet, "/-/all/static/{file}", kMeta, Work::kRead, kOptional, kNone, HandleAllPackages, "Everything, once more"},

      // Trusted publishing.
      {kPost, "/-/npm/v1/oidc/token/exchange/package/{pkg}", kWrites, Work::kWrite, kIgnored, kNone,
       HandleExchangeToken, "A CI system's identity token for a token that publishes this package"},
      {kGet, "/-/package/{pkg}/trust", kMeta, Work::kRead, kRequired, kNone, HandleListTrust, "`npm trust list`"},
      {kPost, "/-/package/{pkg}/trust", kWrites, Work::kWrite, kRequired, kSmall, HandleCreateTrust,
       "`npm trust github`, `npm trust gitlab`, `npm trust circleci`"},
      {kDelete, "/-/package/{pkg}/trust/{id}", kWrites, Work::kWrite, kRequired, kNone, HandleRevokeTrust,
       "`npm trust revoke`"},

      // Search.
      {kGet, "/-/v1/search", kMeta, Work::kRead, kOptional, kNone, HandleSearch, "`npm search`"},

      // How often tarballs are fetched. The package is in the path as it is, or encoded.
      {kGet, "/downloads/point/{period}", kMeta, Work::kRead, kOptional, kNone, HandleDownloadsPoint,
       "Fetches of everything public in a period: last-day, last-week, last-month, last-year, a day, or day:day"},
      {kGet, "/downloads/point/{period}/{pkg}", kMeta, Work::kRead, kOptional, kNone, HandleDownloadsPoint,
       "Of one package, or of several unscoped ones with commas between"},
      {kGet, "/downloads/range/{period}", kMeta, Work::kRead, kOptional, kNone, HandleDownloadsRange,
       "The same for each day"},
      {kGet, "/downloads/range/{period}/{pkg}", kMeta, Work::kRead, kOptional, kNone, HandleDownloadsRange,
       "The same for each day"},
      {kGet, "/versions/{pkg}/last-week", kMeta, Work::kRead, kOptional, kNone, HandleVersionDownloads,
       "Fetches of each version in the last seven days"},

      // Dist-tags and access.
      {kGet, "/-/package/{pkg}/dist-tags", kMeta, Work::kRead, kOptional, kNone, HandleGetDistTags,
       "`npm dist-tag ls`"},
      {kGet, "/-/package/{pkg}/dist-tags/{tag}", kMeta, Work::kRead, kOptional, kNone, HandleGetDistTag,
       "The version of one tag, as a JSON string"},
      {kPut, "/-/package/{pkg}/dist-tags/{tag}", kWrites, Work::kWrite, kRequired, kSmall, HandleSetDistTag,
       "`npm dist-tag add`; the body is the version as a JSON string"},
      {kPost, "/-/package/{pkg}/dist-tags/{tag}", kWrites, Work::kWrite, kRequired, kSmall, HandleSetDistTag,
       "The same, of old clients"},
      {kDelete, "/-/package/{pkg}/dist-tags/{tag}", kWrites, Work::kWrite, kRequired, kNone, HandleRemoveDistTag,
       "`npm dist-tag rm`"},
      {kGet, "/-/package/{pkg}/visibility", kMeta, Work::kRead, kOptional, kNone, HandleVisibility,
       "`npm access get status`"},
      {kGet, "/-/package/{pkg}/access", kMeta, Work::kRead, kOptional, kNone, HandleGetAccess, "The same, of pnpm"},
      {kPost, "/-/package/{pkg}/access", kWrites, Work::kWrite, kRequired, kSmall, HandleSetAccess,
       "`npm access set status=public` or `restricted`, `npm access set mfa=none`, `publish` or `automation`"},
      {kGet, "/-/package/{pkg}/owners", kMeta, Work::kRead, kOptional, kNone, HandleGetOwners, "Owners, of pnpm"},
      {kPut, "/-/package/{pkg}/owners", kWrites, Work::kWrite, kRequired, kSmall, HandleAddOwner, "`pnpm owner add`"},
      {kDelete, "/-/package/{pkg}/owners/{user}", kWrites, Work::kWrite, kRequired, kNone, HandleRemoveOwner,
       "`pnpm owner rm`"},
      {kGet, "/-/package/{pkg}/collaborators", kMeta, Work::kRead, kOptional, kNone, HandleCollaborators,
       "`npm access list collaborators`"},
      {kGet, "/-/org/{scope}/package", kMeta, Work::kRead, kOptional, kNone, HandlePackagesOfScope,
       "`npm access list packages SCOPE`"},
      {kGet, "/-/user/{user}/package", kMeta, Work::kRead, kOptional, kNone, HandlePackagesOfUser,
       "`npm access list packages USER`"},
      {kGet, "/-/-/package", kMeta, Work::kRead, kRequired, kNone, HandleOwnPackages,
       "`pnpm access list packages`: one's own"},
      {kGet, "/-/team/{scope}/{team}/package", kMeta, Work::kRead, kOptional, kNone, HandleTeamPackages,
       "`npm access list packages SCOPE:TEAM`"},
      {kPut, "/-/team/{scope}/{team}/package", kWrites, Work::kWrite, kRequired, kSmall, HandleGrant,
       "`npm access grant read-only` or `read-write`"},
      {kDelete, "/-/team/{scope}/{team}/package", kWrites, Work::kWrite, kRequired, kSmall, HandleRevoke,
       "`npm access revoke`; the body names the package"},

      // Organisations and their teams.
      {kGet, "/-/org/{scope}/user", kMeta, Work::kRead, kOptional, kNone, HandleOrgMembers, "`npm org ls`"},
      {kPut, "/-/org/{scope}/user", kWrites, Work::kWrite, kRequired, kSmall, HandleSetOrgMember, "`npm org set`"},
      {kDelete, "/-/org/{scope}/user", kWrites, Work::kWrite, kRequired, kSmall, HandleRemoveOrgMember,
       "`npm org rm`; the body names the user"},
      {kGet, "/-/org/{scope}/team", kMeta, Work::kRead, kOptional, kNone, HandleTeams, "`npm team ls SCOPE`"},
      {kPut, "/-/org/{scope}/team", kWrites, Work::kWrite, kRequired, kSmall, HandleCreateTeam, "`npm team create`"},
      {kDelete, "/-/team/{scope}/{team}", kWrites, Work::kWrite, kRequired, kNone, HandleDestroyTeam,
       "`npm team destroy`"},
      {kGet, "/-/team/{scope}/{team}/user", kMeta, Work::kRead, kOptional, kNone, HandleTeamMembers,
       "`npm team ls SCOPE:TEAM`"},
      {kPut, "/-/team/{scope}/{team}/user", kWrites, Work::kWrite, kRequired, kSmall, HandleAddToTeam,
       "`npm team add`"},
      {kDelete, "/-/team/{scope}/{team}/user", kWrites, Work::kWrite, kRequired, kSmall, HandleRemoveFromTeam,
       "`npm team rm`; the body names the user"},
      {kDelete, "/-/org/{scope}/{team}", kWrites, Work::kWrite, kRequired, kNone, HandleDestroyTeam,
       "As under `/-/team`, of the published API"},
      {kGet, "/-/org/{scope}/{team}/user", kMeta, Work::kRead, kOptional, kNone, HandleTeamMembers, "The same"},
      {kPut, "/-/org/{scope}/{team}/user", kWrites, Work::kWrite, kRequired, kSmall, HandleAddToTeam, "The same"},
      {kDelete, "/-/org/{scope}/{team}/user", kWrites, Work::kWrite, kRequired, kSmall, HandleRemoveFromTeam,
       "The same"},

      // Versions that wait for approval.
      {kPost, "/-/stage/package/{pkg}", kWrites, Work::kWrite, kRequired, kStage, nullptr, "`npm stage publish`"},
      {kGet, "/-/stage", kMeta, Work::kRead, kRequired, kNone, HandleListStaged, "`npm stage list`"},
      {kGet, "/-/stage/{id}", kMeta, Work::kRead, kRequired, kNone, HandleGetStaged, "`npm stage view`"},
      {kDelete, "/-/stage/{id}", kWrites, Work::kWrite, kRequired, kNone, HandleRejectStaged, "`npm stage reject`"},
      {kGet, "/-/stage/{id}/tarball", AdmissionClass::kTarball, Work::kRead, kRequired, kNone, HandleGetStagedTarball,
       "`npm stage download`"},
      {kPost, "/-/stage/{id}/approve", kWrites, Work::kWrite, kRequired, kNone, HandleApproveStaged,
       "`npm stage approve`; publishes it"},

      // The operator's socket.
      {kGet, "/-/operator/status", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorStatus, "`tarn status`"},
      {kGet, "/-/operator/users", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorListUsers,
       "`tarn user list`"},
      {kPost, "/-/operator/users", kOperators, Work::kAdmin, kOperator, kSmall, HandleOperatorAddUser,
       "`tarn user add`"},
      {kPut, "/-/operator/users/{user}/password", kOperators, Work::kAdmin, kOperator, kSmall,
       HandleOperatorSetPassword, "`tarn user passwd`"},
      {kDelete, "/-/operator/users/{user}/second-factor", kOperators, Work::kAdmin, kOperator, kNone,
       HandleOperatorResetSecondFactor, "`tarn user reset-second-factor`"},
      {kDelete, "/-/operator/users/{user}", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorRemoveUser,
       "`tarn user remove`"},
      {kGet, "/-/operator/users/{user}/tokens", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorListTokens,
       "`tarn token list`"},
      {kPost, "/-/operator/users/{user}/tokens", kOperators, Work::kAdmin, kOperator, kSmall, HandleOperatorCreateToken,
       "`tarn token create`"},
      {kDelete, "/-/operator/tokens/{key}", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorRevokeToken,
       "`tarn token revoke`"},

      {kGet, "/-/operator/keys", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorListKeys,
       "`tarn keys list`"},
      {kPost, "/-/operator/keys", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorRotateKey,
       "`tarn keys rotate`"},
      {kPost, "/-/operator/advisories", kOperators, Work::kAdmin, kOperator, kLarge, HandleOperatorImportAdvisories,
       "`tarn advisories import`"},
      {kGet, "/-/operator/advisories", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorListAdvisories,
       "`tarn advisories list`"},
      {kDelete, "/-/operator/advisories", kOperators, Work::kAdmin, kOperator, kSmall, HandleOperatorRemoveAdvisories,
       "`tarn advisories remove`"},

      {kPost, "/-/operator/jobs/{kind}", kOperators, Work::kAdmin, kOperator, kSmall, HandleOperatorStartJob,
       "`tarn gc`, `tarn verify` of a running server"},
      {kGet, "/-/operator/job", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorJob,
       "What the last job has come to"},

      {kGet, "/-/operator/hooks", kOperators, Work::kAdmin, kOperator, kNone, HandleOperatorListHooks,
       "`tarn hook list`"},
      {kPost, "/-/operator/hooks/{id}/replay", kOperators, Work::kAdmin, kOperator, kSmall, HandleOperatorReplayHook,
       "`tarn hook replay`"},
      {kDelete, "/-/operator/hooks/{id}", kOperators, Work::kAdmin, kOperator, kNone, HandleRemoveHook,
       "`tarn hook remove`"},

      // Packages. After everything under /-/, which is never a package.
      {kGet, "/{pkg}", kMeta, Work::kRead, kOptional, kNone, HandleGetPackument,
       "Packument, full or abbreviated by Accept, gzip by Accept-Encoding"},
      {kPut, "/{pkg}", kWrites, Work::kWrite, kRequired, kUpload, nullptr, "Publish, deprecate"},
      {kPut, "/{pkg}/-rev/{rev}", kWrites, Work::kWrite, kRequired, kUpload, nullptr,
       "Unpublish some versions, change owners"},
      {kDelete, "/{pkg}/-rev/{rev}", kWrites, Work::kWrite, kRequired, kNone, HandleUnpublish, "Unpublish the package"},
      {kGet, "/{pkg}/-/{file}", AdmissionClass::kTarball, Work::kRead, kOptional, kNone, HandleGetTarball,
       "Tarball; ranges, ETag"},
      {kDelete, "/{pkg}/-/{file}/-rev/{rev}", kWrites, Work::kWrite, kRequired, kNone, HandleDeleteTarball,
       "Last step of unpublishing a version"},
      {kGet, "/{pkg}/-/{folder}/{file}", AdmissionClass::kTarball, Work::kRead, kOptional, kNone,
       HandleGetNestedTarball, "A file of an imported package whose name holds a slash, such as the scope"},
      {kGet, "/{pkg}/{spec}", kMeta, Work::kRead, kOptional, kNone, HandleGetManifest,
       "One manifest, by version, dist-tag or range"},
  };
}

// Takes pattern and segments apart side by side. Ok(false): this is another path.
Result<bool> MatchPattern(std::string_view pattern, const RequestPath& path, RouteMatch* match) {
  size_t at = 0;
  pattern.remove_prefix(1);
  while (!pattern.empty()) {
    const size_t slash = pattern.find('/');
    const std::string_view part = pattern.substr(0, slash);
    pattern = slash == std::string_view::npos ? std::string_view() : pattern.substr(slash + 1);
    if (at >= path.segments.size()) return false;
    if (part == "{pkg}") {
      if (path.segments[at] == "-") return false;
      auto name = PackageNameAt(path.segments, at);
      if (name.code() == Code::kNotFound) return false;
      if (!name.ok()) return std::move(name).status();
      at += name->segment_count;
      match->package = std::move(name->name);
    } else if (part.starts_with('{')) {
      ASSIGN_OR_RETURN(std::string value, PercentDecode(path.segments[at++]));
      match->parameters.emplace_back(part.substr(1, part.size() - 2), std::move(value));
    } else if (path.segments[at++] != part) {
      return false;
    }
  }
  return at == path.segments.size();
}

}  // namespace

std::string_view MethodName(Method method) {
  switch (method) {
    case Method::kGet: return "GET";
    case Method::kHead: return "HEAD";
    case Method::kPut: return "PUT";
    case Method::kPost: return "POST";
    case Method::kDelete: return "DELETE";
    case Method::kOptions: return "OPTIONS";
    case Method::kPatch: return "PATCH";
    case Method::kOther: break;
  }
  return "";
}

const std::string& Call::Parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  CheckFailed(__FILE__, __LINE__, "no such route parameter: ", name);
}

const std::vector<Route>& Routes() {
  static const std::vector<Route> routes = MakeRoutes();
  return routes;
}

Result<RouteMatch> MatchRoute(Method method, const RequestPath& path) {
  RouteMatch match;
  const Method wanted = method == Method::kHead ? Method::kGet : method;
  std::string_view matched_pattern;
  for (const Route& route : Routes()) {
    // The first pattern that fits decides which path this is: "/a/-rev/b" is not version "-rev" of something.
    if (!matched_pattern.empty() && route.pattern != matched_pattern) continue;
    RouteMatch candidate;
    ASSIGN_OR_RETURN(const bool fits, MatchPattern(route.pattern, path, &candidate));
    if (!fits) continue;
    matched_pattern = route.pattern;
    match.allowed.push_back(route.method);
    match.is_operator = route.auth == AuthRule::kOperator;
    if (route.method != wanted) continue;
    match.route = &route;
    match.package = std::move(candidate.package);
    match.parameters = std::move(candidate.parameters);
  }
  return match;
}

std::string FormatApiMarkdown() {
  std::string out =
      "# HTTP routes\n\n"
      "Paths are below the registry's URL. `{pkg}` is a package name in any encoding npm clients use. Errors are JSON "
      "with\n"
      "`error`, `message`, `reason` and `code`. Every GET answers HEAD, every path answers OPTIONS.\n\n"
      "<!-- Printed from the route table (http/api/routes.cc); routes_test compares. -->\n\n"
      "| Method | Path | Who | What |\n|---|---|---|---|\n";
  for (const Route& route : Routes()) {
    constexpr std::string_view kWho[] = {"anyone", "anyone; reads as access allows", "users", "operator (Unix socket)"};
    out += "| " + std::string(MethodName(route.method)) + " | `" + std::string(route.pattern) + "` | " +
           std::string(kWho[static_cast<size_t>(route.auth)]) + " | " + std::string(route.summary) + " |\n";
  }
  return out;
}

}  // namespace tarn::http
