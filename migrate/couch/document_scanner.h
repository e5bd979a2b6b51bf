#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch/document_visitor.h"
#include "migrate/couch/shasums.h"
#include "storage/base/bytes.h"
#include "storage/base/import_limits.h"
#include "storage/registry/json_scanner.h"

namespace tarn::migrate {

// Takes one document of a CouchDB apart while its JSON goes by: attachments in base64 are decoded and handed on as they
// come, all else that is the document's own is collected byte for byte.
//
// Fed with a JsonScanner's events from the document's opening brace on, and, because those do not carry the text, with the
// pieces the scanner reads: StartPiece before each, EndPiece after it. Whoever feeds it goes on after IsComplete() with
// End, or, when the attachments follow elsewhere (multipart), with follows().
//
// What is wrong with a document (too large, too deep, an attachment that is not base64) is a finding and abandons it, or
// the attachment, alone; an error is what the visitor returned.
// Memory: the body, at most limits::kImportDocumentBytesMax. Threads: one at a time.
class DocumentScanner final : public registry::JsonVisitor {
 public:
  explicit DocumentScanner(DocumentVisitor* visitor) : visitor_(visitor) {}

  // Before the opening brace. `id` and `rev` as far as the source has said them before: what the document says counts.
  void Reset(LeafScope scope, std::string id, std::string rev);
  void StartPiece(std::string_view piece, uint64_t offset);
  void EndPiece();

  bool IsComplete() const { return is_complete_; }
  // Hands the document over. `is_deleted`: by the word of the source beside it.
  Status End(bool is_deleted, std::vector<std::string> other_leaves);
  // The source broke off within it.
  Status Abandon();

  // Attachments whose bytes come after the document, in the order of their parts.
  std::vector<AttachmentHead> TakeFollows();
  // Whether the visitor takes it; asked once, as soon as it matters.
  bool IsWanted();
  Status Begin();  // BeginDocument, unless it was called.
  const std::string& id() const { return end_.id; }

  Status OnBeginObject(uint64_t offset) override;
  Status OnEndObject(uint64_t offset) override;
  Status OnBeginArray(uint64_t offset) override;
  Status OnEndArray(uint64_t offset) override;
  Status OnKey(std::string_view key, uint64_t offset) override;
  Status OnStringBegin(uint64_t offset) override;
  Status OnStringPiece(std::string_view piece) override;
  Status OnStringEnd(uint64_t offset) override;
  Status OnNumber(std::string_view text, uint64_t offset) override;
  Status OnLiteral(std::string_view text, uint64_t offset) override;

 private:
  // A member at the document's top.
  enum class Member : uint8_t {
    kOwn,  // Collected.
    kId,
    kRev,
    kDeleted,
    kAttachments,
    kRevisions,
    kConflicts,
    kDeletedConflicts,
    kIgnored,  // CouchDB's.
  };
  // A member of an attachment.
  enum class Part : uint8_t {
    kOther,
    kContentType,
    kDigest,
    kLength,
    kEncoding,
    kEncodedLength,
    kStub,
    kFollows,
    kData
  };
  enum class Text : uint8_t { kNone, kCollected, kData };

  static constexpr size_t kTopDepth = 1;
  static constexpr size_t kListDepth = 2;        // Inside a member at the top.
  static constexpr size_t kAttachmentDepth = 3;  // Inside one attachment.

  Status Open(uint64_t offset);
  Status Close(uint64_t offset);
  void EndMember(uint64_t end_offset);
  void CaptureUpTo(uint64_t offset);
  void BeginCapture(uint64_t key_offset);
  Status Fail(std::string what);
  Status BeginData();
  Status AppendData(std::string_view piece);
  Status EndData();
  Status AbandonData(const std::string& why);
  Status EndAttachment();
  void TakeText();

  DocumentVisitor* const visitor_;
  DocumentEnd end_;
  std::vector<AttachmentHead> follows_;
  bool is_complete_ = false;
  bool is_begun_ = false;
  bool has_failed_ = false;
  bool is_too_large_ = false;
  std::optional<bool> is_wanted_;

  std::string_view piece_;
  uint64_t piece_offset_ = 0;
  std::optional<uint64_t> capture_from_;  // Within the piece: what comes from here on is collected.
  // Between two members: where the text of a key may begin that ends in another piece, and what of it has passed.
  std::optional<uint64_t> key_from_;
  std::string key_begin_;

  size_t depth_ = 0;
  Member member_ = Member::kOwn;
  size_t attachment_count_ = 0;
  AttachmentHead head_;
  Shasums shasums_;
  Part part_ = Part::kOther;
  bool is_stub_ = false;
  bool is_following_ = false;
  enum class Data : uint8_t { kNone, kOpen, kComplete, kAbandoned, kSkipped } data_ = Data::kNone;
  Text text_kind_ = Text::kNone;
  std::string text_;
  std::string revisions_start_;
  std::string revisions_first_;
  std::string revisions_key_;
  Base64StreamDecoder base64_;
  std::string decoded_;
  uint64_t data_bytes_ = 0;
};

}  // namespace tarn::migrate
