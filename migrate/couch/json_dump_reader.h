#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "migrate/couch/document_scanner.h"
#include "migrate/couch/document_visitor.h"
#include "migrate/couch/source_reader.h"
#include "storage/registry/json_scanner.h"

namespace tarn::migrate {

// Reads every JSON form in which CouchDB and its tools hand out documents, told apart by where documents stand in them:
//
//   {"rows":[{"id":…,"value":{"rev":…},"doc":{…}},…]}   _all_docs?include_docs=true
//   {"results":[{"seq":…,"id":…,"changes":[…],"doc":{…}},…]}   _changes?include_docs=true, normal feed
//   the rows of the latter, one a line                  its continuous feed; the last line is {"last_seq":…}
//   [{"_id":…},…] one a line, after a header object     couchbackup; every leaf revision is a document
//   {"docs":[{"_id":…},…]}                              the body of a _bulk_docs
//   {"results":[{"id":…,"docs":[{"ok":{…}},…]},…]}      _bulk_get
//   {"_id":…}                                           one document, told by its first member, or by ExpectDocument
//
// A line that is not JSON is a finding and skipped, when it began a value of its own; within a larger value it ends the run.
class JsonDumpReader final : public SourceReader, private registry::JsonVisitor {
 public:
  explicit JsonDumpReader(DocumentVisitor* visitor);

  Status Append(std::string_view bytes) override;
  Status Finish() override;
  // Before the first byte: what comes is the document `id`, in whatever order its members stand.
  void ExpectDocument(std::string id) { expected_id_ = std::move(id); }

  // `last_seq` of a _changes feed, as JSON text; empty when there was none.
  const std::string& last_seq() const { return last_seq_; }

 private:
  Status AppendLine(std::string_view piece, bool ends_line);
  Status SkipLine(const Status& why);
  void NewValue();

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

  // The containers around what comes now, outside of documents: "{" with its current key, or "[".
  struct Frame {
    bool is_array = false;
    std::string key;
    bool is_undecided = false;  // An object that is a document if its first key begins with "_".
    bool has_id = false;        // One that has "_id", and came too late with it.
  };
  std::string Path() const;
  bool IsRow() const;
  Status BeginDocument(LeafScope scope, uint64_t offset);
  Status AfterEvent();
  Status CloseFrame();

  DocumentVisitor* const visitor_;
  DocumentScanner document_;
  std::unique_ptr<registry::JsonScanner> scanner_;
  uint64_t value_offset_ = 0;  // Where the current value's scanner began, in the source.
  uint64_t source_offset_ = 0;
  bool value_has_bytes_ = false;
  bool value_spans_lines_ = false;
  bool is_skipping_line_ = false;
  bool is_value_complete_ = false;
  uint64_t values_ = 0;
  bool is_in_document_ = false;
  std::vector<Frame> frames_;
  size_t frames_ignored_ = 0;  // Containers deeper than any that matters.

  // The row around a document.
  std::string row_id_;
  std::string row_rev_;
  std::vector<std::string> row_leaves_;
  bool row_is_deleted_ = false;
  bool row_has_document_ = false;
  bool row_is_error_ = false;
  uint64_t rows_without_document_ = 0;
  uint64_t documents_ = 0;
  std::string text_;
  std::string last_seq_;
  std::optional<std::string> expected_id_;
};

}  // namespace tarn::migrate
