#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/limits.h"
#include "storage/base/result.h"

namespace tarn::registry {

// Where the bytes of a tarball go while the publish body is still arriving. Calls come in the order
// Begin, Append…, End, at most once per document; after an error no further call is made.
class AttachmentSink {
 public:
  virtual ~AttachmentSink() = default;
  // `content_type` is empty when the client writes it after the data.
  [[nodiscard]] virtual Status Begin(std::string_view name, std::string_view content_type) = 0;
  [[nodiscard]] virtual Status Append(std::string_view bytes) = 0;
  [[nodiscard]] virtual Status End() = 0;
};

struct PublishAttachment {
  enum class Kind : uint8_t {
    kStub,     // No data: the attachment of a document that was read and sent back.
    kTarball,  // Its bytes went to the sink.
    kBundle,   // A sigstore bundle; JSON text, not base64.
  };
  Kind kind = Kind::kStub;
  std::string name;
  std::string content_type;                 // Empty when not sent.
  std::optional<uint64_t> declared_length;  // Equal to data_bytes for a tarball that has it.
  uint64_t data_bytes = 0;                  // Decoded.
  std::string bundle_text;                  // kBundle only, exactly as sent.
};

// The body of a write to a package, taken apart.
struct PublishDocument {
  std::string skeleton;  // The JSON text, byte for byte, but with "" for each attachment's data.
  std::vector<PublishAttachment> attachments;
};

// Takes the body of `PUT /{pkg}` apart while it arrives, in pieces of any size: base64 is decoded
// to the sink as it comes, everything else is collected. Memory: the skeleton (at most
// metadata_bytes_max), one bundle, and a fixed buffer; it does not grow with the tarball. The order
// of fields does not matter.
//
// An attachment is a bundle when its content type begins with
// "application/vnd.dev.sigstore.bundle", or, when the type has not come before the data, when its
// name ends in ".sigstore"; a type that comes later must agree.
//
// Refused with kInvalidArgument and the byte offset: JSON errors, a document that is no object,
// attachments that are no objects, keys that occur twice at the top, within `_attachments` or
// within an attachment, data that is not base64, a second tarball or bundle, a tarball whose
// `length` is not its size. kTooLarge: over a limit. Whatever the sink returns comes back as it is.
//
//   Append  bytes in order. The first error is final and is returned from then on.
//   Finish  once, after the last byte.
// Threads: one at a time.
class PublishDocumentParser {
 public:
  struct Limits {
    uint64_t metadata_bytes_max = limits::kMetadataBytesMax;
    uint64_t tarball_bytes_max = limits::kTarballBytesMax;
    uint64_t bundle_bytes_max = limits::kBundleBytesMax;
    size_t attachments_max = limits::kAttachmentsPerPublishMax;
    size_t depth_max = limits::kJsonDepthMax;
  };

  // `sink` outlives the parser.
  explicit PublishDocumentParser(AttachmentSink* sink);
  PublishDocumentParser(AttachmentSink* sink, const Limits& limits);
  ~PublishDocumentParser();

  [[nodiscard]] Status Append(std::string_view bytes);
  [[nodiscard]] Result<PublishDocument> Finish();

 private:
  class Visitor;

  std::unique_ptr<Visitor> visitor_;
};

}  // namespace tarn::registry
