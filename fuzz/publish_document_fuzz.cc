#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/check.h"
#include "storage/registry/json_text.h"
#include "storage/registry/manifest.h"
#include "storage/registry/publish_document.h"

namespace tarn::registry {
namespace {

// Keeps the decoded bytes, and holds the parser to the order of calls.
class MemorySink final : public AttachmentSink {
 public:
  Status Begin(std::string_view name, std::string_view) override {
    CHECK(calls == 0);
    ++calls;
    text = name;
    text += '\0';
    return OkStatus();
  }
  Status Append(std::string_view bytes) override {
    CHECK(calls == 1);
    text += bytes;
    return OkStatus();
  }
  Status End() override {
    CHECK(calls == 1);
    ++calls;
    return OkStatus();
  }

  int calls = 0;
  std::string text;
};

struct Outcome {
  Result<PublishDocument> document;
  MemorySink sink;
};

Outcome Feed(std::string_view body, size_t piece_bytes) {
  // Small, so that every limit is met.
  PublishDocumentParser::Limits limits;
  limits.metadata_bytes_max = 2048;
  limits.tarball_bytes_max = 256;
  limits.bundle_bytes_max = 128;
  limits.attachments_max = 3;
  limits.depth_max = 12;
  Outcome outcome{InvalidArgument("not parsed"), {}};
  PublishDocumentParser parser(&outcome.sink, limits);
  Status status;
  for (size_t i = 0; i < body.size() && status.ok(); i += piece_bytes) {
    status = parser.Append(body.substr(i, piece_bytes));
  }
  outcome.document = status.ok() ? parser.Finish() : Result<PublishDocument>(status);
  return outcome;
}

void CheckSame(const Outcome& a, const Outcome& b) {
  CHECK(a.document.ok() == b.document.ok());
  if (!a.document.ok()) {
    // The size of the skeleton is looked at after each piece: another error may come first.
    const bool is_too_large = a.document.code() == Code::kTooLarge || b.document.code() == Code::kTooLarge;
    CHECK(is_too_large || a.document.status().ToString() == b.document.status().ToString());
    return;
  }
  CHECK(a.document->skeleton == b.document->skeleton);
  CHECK(a.sink.text == b.sink.text && a.sink.calls == b.sink.calls);
  CHECK(a.document->attachments.size() == b.document->attachments.size());
  for (size_t i = 0; i < a.document->attachments.size(); ++i) {
    const PublishAttachment& left = a.document->attachments[i];
    const PublishAttachment& right = b.document->attachments[i];
    CHECK(left.name == right.name && left.kind == right.kind);
    CHECK(left.data_bytes == right.data_bytes && left.bundle_text == right.bundle_text);
  }
}

void CheckFragment(const Result<ManifestFragment>& fragment) {
  CHECK(fragment.ok());
  CHECK(fragment->base_offset > 0 && fragment->base_offset < fragment->json.size());
  CHECK(fragment->json[fragment->base_offset] == '/');
  std::string json;
  AppendWithBaseUrl(&json, *fragment, "https://registry.example");
  CHECK(ParseJsonObject(json).ok());
}

// Whatever a manifest holds, what is made of it is JSON, with no key twice.
void CheckManifests(const PublishRequest& request) {
  if (!request.versions.has_value()) return;
  ManifestOverlay overlay;
  overlay.name = request.name;
  overlay.version = "1.0.0";
  overlay.tarball_file = request.rev;
  overlay.deprecated = request.description;
  for (const PublishedManifest& manifest : *request.versions) {
    CHECK(ValidateJson(manifest.raw).ok());
    const Status rules = ValidateManifest(manifest);
    CHECK(rules.ok() || !rules.message().empty());
    for (const auto evidence : {ManifestOverlay::Evidence::kDrop, ManifestOverlay::Evidence::kKeep}) {
      overlay.evidence = evidence;
      CheckFragment(BuildFullManifest(manifest.raw, overlay));
      CheckFragment(BuildAbbreviatedManifest(manifest.raw, overlay));
    }
    const Result<std::string> hoisted = BuildHoistedMembers(manifest.raw);
    CHECK(hoisted.ok() && ValidateJson("{" + *hoisted + "}").ok());
  }
}

}  // namespace
}  // namespace tarn::registry

// The body of a publish. The first byte of the input is the size of the pieces in which the rest
// arrives; the outcome must be the same as when it arrives whole.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::registry;
  constexpr size_t kInputBytesMax = 4096;
  if (size < 2 || size > kInputBytesMax) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = Feed(body, body.size());
  CheckSame(whole, Feed(body, std::max<size_t>(1, data[0])));
  if (!whole.document.ok()) return 0;
  CHECK(whole.document->skeleton.size() <= body.size());
  CHECK(ValidateJson(whole.document->skeleton).ok());
  const auto request = ParsePublishRequest(whole.document->skeleton);
  if (request.ok()) CheckManifests(*request);
  return 0;
}
