#include "migrate/import/tarball_server.h"

#include <utility>
#include <vector>

#include "migrate/couch/source_url.h"
#include "storage/base/import_limits.h"

namespace tarn::migrate {
namespace {

constexpr int kRedirectsMax = 5;  // From a registry to where its files lie.

HttpClient::Options ClientOptions(const TarballServer::Options& options) {
  HttpClient::Options client;
  client.user_agent = "tarn-import";
  client.tls.ca_file = options.ca_file;
  return client;
}

// Hands on what comes with 200, and nothing else.
class TarballSink final : public HttpBodySink {
 public:
  explicit TarballSink(const TarballSource::Sink& sink) : sink_(sink) {}
  Status Start(const HttpAnswer& head) override {
    is_wanted_ = head.status == 200;
    return OkStatus();
  }
  Status Piece(std::string_view bytes) override {
    if (!is_wanted_) return OkStatus();
    has_begun = true;
    return sink_(bytes);
  }
  bool has_begun = false;

 private:
  const TarballSource::Sink& sink_;
  bool is_wanted_ = false;
};

// A path of a package or file: its slashes stay.
std::string EncodePath(const std::string& path) {
  std::string encoded;
  for (size_t at = 0; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    encoded += (at == 0 ? "" : "/") + PercentEncode(path.substr(at, slash - at));
    at = slash + 1;
  }
  return encoded;
}

}  // namespace

TarballServer::TarballServer(Options options, Patience patience)
    : options_(std::move(options)), patience_(std::move(patience)), client_(ClientOptions(options_)) {}

Status TarballServer::Read(const std::string& id, const MissingTarball& wanted, const Sink& sink) {
  const std::string base = WithoutSlash(options_.url);
  std::vector<std::string> urls;
  if (options_.asks_dist_url && ParseHttpUrl(wanted.url).ok()) urls.push_back(wanted.url);
  if (!wanted.file.empty()) urls.push_back(base + "/" + EncodePath(id) + "/-/" + EncodePath(wanted.file));
  if (!wanted.attachment.empty()) urls.push_back(base + "/" + PercentEncode(id) + "/" + EncodePath(wanted.attachment));
  for (const std::string& url : urls) {
    const Status got = Get(url, sink);
    if (got.code() != Code::kNotFound) return got;
  }
  return NotFound("no tarball of " + id + " " + wanted.version + " at " + WithoutCredentials(base));
}

Status TarballServer::Get(const std::string& url, const Sink& sink) {
  HttpRequest request;
  request.url = url;
  request.body_bytes_max = limits::kImportTarballBytesMax;
  request.redirects_max = kRedirectsMax;
  if (!options_.token.empty() && IsSameOrigin(url, options_.url)) {
    request.headers = {{"Authorization", "Bearer " + options_.token}};
  }
  const std::string what = WithoutCredentials(url);
  bool is_broken_off = false;
  const Status got = patience_.Persist(
      [&]() -> Status {
        TarballSink tarball(sink);
        const auto answer = client_.Stream(request, tarball);
        is_broken_off = !answer.ok() && tarball.has_begun && Patience::IsTransient(answer.status());
        if (is_broken_off) return OkStatus();  // The caller has half of it: that begins anew.
        RETURN_IF_ERROR(answer.status());
        if (answer->status == 200) return OkStatus();
        const std::string told = what + " answered " + std::to_string(answer->status);
        if (answer->status == 404 || answer->status == 410) return NotFound(told);
        if (answer->status == 429 || answer->status >= 500) return Unavailable(told);
        return PermissionDenied(told);
      },
      false);
  if (is_broken_off) return Unavailable(what + " broke off in the middle");
  return got.code() == Code::kUnavailable ? DeadlineExceeded(std::string(got.message())) : got;
}

}  // namespace tarn::migrate
