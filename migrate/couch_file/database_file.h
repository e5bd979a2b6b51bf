#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch/document_visitor.h"
#include "migrate/couch_file/attachment_stream.h"
#include "migrate/couch_file/block_file.h"
#include "migrate/couch_file/document_index.h"
#include "migrate/couch_file/finding.h"
#include "migrate/couch_file/header.h"
#include "migrate/couch_file/summary.h"

namespace tarn::couch_file {

struct ReadOptions {
  AttachmentForm attachments = AttachmentForm::kIdentity;
  // What Progress counts from and up to, for a database of several files.
  uint64_t bytes_before = 0;
  uint64_t bytes_total = 0;  // 0: the size of this file.
};

// One CouchDB database file, as its last commit left it (docs/couch-file-format.md).
//
// Nothing is written and no lock is taken: the file may be a copy, or one that a server is appending to. Local documents
// are left out; design documents and tombstones come as the documents they are, the latter with their attachments as
// stubs. Damage ends nothing: each thing that cannot be read is a finding of severity kError with its offset, and the rest
// is handed over.
// Memory: about 100 bytes for each document, and what the largest one takes (storage/base/couch_file_limits.h).
// Threads: one at a time. Blocks on disk.
class DatabaseFile {
 public:
  // `name` stands in findings. Errors: as FindHeader, and those of the file.
  static Result<std::unique_ptr<DatabaseFile>> Open(std::unique_ptr<File> file, std::string name);
  static Result<std::unique_ptr<DatabaseFile>> Open(const std::string& path);
  DatabaseFile(const DatabaseFile&) = delete;
  DatabaseFile& operator=(const DatabaseFile&) = delete;

  const Header& header() const { return header_; }
  uint64_t size() const { return blocks_.size(); }

  // All documents, in the order in which their bodies lie in the file. An error is the visitor's own.
  Status ReadAll(const ReadOptions& options, migrate::DocumentVisitor* visitor);
  // One document, by going down the tree: the same calls as for it in ReadAll. Errors also: kNotFound, kCorruption.
  Status ReadDocument(std::string_view id, const ReadOptions& options, migrate::DocumentVisitor* visitor);
  // One attachment of the winning revision: BeginAttachment to EndAttachment or AbandonAttachment. Errors as above.
  Status ReadAttachment(std::string_view id, std::string_view name, const ReadOptions& options,
                        migrate::DocumentVisitor* visitor);
  // The security object as JSON text; empty if the database has none. Errors: kCorruption.
  Result<std::string> ReadSecurity();

 private:
  class Findings;

  DatabaseFile(std::unique_ptr<File> file, std::string name, uint64_t size);

  Status ReadBatch(const ReadOptions& options, const DocumentBatch& batch, Findings* findings,
                   migrate::DocumentVisitor* visitor);
  Status EmitDocument(const ReadOptions& options, const DocumentBatch& batch, size_t i, Findings* findings,
                      migrate::DocumentVisitor* visitor);
  Status ListAttachments(std::string_view id, uint64_t position, Findings* findings);
  Status EmitConflicts(const DocumentBatch& batch, size_t i, Findings* findings, migrate::DocumentVisitor* visitor);
  Status EmitAttachment(const ReadOptions& options, std::string_view id, const Attachment& attachment,
                        const std::string& sha1, uint64_t document_position, Findings* findings,
                        migrate::DocumentVisitor* visitor);
  Status CompareDigest(const Attachment& attachment, Status* damage);
  Status ReadBody(std::string_view id, std::string_view rev, bool deleted, uint64_t position, std::string* body,
                  Findings* findings);
  Status Spend(uint64_t bytes);
  void Prefetch(const DocumentBatch& batch, size_t i);

  const std::unique_ptr<File> file_;
  const std::string name_;
  BlockFile blocks_;
  Header header_;
  std::vector<Finding> open_findings_;  // Of the search for the header, until somebody takes them.
  Summary summary_;
  std::vector<Attachment> attachments_;
  uint64_t spent_bytes_ = 0;
  uint64_t prefetched_until_ = 0;
};

}  // namespace tarn::couch_file
