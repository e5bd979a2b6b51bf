#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch/document_scanner.h"
#include "migrate/couch/document_visitor.h"
#include "migrate/couch/source_reader.h"
#include "storage/registry/json_scanner.h"

namespace tarn::migrate {

// Reads what CouchDB answers with Accept: multipart/related (one document: its JSON, then a part for each attachment, in
// the order of `_attachments`), and with multipart/mixed (open_revs and _bulk_get: parts that are such a document each, or
// plain JSON when it has no attachments).
//
// With `content_type` it is given the body; without, the head of the HTTP answer may stand before it, or its boundary is
// taken from its first line. Parts are matched by their order and checked by their length, not by their file names, which
// CouchDB does not escape.
// Memory: a document's body, one part's headers, a buffer. Threads: one at a time.
class MultipartReader final : public SourceReader {
 public:
  MultipartReader(DocumentVisitor* visitor, std::string_view content_type);

  Status Append(std::string_view bytes) override;
  Status Finish() override;

  // "multipart/…" with a boundary?
  static bool IsMultipart(std::string_view content_type);

 private:
  struct Level {
    std::string delimiter;    // "\r\n--boundary"
    bool is_related = false;  // Of one document.
    bool kind_is_unknown = false;
    size_t parts = 0;
  };
  enum class State : uint8_t {
    kHead,       // Of the HTTP answer, perhaps.
    kPreamble,   // Before the first boundary of a level.
    kDelimited,  // Just after a boundary: "--" or a line end.
    kHeaders,
    kBody,
    kDone,
  };
  enum class Kind : uint8_t { kSkipped, kDocument, kAttachment };

  Result<bool> Step();  // False: more bytes are needed.
  Result<bool> ReadHead();
  Result<bool> FindFirst();
  Result<bool> AfterDelimiter();
  Result<bool> ReadHeaders();
  Result<bool> ReadBody();
  Status OpenLevel(std::string_view content_type);
  Status CloseLevel();
  Status BeginPart(std::string_view headers);
  Status BodyPiece(std::string_view bytes);
  Status EndPart();
  Status BeginAttachment(std::string_view coding);
  Status EndAttachment();
  Status EndDocument();
  Status Bad(const std::string& what) const;
  void Consume(size_t bytes);

  DocumentVisitor* const visitor_;
  State state_ = State::kHead;
  std::string buffer_;
  size_t begin_ = 0;  // Of what is left in it.
  uint64_t offset_ = 0;
  std::vector<Level> levels_;

  Kind kind_ = Kind::kSkipped;
  bool has_open_document_ = false;
  DocumentScanner document_;
  std::unique_ptr<registry::JsonScanner> scanner_;
  uint64_t json_offset_ = 0;
  std::vector<AttachmentHead> follows_;
  size_t next_follow_ = 0;
  bool skips_document_ = false;
  AttachmentHead head_;
  uint64_t part_bytes_ = 0;
  uint64_t documents_ = 0;
};

}  // namespace tarn::migrate
