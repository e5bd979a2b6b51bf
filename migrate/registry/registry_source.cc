#include "migrate/registry/registry_source.h"

#include <utility>

#include "migrate/couch/source_url.h"
#include "migrate/import/document_json.h"
#include "migrate/import/document_revision.h"
#include "migrate/registry/packument_filter.h"
#include "storage/base/import_limits.h"
#include "storage/registry/json_text.h"

namespace tarn::migrate {
namespace {

constexpr int kRedirectsMax = 5;

HttpClient::Options ClientOptions(const RegistrySource::Options& options) {
  HttpClient::Options client;
  client.user_agent = "tarn-import";
  client.tls.ca_file = options.ca_file;
  return client;
}

Status Tell(DocumentVisitor* visitor, const std::string& name, const std::string& what) {
  return visitor->Finding({name, what, SourceFinding::Severity::kError});
}

}  // namespace

RegistrySource::RegistrySource(Options options, Patience patience)
    : options_(std::move(options)), patience_(std::move(patience)), client_(ClientOptions(options_)) {}

Status RegistrySource::ReadAll(const WantedPackages& wanted, DocumentVisitor* visitor) {
  RETURN_IF_ERROR(ParseHttpUrl(options_.url).status());
  for (const std::string& what : wanted.passed_over) {
    RETURN_IF_ERROR(Tell(visitor, "list", what + ": passed over"));
  }
  if (wanted.packages.empty())
    return InvalidArgument("no package is named: give names, or a list or lockfile with --from");
  // Whoever is not there at all is said at once; later it is waited for.
  HttpRequest first;
  first.method = "HEAD";
  first.url = WithoutSlash(options_.url) + "/-/ping";
  RETURN_IF_ERROR(client_.Send(first).status());
  for (const auto& [name, versions] : wanted.packages) {
    if (patience_.IsInterrupted()) return patience_.Interrupted();
    RETURN_IF_ERROR(Take(name, versions, visitor));
  }
  return OkStatus();
}

Result<HttpAnswer> RegistrySource::Get(const std::string& name) {
  HttpRequest request;
  const size_t slash = name.find('/');  // A scope's is escaped, as clients do.
  request.url = WithoutSlash(options_.url) + "/" +
                (slash == std::string::npos
                     ? PercentEncode(name)
                     : "@" + PercentEncode(name.substr(1, slash - 1)) + "%2F" + PercentEncode(name.substr(slash + 1)));
  request.headers = {{"Accept", "application/json"}};
  if (!options_.token.empty()) request.headers.push_back({"Authorization", "Bearer " + options_.token});
  request.body_bytes_max = limits::kImportDocumentBytesMax;
  request.accept_gzip = true;
  request.redirects_max = kRedirectsMax;
  Result<HttpAnswer> answer = Cancelled("not asked");
  const Status asked = patience_.Persist(
      [&]() -> Status {
        answer = client_.Send(request);
        RETURN_IF_ERROR(answer.status());
        if (answer->status != 429 && answer->status < 500) return OkStatus();
        return Unavailable(WithoutCredentials(options_.url) + " answered " + std::to_string(answer->status) + " for " +
                           name);
      },
      false);
  RETURN_IF_ERROR(asked);
  return answer;
}

Status RegistrySource::Take(const std::string& name, std::set<std::string> versions, DocumentVisitor* visitor) {
  auto answer = Get(name);
  if (answer.code() == Code::kTooLarge) return Tell(visitor, name, std::string(answer.status().message()));
  RETURN_IF_ERROR(answer.status());
  const std::string what = WithoutCredentials(options_.url);
  if (answer->status == 401 || answer->status == 403) {
    return Unauthenticated(what + " answered " + std::to_string(answer->status) + " for " + name +
                           ": it wants a token (--token-file or TARN_IMPORT_TOKEN), or another one");
  }
  if (answer->status != 200) {
    return Tell(visitor, name, what + " answered " + std::to_string(answer->status) + ": not imported");
  }
  std::string& body = answer->body;
  body.erase(body.find_last_not_of(" \t\r\n") + 1);
  const auto members = ParseDocument(body);
  if (!members.ok()) {
    return Tell(visitor, name, "what " + what + " answers is no packument: " + std::string(members.status().message()));
  }
  bytes_done_ += body.size();
  visitor->Progress(bytes_done_, std::nullopt);
  if (!versions.empty()) {
    const std::set<std::string> asked = versions;
    ASSIGN_OR_RETURN(const auto here, options_.versions_here(name));
    versions.insert(here.begin(), here.end());
    ASSIGN_OR_RETURN(FilteredPackument filtered, FilterPackument(body, versions));
    for (const std::string& absent : filtered.absent) {
      if (asked.contains(absent)) RETURN_IF_ERROR(Tell(visitor, name, "the registry has no version " + absent));
    }
    body = std::move(filtered.text);
  }
  DocumentEnd document;
  document.id = name;
  document.rev = RevisionOfText(body);
  if (!visitor->WantsDocument(name, document.rev)) return OkStatus();
  document.body = std::move(body);
  RETURN_IF_ERROR(visitor->BeginDocument(name));
  return visitor->EndDocument(std::move(document));
}

}  // namespace tarn::migrate
