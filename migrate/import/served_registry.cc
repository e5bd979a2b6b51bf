#include "migrate/import/served_registry.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "migrate/couch/source_url.h"
#include "storage/base/digest.h"
#include "storage/base/import_limits.h"
#include "storage/base/logging.h"
#include "storage/registry/origin_members.h"

namespace tarn::migrate {
namespace {

using registry::JsonMember;
using registry::TarballState;
using registry::VersionRecord;

std::vector<JsonMember> MembersOf(std::string_view raw) {
  auto members = registry::SplitJsonObjectWithRepeats(raw);
  return members.ok() ? std::move(*members) : std::vector<JsonMember>();
}

// The last value of a key; empty when there is none.
std::string_view ValueOf(const std::vector<JsonMember>& members, std::string_view key) {
  std::string_view value;
  for (const JsonMember& member : members) {
    if (member.key == key) value = member.raw_value;
  }
  return value;
}

// The value as it would stand without space, its strings written in one way: what two writers of one document agree in.
std::string Plain(std::string_view raw) {
  std::string plain;
  for (size_t at = 0; at < raw.size();) {
    const char c = raw[at];
    if (c != '"') {
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') plain += c;
      ++at;
      continue;
    }
    size_t end = at + 1;
    while (end < raw.size() && raw[end] != '"') end += raw[end] == '\\' ? 2 : 1;
    const std::string_view text = raw.substr(at, std::min(end, raw.size() - 1) + 1 - at);
    const auto decoded = registry::DecodeJsonString(text);
    plain += decoded.ok() ? JsonString(*decoded) : std::string(text);
    at += text.size();
  }
  return plain;
}

bool IsSame(std::string_view a, std::string_view b) { return a == b || Plain(a) == Plain(b); }

// What is served of a manifest otherwise than it was, by design (docs/import.md).
bool IsOurs(std::string_view key) { return key == "dist" || key == "publishConfig"; }

HttpClient::Options ClientOptions(const ServedRegistry::Options& options) {
  HttpClient::Options client;
  client.user_agent = "tarn-import";
  client.tls.ca_file = options.ca_file;
  return client;
}

class HashingSink final : public HttpBodySink {
 public:
  Status Start(const HttpAnswer&) override { return OkStatus(); }
  Status Piece(std::string_view bytes) override {
    hasher_.Update(bytes);
    return OkStatus();
  }
  Digest sha512() { return hasher_.Finish().sha512; }

 private:
  BlobHasher hasher_;
};

}  // namespace

ServedRegistry::ServedRegistry(Options options, Patience patience)
    : options_(std::move(options)), patience_(std::move(patience)), client_(ClientOptions(options_)) {}

Result<HttpAnswer> ServedRegistry::GetPackument(const registry::PackageName& name) {
  HttpRequest request;
  request.url = WithoutSlash(options_.url) + "/" + PercentEncode(name.full());
  request.headers = {{"Accept", "application/json"}};
  if (!options_.token.empty()) request.headers.push_back({"Authorization", "Bearer " + options_.token});
  request.body_bytes_max = 2 * limits::kImportDocumentBytesMax;  // It has more in it than the document.
  request.accept_gzip = true;
  Result<HttpAnswer> answer = Cancelled("not asked");
  RETURN_IF_ERROR(patience_.Persist(
      [&]() -> Status {
        answer = client_.Send(request);
        return answer.status();
      },
      false));
  return answer;
}

Result<std::vector<std::string>> ServedRegistry::Compare(const registry::LegacyPackage& package) {
  std::vector<std::string> differences;
  ASSIGN_OR_RETURN(const HttpAnswer answer, GetPackument(package.name));
  if (answer.status == 404) return std::vector<std::string>{"is not there"};
  if (answer.status != 200) {
    return Unavailable(WithoutCredentials(options_.url) + " answered " + std::to_string(answer.status) + " for " +
                       package.name.full());
  }
  // Not validated: what was imported may be nested deeper than what may be published. What is no JSON differs.
  const Members served = MembersOf(answer.body);
  ASSIGN_OR_RETURN(const registry::OriginMembers origin, registry::OriginOf(*package.package.imported));
  for (const JsonMember& member : MembersOf(origin.document)) {
    if (!IsSame(ValueOf(served, member.key), member.raw_value))
      differences.push_back("has another " + member.key + " there");
  }
  const std::map<std::string, std::string> wanted_tags(package.package.dist_tags.begin(),
                                                       package.package.dist_tags.end());
  std::map<std::string, std::string> tags;
  for (const JsonMember& tag : MembersOf(ValueOf(served, "dist-tags"))) {
    tags[tag.key] = registry::TextOfJson(tag.raw_value);
  }
  if (tags != wanted_tags) differences.push_back("has other dist-tags there");

  std::set<std::string> expected;
  const Members versions = MembersOf(ValueOf(served, "versions"));
  for (const VersionRecord& version : package.versions) {
    expected.insert(version.version);
    const std::string_view manifest = ValueOf(versions, version.version);
    if (manifest.empty()) {
      differences.push_back("version " + version.version + " is not there");
    } else {
      RETURN_IF_ERROR(CompareVersion(version, manifest, &differences));
    }
  }
  for (const JsonMember& version : versions) {
    if (!expected.contains(version.key)) differences.push_back("version " + version.key + " is there alone");
  }
  return differences;
}

Status ServedRegistry::CompareVersion(const VersionRecord& version, std::string_view served,
                                      std::vector<std::string>* differences) {
  const Members there = MembersOf(served);
  const Members here = MembersOf(version.manifest);
  for (const JsonMember& member : here) {
    if (IsOurs(member.key) || IsSame(ValueOf(there, member.key), ValueOf(here, member.key))) continue;
    differences->push_back("version " + version.version + " has another " + member.key + " there");
  }
  const Members dist = MembersOf(ValueOf(there, "dist"));
  for (const JsonMember& member : MembersOf(ValueOf(here, "dist"))) {
    if (member.key == "tarball" || member.key == "signatures" || IsSame(ValueOf(dist, member.key), member.raw_value))
      continue;
    differences->push_back("version " + version.version + " has another dist." + member.key + " there");
  }
  if (version.tarball.state == TarballState::kMissing) return OkStatus();
  const std::string url = registry::TextOfJson(ValueOf(dist, "tarball"));
  ASSIGN_OR_RETURN(const std::string difference, CompareTarball(version, url));
  if (!difference.empty()) differences->push_back("version " + version.version + ", tarball: " + difference);
  return OkStatus();
}

Result<std::string> ServedRegistry::CompareTarball(const VersionRecord& version, const std::string& url) {
  if (!ParseHttpUrl(url).ok()) return "there is no URL of it (" + url + ")";
  HttpRequest request;
  request.url = url;
  request.body_bytes_max = limits::kImportTarballBytesMax;
  if (!options_.token.empty() && IsSameOrigin(url, options_.url)) {
    request.headers = {{"Authorization", "Bearer " + options_.token}};
  }
  std::string difference;
  RETURN_IF_ERROR(patience_.Persist(
      [&]() -> Status {
        HashingSink sink;
        ASSIGN_OR_RETURN(const HttpAnswer answer, client_.Stream(request, sink));
        difference.clear();
        if (answer.status != 200) {
          difference = "answered with " + std::to_string(answer.status);
        } else if (sink.sha512() != version.tarball.sha512) {
          difference = "has other bytes there";
        }
        return OkStatus();
      },
      false));
  return difference;
}

}  // namespace tarn::migrate
