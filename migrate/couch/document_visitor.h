#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace tarn::migrate {

// An attachment before its bytes.
struct AttachmentHead {
  // Of the bytes as they are handed over, not as they were stored.
  enum class Encoding : uint8_t {
    kIdentity,
    kGzip,  // The reader of the source did not undo CouchDB's own compression: the receiver does.
  };
  std::string name;                        // The key in `_attachments`, exactly.
  std::string content_type;                // Empty: not known, or not known yet.
  std::optional<uint64_t> length;          // Decoded bytes, when the source says so before the data.
  std::optional<uint64_t> encoded_length;  // Of kGzip: bytes as handed over.
  // As CouchDB writes it, "md5-<base64>" or "sha1-<base64>"; empty when not known before the data. Of the stored bytes:
  // the compressed ones when CouchDB compressed, even where `encoding` is kIdentity.
  std::string digest;
  Encoding encoding = Encoding::kIdentity;
  bool is_checked = false;  // The source has compared `digest`, as far as it is there, or does before EndAttachment.
  std::string sha1;  // Hex, as the document says (dist.shasum): `digest` need not be compared then. Empty: not known.
};

// What is known of the revision whose body was handed over.
enum class LeafScope : uint8_t {
  kWinner,  // The source has chosen: this is the document (_all_docs, _changes, a .couch file, a single GET).
  kLeaf,    // One leaf of perhaps several, which come as documents of their own (couchbackup, open_revs): the receiver
            // chooses as CouchDB does, live before deleted, then higher generation, then greater revision id.
};

// The document, when all of it has been handed over.
struct DocumentEnd {
  std::string id;
  std::string rev;          // "3-a702…"; empty when the source does not say.
  bool is_deleted = false;  // A tombstone, whatever its body holds.
  LeafScope scope = LeafScope::kWinner;
  std::vector<std::string> conflicts;          // Live losing leaves, when the source names them.
  std::vector<std::string> deleted_conflicts;  // Deleted losing leaves, likewise.
  std::vector<std::string> other_leaves;  // Losing leaves of which the source does not say whether they are deleted.
  // Keys of `_attachments` without data (stubs: the source has no bytes for them, or they were not asked for).
  std::vector<std::string> stubs;
  // A JSON object: the document's own members in their order and bytes, without `_attachments`, `_revisions`,
  // `_conflicts` and other members of CouchDB's (a leading underscore) except `_id`, `_rev` and `_deleted`. Empty when
  // there is none (a tombstone without body).
  std::string body;
};

// Something an operator should know, about the source as such; what is odd about a package is found by the planner.
struct SourceFinding {
  enum class Severity : uint8_t { kNote, kWarning, kError };  // kError: data of the source could not be read.
  std::string where;                                          // Document id, or file and offset.
  std::string what;                                           // In words.
  Severity severity = Severity::kWarning;
};

// Takes the documents of a CouchDB, pushed by whatever reads them: a dump, a database file, a live server.
//
// For each document: BeginDocument, then any number of attachments and conflicting bodies, in any order,
// then EndDocument. For each attachment: BeginAttachment, AppendAttachment any number of times, EndAttachment; attachments
// do not overlap. When a document cannot be read to its end, AbandonDocument comes instead of EndDocument, and the source
// goes on with the next one if it can.
//
// An error returned from any call ends the run: the source hands it back as it is. Cancellation is such an error
// (kCancelled), returned by the receiver from whatever call comes next.
// Memory: a source holds at most one body and a fixed buffer; bodies are at most limits of the source's own.
// Views are valid during the call. Threads: one at a time.
class DocumentVisitor {
 public:
  virtual ~DocumentVisitor() = default;
  // `id` is empty when the source writes it later; DocumentEnd::id always has it.
  [[nodiscard]] virtual Status BeginDocument(std::string_view id) = 0;
  [[nodiscard]] virtual Status BeginAttachment(const AttachmentHead& head) = 0;
  [[nodiscard]] virtual Status AppendAttachment(std::string_view bytes) = 0;
  // Whether the bytes since BeginAttachment have `head.sha1`. May be asked before EndAttachment by a source that spares itself
  // its own digest then. False: they have another, or it cannot be told.
  [[nodiscard]] virtual Result<bool> HasSha1(const AttachmentHead&) { return false; }
  // Whatever the source learned after the data: `head` replaces that of BeginAttachment (equal name).
  [[nodiscard]] virtual Status EndAttachment(const AttachmentHead& head) = 0;
  // The bytes that came are not all, or not those that were stored: the source says why with a finding.
  [[nodiscard]] virtual Status AbandonAttachment() = 0;
  // The body of a live losing leaf, for sources that have it at hand: reported, not imported.
  [[nodiscard]] virtual Status ConflictingBody(std::string_view rev, std::string_view body) = 0;
  [[nodiscard]] virtual Status EndDocument(DocumentEnd document) = 0;
  [[nodiscard]] virtual Status AbandonDocument() = 0;
  [[nodiscard]] virtual Status Finding(SourceFinding finding) = 0;
  // Bytes of the source read so far, and of how many (nullopt: not known). Called often; cheap.
  virtual void Progress(uint64_t bytes_done, std::optional<uint64_t> bytes_total) = 0;
  // May be asked before BeginDocument by a source that skips more cheaply than it reads (a database file, a live server).
  // No: this revision is in already, and nothing of it need be handed over.
  [[nodiscard]] virtual bool WantsDocument(std::string_view id, std::string_view rev) = 0;
};

}  // namespace tarn::migrate
