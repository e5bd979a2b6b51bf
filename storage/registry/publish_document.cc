#include "storage/registry/publish_document.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/logging.h"
#include "storage/registry/json_scanner.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kBundleTypePrefix = "application/vnd.dev.sigstore.bundle";
constexpr std::string_view kBundleNameSuffix = ".sigstore";
// Base64 characters decoded at a time: bounds the buffer when a caller appends a large piece.
constexpr size_t kDecodeStepBytes = 64 * limits::kKiB;

bool IsBundleType(std::string_view content_type) { return content_type.starts_with(kBundleTypePrefix); }

std::string Quoted(std::string_view name) {
  constexpr size_t kQuotedBytesMax = 100;
  return JsonString(name.substr(0, kQuotedBytesMax));
}

}  // namespace

// Follows the scanner through the document and knows at every token where it is.
class PublishDocumentParser::Visitor final : public JsonVisitor {
 public:
  Visitor(AttachmentSink* sink, const Limits& limits)
      : sink_(sink),
        limits_(limits),
        scanner_(this, {.depth_max = limits.depth_max,
                        .key_bytes_max = limits::kJsonKeyBytesMax,
                        .number_bytes_max = limits::kJsonNumberBytesMax}) {}

  Status Append(std::string_view bytes) {
    RETURN_IF_ERROR(error_);
    piece_ = bytes;
    piece_offset_ = scanner_.offset();
    error_ = scanner_.Append(bytes);
    if (error_.ok() && !is_omitting_) error_ = CopyUpTo(piece_offset_ + bytes.size());
    return error_;
  }

  Result<PublishDocument> Finish() {
    RETURN_IF_ERROR(error_);
    RETURN_IF_ERROR(scanner_.Finish());
    return std::move(document_);
  }

  Status OnBeginObject(uint64_t offset) override {
    switch (Here()) {
      case Place::kDocument: break;
      case Place::kAttachmentsValue: is_in_attachments_ = true; break;
      case Place::kAttachmentValue: member_keys_.clear(); break;
      default: RETURN_IF_ERROR(CheckPlain(offset));
    }
    ++depth_;
    return OkStatus();
  }

  Status OnEndObject(uint64_t offset) override {
    --depth_;
    if (!is_in_attachments_) return OkStatus();
    if (depth_ == kAttachmentsDepth) return EndAttachment(offset);
    if (depth_ == kTopDepth) is_in_attachments_ = false;
    return OkStatus();
  }

  Status OnBeginArray(uint64_t offset) override {
    RETURN_IF_ERROR(CheckPlain(offset));
    ++depth_;
    return OkStatus();
  }

  Status OnEndArray(uint64_t) override {
    --depth_;
    return OkStatus();
  }

  Status OnKey(std::string_view key, uint64_t offset) override {
    if (depth_ == kTopDepth) {
      next_is_attachments_ = key == "_attachments";
      return NoteKey(&top_keys_, key, limits::kPackumentMembersMax, offset);
    }
    if (!is_in_attachments_) return OkStatus();
    if (depth_ == kAttachmentsDepth) {
      RETURN_IF_ERROR(NoteKey(&attachment_names_, key, limits_.attachments_max, offset));
      document_.attachments.emplace_back().name = key;
      return OkStatus();
    }
    if (depth_ != kAttachmentDepth) return OkStatus();
    member_ = key == "data"           ? Member::kData
              : key == "content_type" ? Member::kContentType
              : key == "length"       ? Member::kLength
                                      : Member::kOther;
    return NoteKey(&member_keys_, key, limits::kAttachmentMembersMax, offset);
  }

  Status OnStringBegin(uint64_t offset) override {
    if (Here() != Place::kMemberValue || member_ == Member::kOther) return CheckPlain(offset);
    if (member_ == Member::kData) return BeginData(offset);
    if (member_ == Member::kLength) return Bad("length is not a number", offset);
    text_ = Text::kContentType;
    return OkStatus();
  }

  Status OnStringPiece(std::string_view piece) override {
    switch (text_) {
      case Text::kElsewhere: return OkStatus();
      case Text::kContentType: return AppendContentType(piece);
      case Text::kTarball: return AppendTarball(piece);
      case Text::kBundle: return AppendBundle(piece);
    }
    return OkStatus();
  }

  Status OnStringEnd(uint64_t offset) override {
    const Text ended = std::exchange(text_, Text::kElsewhere);
    if (ended == Text::kContentType) return CheckLateContentType(offset);
    if (ended == Text::kElsewhere) return OkStatus();
    is_omitting_ = false;
    copied_to_ = offset;
    if (ended != Text::kTarball) return OkStatus();
    RETURN_IF_ERROR(base64_.Finish().WithContext(AttachmentContext()));
    return sink_->End();
  }

  Status OnNumber(std::string_view text, uint64_t offset) override {
    if (Here() != Place::kMemberValue || member_ != Member::kLength) return CheckPlain(offset);
    uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Bad("length is not a count of bytes", offset);
    }
    if (length > limits_.tarball_bytes_max) return TarballTooLarge();
    Current().declared_length = length;
    return OkStatus();
  }

  Status OnLiteral(std::string_view text, uint64_t offset) override {
    if (Here() == Place::kAttachmentsValue && text == "null") return OkStatus();
    return CheckPlain(offset);
  }

 private:
  // Containers open at the respective place.
  static constexpr size_t kTopDepth = 1;
  static constexpr size_t kAttachmentsDepth = 2;
  static constexpr size_t kAttachmentDepth = 3;

  // What the value that begins now is.
  enum class Place : uint8_t {
    kDocument,
    kAttachmentsValue,  // Of "_attachments".
    kAttachmentValue,   // One attachment.
    kMemberValue,       // A member of an attachment.
    kElsewhere,
  };
  enum class Member : uint8_t { kOther, kData, kContentType, kLength };
  // Where the text of the current string goes.
  enum class Text : uint8_t { kElsewhere, kContentType, kTarball, kBundle };

  Place Here() const {
    if (depth_ == 0) return Place::kDocument;
    if (depth_ == kTopDepth) {
      return next_is_attachments_ ? Place::kAttachmentsValue : Place::kElsewhere;
    }
    if (!is_in_attachments_) return Place::kElsewhere;
    if (depth_ == kAttachmentsDepth) return Place::kAttachmentValue;
    return depth_ == kAttachmentDepth ? Place::kMemberValue : Place::kElsewhere;
  }

  // OK where a value of any type may stand.
  Status CheckPlain(uint64_t offset) const {
    switch (Here()) {
      case Place::kDocument: return Bad("the document is not an object", offset);
      case Place::kAttachmentsValue: return Bad("_attachments is not an object", offset);
      case Place::kAttachmentValue: return Bad("an attachment is not an object", offset);
      case Place::kMemberValue:
        if (member_ == Member::kOther) return OkStatus();
        return Bad("an attachment's data, content_type or length is of the wrong type", offset);
      case Place::kElsewhere: return OkStatus();
    }
    return OkStatus();
  }

  static Status Bad(std::string_view what, uint64_t offset) {
    return InvalidArgument("publish document: " + std::string(what) + ", at offset " + std::to_string(offset));
  }

  static Status NoteKey(std::unordered_set<std::string>* keys, std::string_view key, size_t max, uint64_t offset) {
    if (!keys->emplace(key).second) return Bad("the key " + Quoted(key) + " occurs twice", offset);
    if (keys->size() <= max) return OkStatus();
    return TooLarge("publish document: more than " + std::to_string(max) + " keys in one object, at offset " +
                    std::to_string(offset));
  }

  PublishAttachment& Current() { return document_.attachments.back(); }

  std::string AttachmentContext() { return "attachment " + Quoted(Current().name); }

  Status TarballTooLarge() {
    return TooLarge(AttachmentContext() + " is larger than " + std::to_string(limits_.tarball_bytes_max) + " bytes");
  }

  // Collects the raw bytes from where collecting stopped up to `offset`, all within piece_.
  Status CopyUpTo(uint64_t offset) {
    const uint64_t size = offset - copied_to_;
    if (size > limits_.metadata_bytes_max - document_.skeleton.size()) {
      return TooLarge("the document without its tarball is larger than " + std::to_string(limits_.metadata_bytes_max) +
                      " bytes");
    }
    document_.skeleton.append(piece_.substr(copied_to_ - piece_offset_, size));
    copied_to_ = offset;
    return OkStatus();
  }

  Status BeginData(uint64_t offset) {
    PublishAttachment& attachment = Current();
    const bool is_bundle = attachment.content_type.empty() ? attachment.name.ends_with(kBundleNameSuffix)
                                                           : IsBundleType(attachment.content_type);
    bool& seen = is_bundle ? has_bundle_ : has_tarball_;
    if (seen) return Bad(is_bundle ? "a second bundle" : "a second tarball", offset);
    seen = true;
    RETURN_IF_ERROR(CopyUpTo(offset + 1));
    is_omitting_ = true;
    attachment.kind = is_bundle ? PublishAttachment::Kind::kBundle : PublishAttachment::Kind::kTarball;
    text_ = is_bundle ? Text::kBundle : Text::kTarball;
    return is_bundle ? OkStatus() : sink_->Begin(attachment.name, attachment.content_type);
  }

  Status AppendTarball(std::string_view piece) {
    for (; !piece.empty(); piece.remove_prefix(std::min(piece.size(), kDecodeStepBytes))) {
      decoded_.clear();
      RETURN_IF_ERROR(base64_.Decode(piece.substr(0, kDecodeStepBytes), &decoded_).WithContext(AttachmentContext()));
      Current().data_bytes += decoded_.size();
      if (Current().data_bytes > limits_.tarball_bytes_max) return TarballTooLarge();
      if (!decoded_.empty()) RETURN_IF_ERROR(sink_->Append(decoded_));
    }
    return OkStatus();
  }

  Status AppendBundle(std::string_view piece) {
    std::string& text = Current().bundle_text;
    if (piece.size() > limits_.bundle_bytes_max - text.size()) {
      return TooLarge(AttachmentContext() + " is larger than " + std::to_string(limits_.bundle_bytes_max) + " bytes");
    }
    text += piece;
    Current().data_bytes = text.size();
    return OkStatus();
  }

  Status AppendContentType(std::string_view piece) {
    std::string& content_type = Current().content_type;
    if (piece.size() > limits::kContentTypeBytesMax - content_type.size()) {
      return TooLarge(AttachmentContext() + ": its content type is longer than " +
                      std::to_string(limits::kContentTypeBytesMax) + " bytes");
    }
    content_type += piece;
    return OkStatus();
  }

  // The data came first and was taken for what its name says.
  Status CheckLateContentType(uint64_t offset) {
    const PublishAttachment& attachment = Current();
    if (attachment.kind == PublishAttachment::Kind::kStub || attachment.content_type.empty()) {
      return OkStatus();
    }
    const bool was_bundle = attachment.kind == PublishAttachment::Kind::kBundle;
    if (was_bundle == IsBundleType(attachment.content_type)) return OkStatus();
    return Bad(AttachmentContext() + " has a content type that its name belies", offset);
  }

  Status EndAttachment(uint64_t offset) {
    const PublishAttachment& attachment = Current();
    // The length of a bundle counts UTF-16 units, and nobody needs it.
    if (attachment.kind != PublishAttachment::Kind::kTarball || !attachment.declared_length.has_value() ||
        *attachment.declared_length == attachment.data_bytes) {
      return OkStatus();
    }
    return Bad(AttachmentContext() + " declares a length of " + std::to_string(*attachment.declared_length) +
                   " but has " + std::to_string(attachment.data_bytes) + " bytes",
               offset);
  }

  AttachmentSink* const sink_;
  const Limits limits_;
  JsonScanner scanner_;
  PublishDocument document_;
  Status error_;

  std::string_view piece_;     // What Append was given …
  uint64_t piece_offset_ = 0;  // … and where it begins in the document.
  uint64_t copied_to_ = 0;     // Raw bytes before this are in the skeleton or left out.
  bool is_omitting_ = false;   // Within the data of an attachment.

  size_t depth_ = 0;  // Containers open.
  bool next_is_attachments_ = false;
  bool is_in_attachments_ = false;
  Member member_ = Member::kOther;
  Text text_ = Text::kElsewhere;
  bool has_tarball_ = false;
  bool has_bundle_ = false;
  std::unordered_set<std::string> top_keys_;
  std::unordered_set<std::string> attachment_names_;
  std::unordered_set<std::string> member_keys_;  // Of the current attachment.
  Base64StreamDecoder base64_;
  std::string decoded_;
};

PublishDocumentParser::PublishDocumentParser(AttachmentSink* sink) : PublishDocumentParser(sink, Limits()) {}

PublishDocumentParser::PublishDocumentParser(AttachmentSink* sink, const Limits& limits)
    : visitor_(std::make_unique<Visitor>(sink, limits)) {}

PublishDocumentParser::~PublishDocumentParser() = default;

Status PublishDocumentParser::Append(std::string_view bytes) { return visitor_->Append(bytes); }

Result<PublishDocument> PublishDocumentParser::Finish() { return visitor_->Finish(); }

}  // namespace tarn::registry
