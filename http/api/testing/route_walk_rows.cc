#include "http/api/testing/route_walk_rows.h"

#include "storage/testing/publish_builder.h"

namespace tarn::http {
namespace {

using enum WalkAct;
using Requests = std::vector<WalkRequest>;

constexpr const char* kPassword = "secret-of-all";

std::string Encoded(const std::string& name) {
  std::string text = name;
  if (const size_t slash = text.find('/'); slash != std::string::npos) text.replace(slash, 1, "%2f");
  return text;
}

std::string Quoted(const std::string& text) { return "\"" + text + "\""; }

// A target that is the same for every package and caller.
WalkRow Fixed(const char* route, WalkAct act, const char* target, const char* body = "") {
  return {route, act, [target, body](const WalkTarget&) { return Requests{{target, body}}; }};
}

// "{name}" is the package, encoded as npm does; "{raw}" as it is; "{stem}", "{rev}", "{user}", "{spare}".
std::string Fill(std::string text, const WalkTarget& target) {
  const std::pair<std::string_view, std::string> words[] = {
      {"{name}", Encoded(target.name)}, {"{raw}", target.name},
      {"{stem}", target.stem},          {"{rev}", target.rev},
      {"{user}", target.user},          {"{spare}", target.spare_token},
      {"{stage}", target.stage_id},     {"{hook}", target.hook},
      {"{password}", kPassword}};
  for (const auto& [word, value] : words) {
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size())) {
      text.replace(at, word.size(), value);
    }
  }
  return text;
}

// Several ways to ask for the same.
WalkRow Filled(const char* route, WalkAct act, std::vector<WalkRequest> requests) {
  return {route, act, [requests = std::move(requests)](const WalkTarget& target) {
            Requests filled = requests;
            for (WalkRequest& request : filled) {
              request.target = Fill(request.target, target);
              request.body = Fill(request.body, target);
            }
            return filled;
          }};
}

std::string PublishBody(const WalkTarget& target, const std::string& version) {
  PublishBuilder builder;
  builder.name = target.name;
  builder.version = version;
  builder.access = "restricted";
  return builder.Body();
}

const Headers kAbbreviated = {{"Accept", "application/vnd.npm.install-v1+json"}};
const Headers kAnyETag = {{"If-None-Match", "*"}};
const Headers kRange = {{"Range", "bytes=0-9"}};

void AddNodeAndAccounts(std::vector<WalkRow>* rows) {
  const std::string login = R"({"name":"{user}","password":"{password}"})";
  rows->insert(rows->end(),
               {Fixed("GET /-/health", kAnybody, "/-/health"),
                Fixed("GET /-/ready", kAnybody, "/-/ready"),
                Fixed("GET /-/metrics", kAnybody, "/-/metrics"),
                Fixed("GET /-/ping", kAnybody, "/-/ping"),
                Fixed("GET /-/ping/{rest}", kAnybody, "/-/ping/x"),
                Fixed("GET /", kPublicFacts, "/"),
                Fixed("POST /-/v1/login", kAnybody, "/-/v1/login", "{}"),
                Fixed("GET /-/v1/login/{page}", kAnybody, "/-/v1/login/none"),
                Fixed("POST /-/v1/login/{page}", kAnybody, "/-/v1/login/none", "name=a"),
                Fixed("GET /-/v1/done/{done}", kAnybody, "/-/v1/done/none"),
                Fixed("PUT /-/user/{user}", kAnybody, "/-/user/org.couchdb.user:nobody", R"({"password":"x"})"),
                Fixed("PUT /-/user/{user}/-rev/{rev}", kAnybody, "/-/user/org.couchdb.user:nobody/-rev/1",
                      R"({"password":"x"})"),
                Fixed("GET /-/user/{user}", kPublicFacts, "/-/user/org.couchdb.user:olive"),
                Fixed("DELETE /-/user/token/{token}", kAnybody, "/-/user/token/unknown"),
                Fixed("GET /-/whoami", kLoggedIn, "/-/whoami"),
                Fixed("GET /-/npm/v1/user", kLoggedIn, "/-/npm/v1/user"),
                Filled("POST /-/npm/v1/user", kAccount,
                       {{"/-/npm/v1/user", R"({"fullname":"New Name"})"},
                        {"/-/npm/v1/user", R"({"password":{"old":"{password}","new":"another-secret"}})"},
                        {"/-/npm/v1/user", R"({"tfa":{"password":"{password}","mode":"auth-only"}})"}}),
                Fixed("GET /-/npm/v1/tokens", kAccountRead, "/-/npm/v1/tokens"),
                Filled("POST /-/npm/v1/tokens", kAccount, {{"/-/npm/v1/tokens", R"({"password":"{password}"})"}}),
                Filled("DELETE /-/npm/v1/tokens/token/{key}", kAccount, {{"/-/npm/v1/tokens/token/{spare}"}}),
                Filled("POST /-/npm/v1/hooks/hook", kAccount,
                       {{"/-/npm/v1/hooks/hook",
                         R"({"type":"package","name":"{raw}","endpoint":"https://hooks.example/","secret":"s"})"}}),
                Fixed("GET /-/npm/v1/hooks", kAccountRead, "/-/npm/v1/hooks"),
                Filled("GET /-/npm/v1/hooks/hook/{id}", kAccountRead, {{"/-/npm/v1/hooks/hook/{hook}"}}),
                Filled("PUT /-/npm/v1/hooks/hook/{id}", kAccount,
                       {{"/-/npm/v1/hooks/hook/{hook}", R"({"endpoint":"https://hooks.example/"})"}}),
                Filled("DELETE /-/npm/v1/hooks/hook/{id}", kAccount, {{"/-/npm/v1/hooks/hook/{hook}"}}),
                Fixed("GET /-/npm/v1/keys", kAnybody, "/-/npm/v1/keys"),
                Filled("POST /-/npm/v1/security/advisories/bulk", kByNameAlone,
                       {{"/-/npm/v1/security/advisories/bulk", R"({"{raw}":["1.0.0"]})"}}),
                Filled("POST /-/npm/v1/security/audits/quick", kByNameAlone,
                       {{"/-/npm/v1/security/audits/quick", R"({"dependencies":{"{raw}":{"version":"1.0.0"}}})"}}),
                Filled("POST /-/npm/v1/security/audits", kByNameAlone,
                       {{"/-/npm/v1/security/audits", R"({"dependencies":{"{raw}":{"version":"1.0.0"}}})"}})});
}

void AddFeedsAndLists(std::vector<WalkRow>* rows) {
  rows->insert(
      rows->end(),
      {Filled("GET /_changes", kListing,
              {{"/_changes"}, {"/_changes?include_docs=true"}, {"/_changes?descending=true"}}),
       Filled("POST /_changes", kAskAbout, {{"/_changes?filter=_doc_ids", R"({"doc_ids":["{raw}"]})"}}),
       Filled("GET /_all_docs", kListing, {{"/_all_docs"}, {"/_all_docs?include_docs=true"}}),
       Filled("POST /_all_docs", kAskAbout, {{"/_all_docs", R"({"keys":["{raw}"]})"}}),
       Filled("POST /_bulk_get", kAskAbout, {{"/_bulk_get", R"({"docs":[{"id":"{raw}"}]})"}}),
       Fixed("GET /_local/{id}", kAnybody, "/_local/walk"),
       Fixed("PUT /_local/{id}", kAnybody, "/_local/walk", "{}"),
       Filled("GET /-/v1/search", kListing,
              {{"/-/v1/search?text=hidden"}, {"/-/v1/search?text=acme"}, {"/-/v1/search?text=maintainer:olive"}}),
       Fixed("GET /downloads/point/{period}", kPublicFacts, "/downloads/point/last-week"),
       Filled("GET /downloads/point/{period}/{pkg}", kRead,
              {{"/downloads/point/last-week/{name}"}, {"/downloads/point/last-week/{raw}"}}),
       Fixed("GET /downloads/range/{period}", kPublicFacts, "/downloads/range/last-week"),
       Filled("GET /downloads/range/{period}/{pkg}", kRead, {{"/downloads/range/last-week/{name}"}}),
       Filled("GET /versions/{pkg}/last-week", kRead, {{"/versions/{name}/last-week"}}),
       Filled("GET /-/org/{scope}/package", kListing, {{"/-/org/acme/package"}, {"/-/org/@acme/package"}}),
       Filled("GET /-/user/{user}/package", kListing, {{"/-/user/olive/package"}}),
       Fixed("GET /-/user/v1/star", kListing, "/-/user/v1/star"),
       Fixed("GET /-/user/{user}/stars", kListing, "/-/user/olive/stars"),
       Fixed("GET /-/util/user/{user}/stars", kListing, "/-/util/user/olive/stars"),
       Filled("GET /-/_view/{view}", kListing,
              {{"/-/_view/starredByUser?key=%22olive%22"}, {"/-/_view/byUser?key=%22olive%22"}}),
       Filled("GET /-/_view/{view}", kAskAbout, {{"/-/_view/starredByPackage?key=%22{name}%22"}}),
       Fixed("GET /-/by-user/{users}", kListing, "/-/by-user/olive"),
       Fixed("GET /-/starred-by-user/{users}", kListing, "/-/starred-by-user/olive"),
       Fixed("GET /-/all", kListing, "/-/all"),
       Fixed("GET /-/all/since", kListing, "/-/all/since?startkey=0"),
       Fixed("GET /-/all/static/{file}", kListing, "/-/all/static/all.json")});
}

void AddPackages(std::vector<WalkRow>* rows) {
  const std::string manifest = R"({"name":"{raw}","version":"1.0.0"})";
  rows->insert(
      rows->end(),
      {Filled("GET /{pkg}", kRead,
              {{"/{name}"},
               {"/{raw}"},
               {"/{name}?write=true"},
               {"/{name}", "", kAbbreviated},
               {"/{name}", "", kAnyETag},
               {"/{name}?revs=true&open_revs=all"}}),
       Filled("GET /{pkg}/{spec}", kRead, {{"/{name}/1.0.0"}, {"/{raw}/latest"}, {"/{name}/%5E1"}}),
       Filled("GET /{pkg}/-/{file}", kRead,
              {{"/{raw}/-/{stem}-1.0.0.tgz"},
               {"/{name}/-/{stem}-1.0.0.tgz", "", kRange},
               {"/{raw}/-/{stem}-1.0.0.tgz", "", kAnyETag}}),
       Filled("GET /{pkg}/-/{folder}/{file}", kReadNothing, {{"/{name}/-/sub/{stem}-1.0.0.tgz"}}),
       Filled("GET /-/npm/v1/attestations/{pkg}", kReadNothing, {{"/-/npm/v1/attestations/{name}@1.0.0"}}),
       {"PUT /{pkg}", kPublish,
        [](const WalkTarget& target) {
          return Requests{{"/" + Encoded(target.name), PublishBody(target, "1.1.0")},
                          {"/" + Encoded(target.name), PublishBody(target, "1.0.0")}};
        }},
       Filled("PUT /{pkg}", kChange,
              {{"/{name}", R"({"_id":"{raw}","name":"{raw}","versions":{"1.0.0":{"name":"{raw}","version":"1.0.0",)"
                           R"("deprecated":"no"}}})"}}),
       Filled("PUT /{pkg}", kStar, {{"/{name}", R"({"_id":"{raw}","_rev":"{rev}","users":{"{user}":true}})"}}),
       Filled("PUT /{pkg}/-rev/{rev}", kManage,
              {{"/{name}/-rev/{rev}", R"({"_id":"{raw}","_rev":"{rev}","maintainers":[{"name":"otto"}]})"},
               {"/{name}/-rev/1-0", R"({"_id":"{raw}","_rev":"1-0","maintainers":[{"name":"stan"}]})"}}),
       Filled("PUT /{pkg}/-rev/{rev}", kChange,
              {{"/{name}/-rev/{rev}",
                R"({"_id":"{raw}","name":"{raw}","_rev":"{rev}","versions":{"2.0.0":{"name":"{raw}",)"
                R"("version":"2.0.0"}}})"}}),
       Filled("DELETE /{pkg}/-rev/{rev}", kChange, {{"/{name}/-rev/{rev}"}, {"/{raw}/-rev/1-0"}}),
       Filled("DELETE /{pkg}/-/{file}/-rev/{rev}", kChange,
              {{"/{raw}/-/{stem}-9.0.0.tgz/-rev/{rev}"}, {"/{raw}/-/{stem}-1.0.0.tgz/-rev/{rev}"}}),
       Filled("PUT /-/user/v1/star", kStar, {{"/-/user/v1/star", R"({"package":"{raw}"})"}}),
       Filled("DELETE /-/user/v1/star", kStar, {{"/-/user/v1/star", R"({"package":"{raw}"})"}}),
       Filled("PUT /-/user/package/{pkg}/star", kStar,
              {{"/-/user/package/{name}/star"}, {"/-/user/package/{raw}/star"}}),
       Filled("DELETE /-/user/package/{pkg}/star", kStar, {{"/-/user/package/{name}/star"}}),
       Filled("GET /-/package/{pkg}/dist-tags", kRead, {{"/-/package/{name}/dist-tags"}}),
       Filled("GET /-/package/{pkg}/dist-tags/{tag}", kRead, {{"/-/package/{name}/dist-tags/latest"}}),
       Filled("PUT /-/package/{pkg}/dist-tags/{tag}", kTag, {{"/-/package/{name}/dist-tags/beta", Quoted("1.0.0")}}),
       Filled("PUT /-/package/{pkg}/dist-tags/{tag}", kChange,
              {{"/-/package/{name}/dist-tags/latest", Quoted("2.0.0")}}),
       Filled("POST /-/package/{pkg}/dist-tags/{tag}", kTag, {{"/-/package/{name}/dist-tags/beta", Quoted("1.0.0")}}),
       Filled("DELETE /-/package/{pkg}/dist-tags/{tag}", kTag, {{"/-/package/{name}/dist-tags/old"}}),
       Filled("GET /-/package/{pkg}/visibility", kRead, {{"/-/package/{name}/visibility"}}),
       Filled("GET /-/package/{pkg}/access", kRead, {{"/-/package/{name}/access"}}),
       Filled("POST /-/package/{pkg}/access", kManage,
              {{"/-/package/{name}/access", R"({"access":"public"})"},
               {"/-/package/{name}/access", R"({"publish_requires_tfa":false})"}}),
       Filled("GET /-/package/{pkg}/owners", kRead, {{"/-/package/{name}/owners"}}),
       Filled("PUT /-/package/{pkg}/owners", kManage, {{"/-/package/{name}/owners", R"({"user":"otto"})"}}),
       Filled("DELETE /-/package/{pkg}/owners/{user}", kManage, {{"/-/package/{name}/owners/otto"}}),
       Filled("GET /-/package/{pkg}/trust", kReadNothing, {{"/-/package/{name}/trust"}}),
       // Valid for no registry that trusts no issuer; api_trusted_publishing_test.cc has one that does.
       Filled("POST /-/package/{pkg}/trust", kReadNothing, {{"/-/package/{name}/trust", "[{}]"}}),
       Filled("DELETE /-/package/{pkg}/trust/{id}", kReadNothing,
              {{"/-/package/{name}/trust/0f8fad5b-d9cb-469f-a165-70867728950e"}, {"/-/package/{name}/trust/1"}}),
       Filled("POST /-/npm/v1/oidc/token/exchange/package/{pkg}", kByNameAlone,
              {{"/-/npm/v1/oidc/token/exchange/package/{name}"}}),
       Filled("GET /-/package/{pkg}/collaborators", kRead,
              {{"/-/package/{name}/collaborators"}, {"/-/package/{name}/collaborators?user=olive"}})});
}

void AddStaging(std::vector<WalkRow>* rows) {
  rows->insert(rows->end(),
               {{"POST /-/stage/package/{pkg}", kStage,
                 [](const WalkTarget& target) {
                   const std::string path = "/-/stage/package/" + Encoded(target.name);
                   return Requests{{path, PublishBody(target, "1.1.0")},
                                   {path, PublishBody(target, "1.0.0")},
                                   {path, PublishBody(target, "1.5.0")}};
                 }},
                Filled("GET /-/stage", kStagedListing, {{"/-/stage"}, {"/-/stage?package={raw}&perPage=100"}}),
                Filled("GET /-/stage/{id}", kReadStaged, {{"/-/stage/{stage}"}}),
                Filled("GET /-/stage/{id}/tarball", kReadStaged, {{"/-/stage/{stage}/tarball"}}),
                Filled("POST /-/stage/{id}/approve", kDecide, {{"/-/stage/{stage}/approve"}}),
                Filled("DELETE /-/stage/{id}", kDecide, {{"/-/stage/{stage}"}})});
}

void AddOrganisations(std::vector<WalkRow>* rows) {
  rows->insert(rows->end(),
               {Fixed("GET /-/-/package", kOwnListing, "/-/-/package?format=cli"),
                Filled("GET /-/team/{scope}/{team}/package", kOrgListing,
                       {{"/-/team/acme/developers/package"}, {"/-/team/acme/readers/package"}}),
                Filled("PUT /-/team/{scope}/{team}/package", kGrant,
                       {{"/-/team/acme/ops/package", R"({"package":"{raw}","permissions":"read-only"})"},
                        {"/-/team/none/ops/package", R"({"package":"{raw}","permissions":"read-only"})"}}),
                Filled("DELETE /-/team/{scope}/{team}/package", kRevoke,
                       {{"/-/team/acme/developers/package", R"({"package":"{raw}"})"},
                        {"/-/team/acme/ops/package", R"({"package":"{raw}"})"},
                        {"/-/team/none/ops/package", R"({"package":"{raw}"})"}}),
                Fixed("GET /-/org/{scope}/user", kOrgFacts, "/-/org/acme/user"),
                Fixed("PUT /-/org/{scope}/user", kOrgChange, "/-/org/acme/user", R"({"user":"stan"})"),
                Fixed("DELETE /-/org/{scope}/user", kOrgChange, "/-/org/acme/user", R"({"user":"mia"})"),
                Fixed("GET /-/org/{scope}/team", kOrgFacts, "/-/org/acme/team?format=cli"),
                Fixed("PUT /-/org/{scope}/team", kOrgChange, "/-/org/acme/team", R"({"name":"fresh"})"),
                Fixed("DELETE /-/team/{scope}/{team}", kOrgChange, "/-/team/acme/ops"),
                Fixed("GET /-/team/{scope}/{team}/user", kOrgFacts, "/-/team/acme/ops/user"),
                Fixed("PUT /-/team/{scope}/{team}/user", kOrgChange, "/-/team/acme/ops/user", R"({"user":"otto"})"),
                Fixed("DELETE /-/team/{scope}/{team}/user", kOrgChange, "/-/team/acme/ops/user", R"({"user":"fay"})"),
                Fixed("DELETE /-/org/{scope}/{team}", kOrgChange, "/-/org/acme/ops"),
                Fixed("GET /-/org/{scope}/{team}/user", kOrgFacts, "/-/org/acme/ops/user"),
                Fixed("PUT /-/org/{scope}/{team}/user", kOrgChange, "/-/org/acme/ops/user", R"({"user":"otto"})"),
                Fixed("DELETE /-/org/{scope}/{team}/user", kOrgChange, "/-/org/acme/ops/user", R"({"user":"fay"})")});
}

void AddOperator(std::vector<WalkRow>* rows) {
  rows->insert(
      rows->end(),
      {Fixed("GET /-/operator/status", kOperator, "/-/operator/status"),
       Fixed("GET /-/operator/users", kOperator, "/-/operator/users"),
       Fixed("POST /-/operator/users", kOperator, "/-/operator/users",
             R"({"name":"newcomer","password":"some-secret"})"),
       Fixed("PUT /-/operator/users/{user}/password", kOperator, "/-/operator/users/olive/password",
             R"({"password":"other-secret"})"),
       Fixed("DELETE /-/operator/users/{user}/second-factor", kOperator, "/-/operator/users/olive/second-factor"),
       Fixed("DELETE /-/operator/users/{user}", kOperator, "/-/operator/users/stan"),
       Fixed("GET /-/operator/users/{user}/tokens", kOperator, "/-/operator/users/olive/tokens"),
       Fixed("POST /-/operator/users/{user}/tokens", kOperator, "/-/operator/users/olive/tokens", "{}"),
       Filled("DELETE /-/operator/tokens/{key}", kOperator, {{"/-/operator/tokens/{spare}"}}),
       Fixed("GET /-/operator/keys", kOperator, "/-/operator/keys"),
       Fixed("POST /-/operator/keys", kOperator, "/-/operator/keys"),
       Fixed("POST /-/operator/advisories", kOperator, "/-/operator/advisories", "{\"documents\":[]}"),
       Fixed("GET /-/operator/advisories", kOperator, "/-/operator/advisories"),
       Filled("POST /-/operator/jobs/{kind}", kOperator, {{"/-/operator/jobs/nothing", "{}"}}),
       Fixed("GET /-/operator/job", kOperator, "/-/operator/job"),
       Fixed("GET /-/operator/hooks", kOperator, "/-/operator/hooks"),
       Filled("POST /-/operator/hooks/{id}/replay", kOperator, {{"/-/operator/hooks/{hook}/replay", R"({"from":1})"}}),
       Filled("DELETE /-/operator/hooks/{id}", kOperator, {{"/-/operator/hooks/{hook}"}}),
       Fixed("DELETE /-/operator/advisories", kOperator, "/-/operator/advisories", R"({"ids":["GHSA-1"]})")});
}

}  // namespace

std::vector<WalkRow> WalkRows() {
  std::vector<WalkRow> rows;
  AddNodeAndAccounts(&rows);
  AddFeedsAndLists(&rows);
  AddPackages(&rows);
  AddStaging(&rows);
  AddOrganisations(&rows);
  AddOperator(&rows);
  return rows;
}

}  // namespace tarn::http
