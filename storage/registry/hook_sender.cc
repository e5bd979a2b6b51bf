#include "storage/registry/hook_sender.h"

#include "storage/base/hook_limits.h"
#include "storage/base/logging.h"
#include "storage/registry/package_state.h"

namespace tarn::registry {
namespace {

HttpClient::Options ClientOptions(const HookSender::Options& options) {
  HttpClient::Options result;
  result.user_agent = "tarn-hooks";
  result.connect_timeout_ms = limits::kHookConnectMs;
  result.public_addresses_only = !options.allow_private_addresses;
  return result;
}

// A receiver's status is its whole answer.
class StatusSink final : public HttpBodySink {
 public:
  Status Start(const HttpAnswer& head) override {
    status = static_cast<uint16_t>(head.status);
    return OkStatus();
  }
  Status Piece(std::string_view) override { return OkStatus(); }
  uint16_t status = 0;
};

HookOutcome NotNow(const Status& why) {
  Log(LogLevel::kWarning, "a hook's event could not be made; will try again", {{"why", why.ToString()}});
  HookOutcome outcome;
  outcome.kind = HookOutcome::Kind::kNotNow;
  return outcome;
}

HookOutcome Of(HookOutcome::Kind kind) {
  HookOutcome outcome;
  outcome.kind = kind;
  return outcome;
}

}  // namespace

HookSender::HookSender(engine::Store* store, Registry* registry, const Options& options, Clock* clock)
    : store_(store), registry_(registry), options_(options), clock_(clock), client_(ClientOptions(options)) {}

Result<Principal> HookSender::OwnerOf(const HookRecord& hook) const {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const Stored<UserRecord> user, ReadUser(*view, hook.user));
  if (!user.record || user.record->is_removed() || user.record->id != hook.user_id) {
    return NotFound("the account is gone");
  }
  Principal principal;
  principal.kind = Principal::Kind::kUser;
  principal.user = hook.user;
  principal.is_admin = user.record->is_admin;
  return principal;
}

Result<std::string> HookSender::Payload(const Principal& principal, const PackageName& name) const {
  ASSIGN_OR_RETURN(const PackumentAnswer gzip, registry_->GetPackument(principal, name, PackumentForm::kFull,
                                                                       PackumentCoding::kGzip, options_.base_url));
  std::string payload;
  if (gzip.body->identity_length > limits::kHookPayloadBytesMax) {
    ASSIGN_OR_RETURN(const DistTags tags, registry_->GetDistTags(principal, name));
    payload = "{\"_id\":" + JsonString(name.full()) + ",\"_rev\":" + JsonString(gzip.body->rev) +
              ",\"name\":" + JsonString(name.full()) + ",\"dist-tags\":{";
    for (size_t i = 0; i < tags.size(); ++i) {
      payload += (i > 0 ? "," : "") + JsonString(tags[i].first) + ":" + JsonString(tags[i].second);
    }
    return payload + "}}";
  }
  ASSIGN_OR_RETURN(
      const PackumentAnswer answer,
      registry_->GetPackument(principal, name, PackumentForm::kFull, PackumentCoding::kIdentity, options_.base_url));
  payload.reserve(answer.body->length);
  for (const SharedBytes& piece : answer.body->buffers) payload += *piece;
  return payload;
}

HookOutcome HookSender::Send(const HookJob& job) {
  const auto owner = OwnerOf(job.hook);
  if (owner.code() == Code::kNotFound) return Of(HookOutcome::Kind::kOwnerGone);
  if (!owner.ok()) return NotNow(owner.status());
  const auto name = PackageName::Parse(job.occasion->package);
  if (!name.ok()) return NotNow(name.status());
  const auto payload = Payload(*owner, *name);
  if (payload.code() == Code::kNotFound) return Of(HookOutcome::Kind::kSkipped);
  if (!payload.ok()) return NotNow(payload.status());

  const std::string id = DeliveryId(job.id, job.occasion->lsn, job.event_index);
  HttpRequest request;
  request.method = "POST";
  request.url = job.hook.endpoint;
  request.body = FormatDelivery(id, job.hook, *job.occasion, job.event_index, *payload);
  request.headers = {{"Content-Type", "application/json"},
                     {"x-npm-signature", SignatureOf(job.hook, request.body)},
                     {"x-tarn-delivery", id}};
  request.total_timeout_ms = limits::kHookDeliveryMs;
  request.body_bytes_max = limits::kHookAnswerBytesMax;
  StatusSink sink;
  const uint64_t began_ms = clock_->MonotonicMs();
  const auto answer = client_.Stream(request, sink);
  HookOutcome outcome;
  outcome.took_ms = clock_->MonotonicMs() - began_ms;
  outcome.response_code = sink.status;
  const bool said_too_much = answer.code() == Code::kTooLarge && sink.status != 0;
  if ((answer.ok() || said_too_much) && sink.status >= 200 && sink.status < 300) {
    outcome.kind = HookOutcome::Kind::kDelivered;
  } else if (answer.code() == Code::kCancelled) {
    outcome.kind = HookOutcome::Kind::kCancelled;
  } else {
    outcome.kind = HookOutcome::Kind::kRefused;
    outcome.error = answer.ok() || said_too_much ? "the receiver answered " + std::to_string(sink.status)
                                                 : std::string(answer.status().message());
    outcome.error.resize(std::min(outcome.error.size(), limits::kHookErrorBytesMax));
  }
  return outcome;
}

}  // namespace tarn::registry
