#include "migrate/couch_file/database_file.h"

#include <algorithm>

#include "migrate/couch/shasums.h"
#include "storage/base/bytes.h"
#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {
namespace {

using migrate::AttachmentHead;
using migrate::DocumentEnd;
using migrate::DocumentVisitor;
using migrate::SourceFinding;

// Keeps the first few: a file that is no database may have a candidate in every block.
class OpenFindings final : public FindingSink {
 public:
  explicit OpenFindings(std::vector<Finding>* kept) : kept_(kept) {}
  void OnFinding(Finding finding) override {
    if (kept_->size() < limits::kCouchOpenFindingsMax) kept_->push_back(std::move(finding));
  }

 private:
  std::vector<Finding>* const kept_;
};

AttachmentHead HeadOf(const Attachment& attachment, AttachmentForm form) {
  AttachmentHead head;
  head.name = attachment.name;
  head.is_checked = true;
  head.content_type = attachment.content_type;
  head.length = attachment.identity_bytes;
  if (!attachment.md5.empty()) head.digest = "md5-" + Base64Encode(attachment.md5);
  if (attachment.gzip && form == AttachmentForm::kStored) {
    head.encoding = AttachmentHead::Encoding::kGzip;
    head.encoded_length = attachment.stored_bytes;
  }
  return head;
}

}  // namespace

// Hands findings to the visitor; its first error is kept until somebody asks.
class DatabaseFile::Findings final : public FindingSink {
 public:
  Findings(const std::string& name, DocumentVisitor* visitor) : name_(name), visitor_(visitor) {}

  void OnFinding(Finding finding) override {
    if (!status_.ok()) return;
    SourceFinding out;
    out.where = finding.document_id.empty() ? "" : "document '" + finding.document_id + "', ";
    out.where += name_ + ", offset " + std::to_string(finding.offset);
    out.what = std::move(finding.what);
    out.severity = finding.severity;
    status_ = visitor_->Finding(std::move(out));
  }
  // For damage to a document at `offset`.
  Status Report(std::string_view id, uint64_t offset, std::string what, Severity severity = Severity::kError) {
    OnFinding({offset, std::string(id), std::move(what), severity});
    return status_;
  }
  const Status& status() const { return status_; }

 private:
  const std::string& name_;
  DocumentVisitor* const visitor_;
  Status status_;
};

DatabaseFile::DatabaseFile(std::unique_ptr<File> file, std::string name, uint64_t size)
    : file_(std::move(file)), name_(std::move(name)), blocks_(*file_, size) {}

Result<std::unique_ptr<DatabaseFile>> DatabaseFile::Open(std::unique_ptr<File> file, std::string name) {
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  std::unique_ptr<DatabaseFile> database(new DatabaseFile(std::move(file), std::move(name), size));
  OpenFindings findings(&database->open_findings_);
  auto header = FindHeader(&database->blocks_, &findings);
  if (!header.ok()) return header.status().WithContext(database->name_);
  database->header_ = *header;
  return database;
}

Result<std::unique_ptr<DatabaseFile>> DatabaseFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, PosixFileSystem().OpenReadOnly(path));
  return Open(std::move(file), path);
}

// Bytes of documents and attachments may be shared, but a file that is read many times over is not one of CouchDB's.
Status DatabaseFile::Spend(uint64_t bytes) {
  spent_bytes_ += bytes;
  if (spent_bytes_ / limits::kCouchSharedReadsMax <= blocks_.size()) return OkStatus();
  return TooLarge("the documents have, taken together, more than " + std::to_string(limits::kCouchSharedReadsMax) +
                  " times the file's bytes");
}

Status DatabaseFile::ReadAll(const ReadOptions& options, DocumentVisitor* visitor) {
  Findings findings(name_, visitor);
  for (Finding& finding : open_findings_) findings.OnFinding(std::move(finding));
  open_findings_.clear();
  spent_bytes_ = 0;
  DocumentIndex index(&blocks_, header_, &findings);
  DocumentBatch batch;
  while (findings.status().ok() && index.NextBatch(&batch)) {
    RETURN_IF_ERROR(findings.status());
    RETURN_IF_ERROR(ReadBatch(options, batch, &findings, visitor));
  }
  RETURN_IF_ERROR(findings.status());
  const uint64_t total = options.bytes_total == 0 ? size() : options.bytes_total;
  visitor->Progress(options.bytes_before + size(), total);
  return OkStatus();
}

Status DatabaseFile::ReadBatch(const ReadOptions& options, const DocumentBatch& batch, Findings* findings,
                               DocumentVisitor* visitor) {
  const uint64_t total = options.bytes_total == 0 ? size() : options.bytes_total;
  prefetched_until_ = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    const DocumentBatch::Revision& winner = batch.Leaf(i, 0);
    visitor->Progress(options.bytes_before + std::min(winner.body_position, size()), total);
    if (!visitor->WantsDocument(batch.Id(i), batch.Text(winner))) continue;
    Prefetch(batch, i);
    RETURN_IF_ERROR(EmitDocument(options, batch, i, findings, visitor));
  }
  return OkStatus();
}

// Bodies come in the order of the file and, after a compaction, have their attachments beside them: where many are close
// together, the kernel can fetch what is ahead while we work.
void DatabaseFile::Prefetch(const DocumentBatch& batch, size_t i) {
  constexpr size_t kDocumentsAhead = 16;
  const uint64_t here = batch.Leaf(i, 0).body_position;
  if (here + limits::kCouchReadAheadBytes / 2 < prefetched_until_) return;
  const uint64_t ahead = batch.Leaf(std::min(i + kDocumentsAhead, batch.size() - 1), 0).body_position;
  const uint64_t begin = std::max(here, prefetched_until_);
  const uint64_t end = std::min(ahead, here + limits::kCouchReadAheadBytes);
  if (begin >= end) return;
  blocks_.Prefetch(begin, end);
  prefetched_until_ = end;
}

// The body of the revision at `position` as JSON text, its summary being read first. An error says what is damaged.
Status DatabaseFile::ReadBody(std::string_view id, std::string_view rev, bool deleted, uint64_t position,
                              std::string* body, Findings* findings) {
  body->clear();
  RETURN_IF_ERROR(summary_.Read(&blocks_, position));
  RETURN_IF_ERROR(Spend(summary_.stored_bytes()));
  if (deleted && summary_.body_is_empty()) return OkStatus();
  std::string first = "\"_id\":";
  AppendJsonString(id, &first);
  first += ",\"_rev\":";
  AppendJsonString(rev, &first);
  if (deleted) first += ",\"_deleted\":true";
  JsonNotes notes;
  RETURN_IF_ERROR(summary_.WriteBody(first, body, &notes));
  if (notes.replaced == 0) return OkStatus();
  return findings->Report(id, position,
                          std::to_string(notes.replaced) + " places of its text were no UTF-8 and were replaced",
                          Severity::kWarning);
}

Status DatabaseFile::EmitDocument(const ReadOptions& options, const DocumentBatch& batch, size_t i, Findings* findings,
                                  DocumentVisitor* visitor) {
  const std::string_view id = batch.Id(i);
  const DocumentBatch::Revision& winner = batch.Leaf(i, 0);
  const uint64_t position = winner.body_position;
  DocumentEnd document;
  document.id = id;
  document.rev = batch.Text(winner);
  document.is_deleted = winner.deleted;
  RETURN_IF_ERROR(visitor->BeginDocument(id));
  const Status read = ReadBody(id, document.rev, winner.deleted, position, &document.body, findings);
  RETURN_IF_ERROR(findings->status());
  if (!read.ok()) {
    RETURN_IF_ERROR(
        findings->Report(id, position, "revision " + document.rev + " cannot be read: " + std::string(read.message())));
    // The tree says that it is deleted, with or without its body.
    document.body.clear();
    return winner.deleted ? visitor->EndDocument(std::move(document)) : visitor->AbandonDocument();
  }
  RETURN_IF_ERROR(ListAttachments(id, position, findings));
  migrate::Shasums shasums;
  for (const Attachment& attachment : attachments_) {
    if (winner.deleted) {
      document.stubs.push_back(attachment.name);
    } else {
      const std::string sha1 = shasums.Find(document.body, attachment.name);
      RETURN_IF_ERROR(EmitAttachment(options, id, attachment, sha1, position, findings, visitor));
    }
  }
  for (size_t leaf = 1; leaf < batch.LeafCount(i); ++leaf) {
    const DocumentBatch::Revision& loser = batch.Leaf(i, leaf);
    (loser.deleted ? document.deleted_conflicts : document.conflicts).emplace_back(batch.Text(loser));
  }
  RETURN_IF_ERROR(EmitConflicts(batch, i, findings, visitor));
  return visitor->EndDocument(std::move(document));
}

Status DatabaseFile::ListAttachments(std::string_view id, uint64_t position, Findings* findings) {
  const auto report = [&](const Status& bad) {
    findings->OnFinding(
        {position, std::string(id), "attachments are left out: " + std::string(bad.message()), Severity::kError});
  };
  if (const Status listed = summary_.ReadAttachments(&attachments_, report); !listed.ok()) report(listed);
  return findings->status();
}

Status DatabaseFile::EmitConflicts(const DocumentBatch& batch, size_t i, Findings* findings, DocumentVisitor* visitor) {
  const std::string_view id = batch.Id(i);
  std::string body;
  for (size_t leaf = 1; leaf < batch.LeafCount(i); ++leaf) {
    const DocumentBatch::Revision& loser = batch.Leaf(i, leaf);
    if (loser.deleted) continue;
    const std::string_view rev = batch.Text(loser);
    const Status read = ReadBody(id, rev, false, loser.body_position, &body, findings);
    RETURN_IF_ERROR(findings->status());
    if (read.ok()) {
      RETURN_IF_ERROR(visitor->ConflictingBody(rev, body));
    } else {
      RETURN_IF_ERROR(findings->Report(
          id, loser.body_position,
          "the conflicting revision " + std::string(rev) + " cannot be read: " + std::string(read.message())));
    }
  }
  return OkStatus();
}

Status DatabaseFile::EmitAttachment(const ReadOptions& options, std::string_view id, const Attachment& attachment,
                                    const std::string& sha1, uint64_t document_position, Findings* findings,
                                    DocumentVisitor* visitor) {
  AttachmentHead head = HeadOf(attachment, options.attachments);
  if (!attachment.gzip) head.sha1 = sha1;
  const auto md5 = head.sha1.empty() ? StoredDigest::kCompare : StoredDigest::kIgnore;
  RETURN_IF_ERROR(visitor->BeginAttachment(head));
  const uint64_t place = attachment.pieces.empty() ? document_position : attachment.pieces.front().position;
  Status damage = attachment.stored_bytes <= size() ? Spend(attachment.stored_bytes)
                                                    : Corruption("it says it has more bytes than the file");
  if (damage.ok()) {
    RETURN_IF_ERROR(StreamAttachment(
        &blocks_, attachment, options.attachments, md5,
        [visitor](std::string_view bytes) { return visitor->AppendAttachment(bytes); }, &damage));
  }
  if (damage.ok() && md5 == StoredDigest::kIgnore) {
    ASSIGN_OR_RETURN(const bool is_known, visitor->HasSha1(head));
    if (!is_known) RETURN_IF_ERROR(CompareDigest(attachment, &damage));
  }
  if (damage.ok()) return visitor->EndAttachment(head);
  RETURN_IF_ERROR(visitor->AbandonAttachment());
  return findings->Report(id, place,
                          "attachment '" + attachment.name + "' cannot be read: " + std::string(damage.message()));
}

// The bytes are not those that the document's SHA-1 is of: either it is wrong, or they are damaged.
Status DatabaseFile::CompareDigest(const Attachment& attachment, Status* damage) {
  *damage = Spend(attachment.stored_bytes);
  if (!damage->ok()) return OkStatus();
  return StreamAttachment(
      &blocks_, attachment, AttachmentForm::kStored, StoredDigest::kCompare,
      [](std::string_view) { return OkStatus(); }, damage);
}

Status DatabaseFile::ReadDocument(std::string_view id, const ReadOptions& options, DocumentVisitor* visitor) {
  std::string storage;
  DocumentRow row;
  RETURN_IF_ERROR(FindDocument(&blocks_, header_, id, &storage, &row));
  if (row.leaves.empty()) return NotFound("no revision of document '" + std::string(id) + "' has a body");
  Findings findings(name_, visitor);
  DocumentBatch batch;
  batch.Add(row);
  spent_bytes_ = 0;
  return EmitDocument(options, batch, 0, &findings, visitor);
}

Status DatabaseFile::ReadAttachment(std::string_view id, std::string_view name, const ReadOptions& options,
                                    DocumentVisitor* visitor) {
  std::string storage;
  DocumentRow row;
  RETURN_IF_ERROR(FindDocument(&blocks_, header_, id, &storage, &row));
  if (row.leaves.empty()) return NotFound("no revision of document '" + std::string(id) + "' has a body");
  const uint64_t position = row.leaves.front().body_position;
  RETURN_IF_ERROR(summary_.Read(&blocks_, position));
  RETURN_IF_ERROR(summary_.ReadAttachments(&attachments_, [](const Status&) {}));
  spent_bytes_ = 0;
  Findings findings(name_, visitor);
  for (const Attachment& attachment : attachments_) {
    if (attachment.name == name) return EmitAttachment(options, id, attachment, {}, position, &findings, visitor);
  }
  return NotFound("no attachment '" + std::string(name) + "' of document '" + std::string(id) + "' in the file");
}

Result<std::string> DatabaseFile::ReadSecurity() {
  if (!header_.security_position.has_value()) return std::string();
  std::string chunk;
  std::string unpacked;
  RETURN_IF_ERROR(blocks_.ReadChunk(*header_.security_position, limits::kCouchDocumentBytesMax, &chunk));
  ASSIGN_OR_RETURN(const std::string_view term, UnpackTerm(chunk, limits::kCouchDocumentBytesMax, &unpacked));
  TermReader reader(term);
  std::string json;
  JsonNotes notes;
  RETURN_IF_ERROR(AppendJsonObject(&reader, ObjectShape::kBareList, {}, limits::kCouchJsonBytesMax, &json, &notes));
  return json;
}

}  // namespace tarn::couch_file
