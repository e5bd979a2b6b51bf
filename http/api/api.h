#pragma once

#include <memory>
#include <string>

#include "http/api/auth_cache.h"
#include "http/api/base_url.h"
#include "http/api/checkpoints.h"
#include "http/api/followers.h"
#include "http/api/hot_cache.h"
#include "http/api/metrics.h"
#include "http/api/routes.h"
#include "http/api/web_sessions.h"
#include "http/net/admission.h"
#include "http/net/executor.h"
#include "http/net/handler.h"
#include "storage/base/random.h"

namespace tarn::http {

class UploadCall;

struct ApiOptions {
  BaseUrls::Options base_urls;
  uint64_t hot_cache_bytes = 128 * limits::kMiB;
  std::string hot_file_folder = {};  // For bodies that are sent often (body_file.h).
  uint64_t upload_bytes_max = 0;     // Of one publish body; 0: from the two below, as the contract's rule 10 says.
  uint64_t tarball_bytes_max = limits::kTarballBytesMax;
  uint64_t metadata_bytes_max = limits::kMetadataBytesMax;
  bool reads_are_private = false;
  bool web_login = true;
  registry::Hooks* hooks = nullptr;  // Both outlive the Api.
  registry::PackageListing* listing = nullptr;
  OperatorJobs* jobs = nullptr;  // Likewise.
  Random* random = &SystemRandom();
  Admission::Options admission;
};

// The registry over HTTP: routes, who is asking, what may wait and what may not. The one Handler of the server.
//
// A GET of something public and hot is answered on the core thread from HotCache. Everything else is run on the executor
// as one plain call, once its body is there and its class has a place; a publish streams, once it is known who publishes.
// Registers itself as the registry's listener, so it must outlive the registry's last commit, and the executor too.
class Api final : public Handler, private Identities {
 public:
  Api(const ApiOptions& options, registry::Registry& registry, NodeState& node, Clock& clock, Executor& executor);
  ~Api() override;

  bool TryHandleFast(const RequestHead& head, const Peer& peer, Response* response) override;
  Task<Response> Handle(Request request) override;
  void MakeErrorResponse(uint16_t http_status, const Status& reason, Response* response) override;
  void AppendLoggableTarget(const RequestHead& head, std::string* out) const override;
  void OnRequestDone(const RequestSummary& summary) override { metrics_.Count(summary); }

  // Whether a request wants to change something, or to see what only the leader knows (logins under way).
  bool WantsLeader(const RequestHead& head, const Peer& peer) const;
  // Whether an answer comes out of the store: not what the process says of itself, nor the operator's commands.
  bool ReadsStore(const RequestHead& head, const Peer& peer) const;
  // Who asks, and the URL it asked: what a node that passes the request on tells the next one.
  std::string ClientAddressOf(const RequestHead& head, const Peer& peer) const;
  std::string BaseUrlOf(const RequestHead& head, const Peer& peer) const;
  Metrics& metrics() { return metrics_; }
  HotCache& hot() { return hot_; }
  const Admission& admission() const { return admission_; }
  const Followers& followers() const { return followers_; }

 private:
  // nullptr: there is none, or it is the operator's.
  const Route* PublicRouteOf(const RequestHead& head, const Peer& peer) const;
  Task<Response> ServePlain(Request request, Call* call);
  Task<Response> ServeUpload(Request request, Call* call);
  Task<Response> ReceiveUpload(BodyReader* body, UploadCall* upload);
  // The body of a kLarge route as it comes, still compressed: what it inflates to is held by no more calls at once than
  // there are threads to answer them. `permit` is the place it takes.
  Task<Status> ReadLargeBody(const Request& request, Admission::Permit* permit, std::string* out);
  Task<Status> ReadBody(BodyReader* body, std::string_view content_encoding, uint64_t bytes_max, std::string* out);
  // What can be said without asking the registry: 401 where a user is needed and nobody is shown. nullopt: go on.
  std::optional<Response> RefuseAnonymous(const Call& call) const;
  // After a handler: what clients that can use a browser are offered beside a refusal.
  Response Completed(const Call& call, Response response) const;
  // On an executor thread. nullopt: go on, call->principal is set.
  std::optional<Response> Authenticate(Call* call);
  Result<registry::Principal> Identify(std::string_view authorization, const registry::PeerAddress& client) override;
  // Who it is, if that is known without asking the registry.
  std::optional<registry::Principal> FindAuthenticated(const RequestHead& head, const Peer& peer);
  // Before the body of an upload. nullopt: go on, call->principal is set.
  Task<std::optional<Response>> AuthenticateAhead(Call* call);

  const ApiOptions options_;
  const uint64_t upload_bytes_max_;
  registry::Registry& registry_;
  NodeState& node_;
  Executor& executor_;
  BaseUrls base_urls_;
  HotCache hot_;
  AuthCache authenticated_;
  WebSessions web_sessions_;
  Metrics metrics_;
  Admission admission_;
  Admission large_bodies_;  // Senders of large bodies compete with each other only.
  Followers followers_;
  ReplicationCheckpoints checkpoints_;
  const FeedServices feed_services_;
  const Services services_;
};

}  // namespace tarn::http
