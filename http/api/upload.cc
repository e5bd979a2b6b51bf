#include "http/api/upload.h"

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "storage/registry/attestations.h"
#include "storage/registry/staged_versions.h"

namespace tarn::http {
namespace {
// Less than this waits for more: a typical publish is one hop, a large one is hashed in pieces that fit the cache.
constexpr size_t kGatherBytes = limits::kBodyChunkBytes;
}  // namespace

namespace {

// A bundle that does not fit the tarball has a status of its own (contract 5.3).
Response PublishResponse(const Services& services, const Result<registry::WriteAnswer>& answer) {
  if (answer.code() == Code::kInvalidArgument && answer.status().message().starts_with(registry::kProvenanceRefused)) {
    return ErrorResponse(422, answer.status().message());
  }
  if (answer.ok() && !answer->stage_id.empty()) return StagedResponse(services, *answer);
  return WriteResponse(services, answer);
}

}  // namespace

bool UploadCall::Buffer(std::string_view piece) {
  gathered_.append(piece);
  return gathered_.size() < kGatherBytes;
}

Status UploadCall::Begin() {
  if (upload_ != nullptr) return OkStatus();
  ASSIGN_OR_RETURN(const auto name, registry::PackageName::Parse(call_.package));
  if (call_.route.body == BodyRule::kStage) {
    ASSIGN_OR_RETURN(upload_, services_.registry.staged().BeginStage(call_.principal, name));
    return OkStatus();
  }
  std::optional<std::string> rev;
  if (!call_.parameters.empty()) rev = call_.Parameter("rev");
  ASSIGN_OR_RETURN(upload_, services_.registry.BeginPackageWrite(call_.principal, name, std::move(rev)));
  return OkStatus();
}

Status UploadCall::Consume() {
  RETURN_IF_ERROR(Begin());
  const auto consume = [this](std::string_view decoded) { return upload_->Consume(decoded); };
  const Status consumed = decoder_->Decode(gathered_, consume);
  gathered_.clear();
  if (!consumed.ok()) Drop();
  return consumed;
}

Response UploadCall::Finish() {
  Status consumed = Consume();
  if (consumed.ok()) consumed = decoder_->Finish();
  if (!consumed.ok()) {
    Drop();
    return ErrorResponse(consumed);
  }
  Response response = PublishResponse(services_, upload_->Finish());
  Drop();
  return response;
}

}  // namespace tarn::http
