#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/api/content_decoder.h"
#include "http/api/routes.h"
#include "storage/base/limits.h"

namespace tarn::http {

// One `PUT /{pkg}`, or `POST` of a version to be staged, on its way into the registry, in turns: Buffer on the core thread, the others on an executor thread,
// never two at once. Nothing is asked of the registry before the first Consume or Finish, so that a small publish costs
// one hop. Memory: what has gathered, at most two pieces of limits::kBodyChunkBytes; a compressed body is inflated in
// small steps.
class UploadCall {
 public:
  // `call` is authenticated. Both outlive this.
  UploadCall(const Services& services, const Call& call, ContentDecoder* decoder)
      : services_(services), call_(call), decoder_(decoder) {}

  // Takes a piece as it was received. False: enough has gathered, call Consume before the next piece.
  bool Buffer(std::string_view piece);
  // Hands what has gathered to the registry. After an error the upload is over.
  Status Consume();
  // After the last piece: the answer.
  Response Finish();
  // Gives up: what was written of the tarball goes, which may take a while.
  void Drop() { upload_.reset(); }
  bool holds_resources() const { return upload_ != nullptr; }

 private:
  Status Begin();

  const Services& services_;
  const Call& call_;
  ContentDecoder* const decoder_;
  std::string gathered_;
  std::unique_ptr<registry::PackageUpload> upload_;
};

}  // namespace tarn::http
