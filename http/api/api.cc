#include "http/api/api.h"

#include "http/api/conditional.h"
#include "http/api/content_decoder.h"
#include "http/api/credentials.h"
#include "http/api/error_response.h"
#include "http/api/old_paths.h"
#include "http/api/trusted_gate.h"
#include "http/api/upload.h"
#include "http/api/web_login.h"
#include "storage/base/logging.h"
#include "storage/base/trust_limits.h"

namespace tarn::http {
namespace {

// Rule 10 of the contract: base64 makes a tarball 1.33 times as large; the rest is its JSON.
uint64_t UploadBytesMax(const ApiOptions& options) {
  if (options.upload_bytes_max != 0) return options.upload_bytes_max;
  return options.tarball_bytes_max + options.tarball_bytes_max / 100 * 37 + options.metadata_bytes_max;
}

Admission::Options LargeBodyOptions() {
  Admission::Options options;
  options.metadata = {limits::kAuditConcurrentMax, limits::kAuditBudgetBytes, limits::kAdmissionWaitingMax,
                      limits::kAdmissionWaitMs};
  return options;
}

// A compressed body is small: JSON shrinks to a fifth and less.
uint64_t LargeBodyBytesMax(std::string_view content_encoding) {
  return content_encoding.empty() ? limits::kAuditBodyBytesMax : limits::kAuditBodyBytesMax / 4;
}

// On an executor thread.
Status Inflate(std::string_view content_encoding, std::string* body) {
  if (content_encoding.empty()) return OkStatus();
  ASSIGN_OR_RETURN(auto decoder, ContentDecoder::Create(content_encoding, limits::kAuditBodyBytesMax));
  std::string inflated;
  RETURN_IF_ERROR(decoder.Decode(*body, &inflated));
  RETURN_IF_ERROR(decoder.Finish());
  *body = std::move(inflated);
  return OkStatus();
}

Response NoSuchPath() { return ErrorResponse(404, "Not found"); }

// 204 to OPTIONS, 405 to a method that the path does not have.
Response AllowedMethods(const std::vector<Method>& methods, Method asked) {
  Response response;
  if (asked == Method::kOptions) {
    response.set_status(204);
  } else {
    response = ErrorResponse(405, "This path does not have that method.");
  }
  std::string allow = "OPTIONS";
  for (const Method method : methods) {
    allow += ", " + std::string(MethodName(method));
    if (method == Method::kGet) allow += ", HEAD";
  }
  response.AddHeader("allow", allow);
  return response;
}

// "OPTIONS *" asks about the server as a whole (RFC 9110, section 9.3.7).
Response AllowedAnywhere() {
  using enum Method;
  return AllowedMethods({kGet, kPut, kPost, kDelete}, kOptions);
}

}  // namespace

Api::Api(const ApiOptions& options, registry::Registry& registry, NodeState& node, Clock& clock, Executor& executor)
    : options_(options),
      upload_bytes_max_(UploadBytesMax(options)),
      registry_(registry),
      node_(node),
      executor_(executor),
      base_urls_(options.base_urls),
      hot_(options.hot_cache_bytes, options.hot_file_folder),
      authenticated_(clock),
      web_sessions_(clock, *options.random),
      admission_(options.admission),
      large_bodies_(LargeBodyOptions()),
      feed_services_{executor, *this, followers_, checkpoints_},
      services_{registry,
                node,
                clock,
                hot_,
                metrics_,
                &feed_services_,
                options.web_login ? &web_sessions_ : nullptr,
                options.reads_are_private,
                options.hooks,
                options.listing,
                options.jobs} {
  registry_.SetPackageListener([this](const std::string& package) {
    hot_.Invalidate(package);
    followers_.Notify();
  });
  registry_.SetAccessListener([this] { authenticated_.Clear(); });
}

Api::~Api() {
  registry_.SetPackageListener(nullptr);
  registry_.SetAccessListener(nullptr);
}

std::optional<registry::Principal> Api::FindAuthenticated(const RequestHead& head, const Peer& peer) {
  const std::string_view header = head.Get(KnownHeader::kAuthorization);
  if (header.empty()) return registry::Principal::Anonymous();
  return authenticated_.Find(header, base_urls_.ClientAddress(head, peer));
}

bool Api::TryHandleFast(const RequestHead& head, const Peer& peer, Response* response) {
  if (head.method != Method::kGet && head.method != Method::kHead) return false;
  if (head.target.size() > kHotTargetBytesMax) return false;
  const auto principal = FindAuthenticated(head, peer);
  if (!principal || (options_.reads_are_private && !principal->is_authenticated())) return false;
  // One buffer per core thread: this runs for every request.
  thread_local std::string key;
  thread_local std::string scratch;
  key.clear();
  AppendHotKey(LikelyHotKind(head.target), head, base_urls_.Resolve(head, peer, &scratch), &key);
  const auto answer = hot_.Find(key);
  if (answer == nullptr) return false;
  Send(answer, head, response);
  response->set_metrics_class(
      static_cast<uint8_t>(answer->is_tarball ? AdmissionClass::kTarball : AdmissionClass::kMetadata));
  return true;
}

Task<Response> Api::Handle(Request request) {
  if (request.head.target == "*") co_return AllowedAnywhere();
  std::string scratch;
  const std::string_view base_url = base_urls_.Resolve(request.head, request.peer, &scratch);
  auto path = RequestPath::Parse(request.head.target, BaseUrls::PathOf(base_url));
  if (!path.ok()) co_return ErrorResponse(path.status());
  ModernizePath(request.head.method, request.head.Get(KnownHeader::kUserAgent), &*path);
  auto match = MatchRoute(request.head.method, *path);
  if (!match.ok()) co_return ErrorResponse(match.status());
  const bool is_hidden = match->is_operator && !request.peer.is_unix_socket;
  if (match->allowed.empty() || is_hidden) co_return NoSuchPath();
  if (match->route == nullptr) co_return AllowedMethods(match->allowed, request.head.method);
  const Route& route = *match->route;

  Call call{route,
            request.head,
            request.peer,
            base_urls_.ClientAddress(request.head, request.peer),
            registry::Principal::Anonymous(),
            base_url,
            path->query,
            std::move(match->package),
            std::move(match->parameters),
            {}};
  Response response;
  if (!route.runs_on) {
    response = route.handler(services_, call);
  } else if (route.body == BodyRule::kUpload || route.body == BodyRule::kStage) {
    response = co_await ServeUpload(request, &call);
  } else {
    response = co_await ServePlain(request, &call);
  }
  response.set_metrics_class(static_cast<uint8_t>(route.admission));
  co_return response;
}

Task<Status> Api::ReadBody(BodyReader* body, std::string_view content_encoding, uint64_t bytes_max, std::string* out) {
  auto decoder = ContentDecoder::Create(content_encoding, bytes_max);
  if (!decoder.ok()) co_return decoder.status();
  body->set_limit(bytes_max);
  while (true) {
    const auto piece = co_await body->Read();
    if (!piece.ok()) co_return piece.status();
    if (piece->empty()) co_return decoder->Finish();
    Status decoded = decoder->Decode(*piece, out);
    if (!decoded.ok()) co_return decoded;
  }
}

Task<Status> Api::ReadLargeBody(const Request& request, Admission::Permit* permit, std::string* out) {
  const uint64_t bytes_max = LargeBodyBytesMax(request.head.Get(KnownHeader::kContentEncoding));
  const uint64_t length = request.head.content_length;
  if (length > bytes_max) {
    co_return TooLarge("the body of " + std::to_string(length) + " bytes is larger than the limit of " +
                       std::to_string(bytes_max));
  }
  auto entered = co_await large_bodies_.Enter(AdmissionClass::kMetadata, length == 0 ? bytes_max : length);
  if (!entered.ok()) co_return entered.status();
  *permit = std::move(*entered);
  co_return co_await ReadBody(&request.body, "", bytes_max, out);
}

Task<Response> Api::ServePlain(Request request, Call* call) {
  if (auto refused = RefuseAnonymous(*call)) co_return std::move(*refused);
  Admission::Permit large_body;
  if (call->route.body == BodyRule::kLarge) {
    Status read = co_await ReadLargeBody(request, &large_body, &call->body);
    if (!read.ok()) co_return ErrorResponse(read);
  }
  if (call->route.body == BodyRule::kSmall) {
    Status read = co_await ReadBody(&request.body, request.head.Get(KnownHeader::kContentEncoding), kSmallBodyBytesMax,
                                    &call->body);
    if (!read.ok()) co_return ErrorResponse(read);
  }
  const auto permit = co_await admission_.Enter(call->route.admission, call->body.size());
  if (!permit.ok()) co_return ErrorResponse(permit.status());
  auto work = [this, call] {
    if (auto refused = Authenticate(call)) return std::move(*refused);
    if (call->route.body == BodyRule::kLarge) {
      const Status inflated = Inflate(call->head.Get(KnownHeader::kContentEncoding), &call->body);
      if (!inflated.ok()) return ErrorResponse(inflated);
    }
    return call->route.handler(services_, *call);
  };
  auto response = co_await executor_.Run(*call->route.runs_on, std::move(work));
  if (!response.ok()) co_return ErrorResponse(response.status());
  co_return Completed(*call, std::move(*response));
}

Response Api::Completed(const Call& call, Response response) const {
  OfferWebConfirmation(services_, call, &response);
  return response;
}

Task<Response> Api::ServeUpload(Request request, Call* call) {
  // Whoever may not publish, or cannot now, is told before the body is asked for.
  const Status writable = node_.CanWrite();
  if (!writable.ok()) co_return ErrorResponse(writable);
  const uint64_t length = request.head.content_length;
  if (length > upload_bytes_max_) {
    co_return ErrorResponse(413, "the body of " + std::to_string(length) + " bytes is larger than the limit of " +
                                     std::to_string(upload_bytes_max_));
  }
  auto decoder = ContentDecoder::Create(request.head.Get(KnownHeader::kContentEncoding), upload_bytes_max_);
  if (!decoder.ok()) co_return ErrorResponse(decoder.status());
  if (auto refused = co_await AuthenticateAhead(call)) co_return std::move(*refused);
  const auto permit =
      co_await admission_.Enter(call->route.admission, std::min<uint64_t>(length, limits::kSharedBlobBytesMax));
  if (!permit.ok()) co_return ErrorResponse(permit.status());

  request.body.set_limit(upload_bytes_max_);
  UploadCall upload(services_, *call, &*decoder);
  Response response = co_await ReceiveUpload(&request.body, &upload);
  if (upload.holds_resources()) {
    // The client left in the middle. Removing a large file is no work for this thread, unless the other ones are gone.
    auto drop = [&upload] { upload.Drop(); };
    const Status dropped = co_await executor_.Run(WorkClass::kWrite, std::move(drop));
    if (!dropped.ok()) upload.Drop();
  }
  co_return Completed(*call, std::move(response));
}

Task<Response> Api::ReceiveUpload(BodyReader* body, UploadCall* upload) {
  while (true) {
    const auto piece = co_await body->Read();
    if (!piece.ok()) co_return ErrorResponse(piece.status());
    if (piece->empty()) break;
    if (upload->Buffer(*piece)) continue;
    auto consume = [upload] { return upload->Consume(); };
    const Status consumed = co_await executor_.Run(WorkClass::kWrite, std::move(consume));
    if (!consumed.ok()) co_return ErrorResponse(consumed);
  }
  auto finish = [upload] { return upload->Finish(); };
  auto response = co_await executor_.Run(WorkClass::kWrite, std::move(finish));
  if (!response.ok()) co_return ErrorResponse(response.status());
  co_return std::move(*response);
}

std::optional<Response> Api::RefuseAnonymous(const Call& call) const {
  const AuthRule auth = call.route.auth;
  const bool needs_user = auth == AuthRule::kRequired || (auth == AuthRule::kOptional && options_.reads_are_private);
  if (!needs_user || !call.head.Get(KnownHeader::kAuthorization).empty()) return std::nullopt;
  return ErrorResponse(401, "You must be logged in to do this (npm login).");
}

Task<std::optional<Response>> Api::AuthenticateAhead(Call* call) {
  if (auto refused = RefuseAnonymous(*call)) co_return std::move(refused);
  const auto known = FindAuthenticated(call->head, call->peer);
  if (known) {
    call->principal = *known;
    call->principal.one_time_password = call->head.Get(KnownHeader::kNpmOtp);
    co_return std::nullopt;
  }
  auto work = [this, call] { return Authenticate(call); };
  auto refused = co_await executor_.Run(WorkClass::kWrite, std::move(work));
  if (!refused.ok()) co_return ErrorResponse(refused.status());
  co_return std::move(*refused);
}

std::optional<Response> Api::Authenticate(Call* call) {
  if (call->route.auth == AuthRule::kIgnored) return std::nullopt;
  if (call->route.auth == AuthRule::kOperator) {
    call->principal = registry::Principal::System();
    return std::nullopt;
  }
  const std::string_view header = call->head.Get(KnownHeader::kAuthorization);
  if (header.empty()) return std::nullopt;  // RefuseAnonymous has let them pass.
  auto credentials = ParseAuthorization(header);
  if (!credentials.ok()) return ErrorResponse(401, credentials.status().message());
  credentials->one_time_password = call->head.Get(KnownHeader::kNpmOtp);
  const uint64_t ticket = authenticated_.TakeTicket();
  const auto authentication = registry_.Authenticate(*credentials, call->client);
  if (auto refused = RefusalOf(authentication)) return refused;
  call->principal = authentication->principal;
  if (authentication->may_be_remembered) authenticated_.Insert(ticket, header, call->client, call->principal);
  call->principal.one_time_password = credentials->one_time_password;
  if (call->principal.trusted) return AdmitTrustedPublisher(options_.reads_are_private, call);
  return std::nullopt;
}

Result<registry::Principal> Api::Identify(std::string_view authorization, const registry::PeerAddress& client) {
  if (authorization.empty()) return registry::Principal::Anonymous();
  if (auto known = authenticated_.Find(authorization, client)) return std::move(*known);
  ASSIGN_OR_RETURN(const registry::Credentials credentials, ParseAuthorization(authorization));
  const uint64_t ticket = authenticated_.TakeTicket();
  ASSIGN_OR_RETURN(const registry::Authentication authentication, registry_.Authenticate(credentials, client));
  if (authentication.outcome != registry::Authentication::Outcome::kOk) {
    return Unauthenticated("The credentials are no longer good.");
  }
  if (authentication.principal.trusted) return Unauthenticated("This token is good for publishing alone.");
  if (authentication.may_be_remembered) {
    authenticated_.Insert(ticket, authorization, client, authentication.principal);
  }
  return authentication.principal;
}

const Route* Api::PublicRouteOf(const RequestHead& head, const Peer& peer) const {
  std::string scratch;
  auto path = RequestPath::Parse(head.target, BaseUrls::PathOf(base_urls_.Resolve(head, peer, &scratch)));
  if (!path.ok()) return nullptr;
  ModernizePath(head.method, head.Get(KnownHeader::kUserAgent), &*path);
  const auto match = MatchRoute(head.method, *path);
  return match.ok() && !match->is_operator ? match->route : nullptr;
}

bool Api::WantsLeader(const RequestHead& head, const Peer& peer) const {
  if (peer.is_unix_socket) return false;
  if (head.target.find("write=true") != std::string_view::npos) return true;
  const Route* const route = PublicRouteOf(head, peer);
  if (route == nullptr) return false;
  // A browser's login is kept in the memory of one process.
  const bool is_web_login = route->pattern.find("/-/v1/login") == 0 || route->pattern.find("/-/v1/done") == 0;
  return is_web_login || route->admission == AdmissionClass::kWrite;
}

bool Api::ReadsStore(const RequestHead& head, const Peer& peer) const {
  const Route* const route = PublicRouteOf(head, peer);
  return route != nullptr && route->runs_on.has_value();
}

std::string Api::ClientAddressOf(const RequestHead& head, const Peer& peer) const {
  return base_urls_.ClientAddress(head, peer).ToString();
}

std::string Api::BaseUrlOf(const RequestHead& head, const Peer& peer) const {
  std::string scratch;
  return std::string(base_urls_.Resolve(head, peer, &scratch));
}

void Api::MakeErrorResponse(uint16_t http_status, const Status& reason, Response* response) {
  FillErrorResponse(http_status, reason.message(), response);
}

void Api::AppendLoggableTarget(const RequestHead& head, std::string* out) const {
  // Tokens stand in the path of logout and revoke; whoever knows the address of a web login may finish or collect it.
  for (const std::string_view marker :
       {"/-/user/token/", "/-/npm/v1/tokens/token/", "/-/operator/tokens/", "/-/v1/login/", "/-/v1/done/"}) {
    const size_t at = head.target.find(marker);
    if (at == std::string_view::npos) continue;
    out->append(head.target.substr(0, at + marker.size())).append("***");
    return;
  }
  out->append(head.target);
}

}  // namespace tarn::http
