#include "migrate/couch/json_dump_reader.h"

#include <algorithm>
#include <utility>

#include "storage/base/logging.h"

namespace tarn::migrate {
namespace {

constexpr size_t kFramesMax = 8;  // No form has documents deeper than seven.
constexpr size_t kTextBytesMax = 4 * limits::kKiB;

registry::JsonScanner::Limits ScannerLimits() {
  registry::JsonScanner::Limits limits;
  limits.depth_max = limits::kImportScanDepthMax;
  return limits;
}

}  // namespace

JsonDumpReader::JsonDumpReader(DocumentVisitor* visitor) : visitor_(visitor), document_(visitor) { NewValue(); }

void JsonDumpReader::NewValue() {
  scanner_ = std::make_unique<registry::JsonScanner>(static_cast<registry::JsonVisitor*>(this), ScannerLimits());
  value_offset_ = source_offset_;
  value_has_bytes_ = value_spans_lines_ = is_value_complete_ = false;
  is_in_document_ = false;
  frames_.clear();
  frames_ignored_ = 0;
}

// Values that stand one a line are found by their line ends: a string cannot hold one, and whoever wrote a value over
// several lines did not finish it at one.
Status JsonDumpReader::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const bool ends_line = newline != std::string_view::npos;
    const std::string_view piece = ends_line ? bytes.substr(0, newline + 1) : bytes;
    RETURN_IF_ERROR(AppendLine(piece, ends_line));
    bytes.remove_prefix(piece.size());
  }
  return OkStatus();
}

Status JsonDumpReader::AppendLine(std::string_view piece, bool ends_line) {
  if (is_skipping_line_) {
    source_offset_ += piece.size();
    if (ends_line) {
      is_skipping_line_ = false;
      NewValue();
    }
    return OkStatus();
  }
  value_has_bytes_ |= piece.find_first_not_of(" \t\r\n") != std::string_view::npos;
  document_.StartPiece(piece, source_offset_ - value_offset_);
  const Status scanned = scanner_->Append(piece);
  source_offset_ += piece.size();
  if (!scanned.ok()) {
    // What is the visitor's ends the run; so does what cannot be passed over.
    if (scanned.code() != Code::kInvalidArgument && scanned.code() != Code::kTooLarge) return scanned;
    if (value_spans_lines_ || values_ == 0) {
      if (std::exchange(is_in_document_, false)) RETURN_IF_ERROR(document_.Abandon());
      return InvalidArgument("byte " + std::to_string(value_offset_) + " on: " + std::string(scanned.message()));
    }
    RETURN_IF_ERROR(SkipLine(scanned));
    is_skipping_line_ = !ends_line;
    if (ends_line) NewValue();
    return OkStatus();
  }
  document_.EndPiece();
  if (!ends_line) return OkStatus();
  if (is_value_complete_) {
    RETURN_IF_ERROR(scanner_->Finish());
    ++values_;
    NewValue();
  } else if (value_has_bytes_ && values_ > 0 && !value_spans_lines_) {
    // What stands one a line is all of it on its line.
    RETURN_IF_ERROR(SkipLine(InvalidArgument("the line ends before its value does")));
    NewValue();
  } else if (value_has_bytes_) {
    value_spans_lines_ = true;
  }
  return OkStatus();
}

Status JsonDumpReader::SkipLine(const Status& why) {
  if (std::exchange(is_in_document_, false)) RETURN_IF_ERROR(document_.Abandon());
  return visitor_->Finding({"line at byte " + std::to_string(value_offset_),
                            "not JSON, passed over: " + std::string(why.message()), SourceFinding::Severity::kError});
}

Status JsonDumpReader::Finish() {
  if (is_skipping_line_ || !value_has_bytes_) {
    if (values_ == 0) return InvalidArgument("the source is empty");
  } else if (const Status status = scanner_->Finish(); !status.ok()) {
    if (is_in_document_) RETURN_IF_ERROR(document_.Abandon());
    return InvalidArgument("the dump ends in the middle, at byte " + std::to_string(source_offset_) +
                           (is_in_document_ && !document_.id().empty() ? ", within document " + document_.id() : "") +
                           ": it is not all there");
  } else {
    ++values_;
  }
  if (documents_ == 0 && rows_without_document_ > 0) {
    return InvalidArgument("the dump has " + std::to_string(rows_without_document_) +
                           " rows and no document in them; make it with include_docs=true&attachments=true");
  }
  if (rows_without_document_ > 0) {
    RETURN_IF_ERROR(visitor_->Finding({"rows", std::to_string(rows_without_document_) + " rows came without a document",
                                       SourceFinding::Severity::kError}));
  }
  return OkStatus();
}

std::string JsonDumpReader::Path() const {
  std::string path;
  for (const Frame& frame : frames_) path += frame.is_array ? "/*" : "/" + frame.key;
  return path;
}

// Inside an object that is a row: at the top, or in the list of rows.
bool JsonDumpReader::IsRow() const {
  if (frames_ignored_ > 0 || frames_.empty() || frames_.back().is_array) return false;
  if (frames_.size() == 1) return true;
  return frames_.size() == 3 && frames_[1].is_array && (frames_[0].key == "rows" || frames_[0].key == "results");
}

Status JsonDumpReader::BeginDocument(LeafScope scope, uint64_t offset) {
  is_in_document_ = true;
  row_has_document_ = true;
  ++documents_;
  document_.Reset(scope, row_id_, row_rev_);
  return document_.OnBeginObject(offset);
}

// A document that ends is handed over with what its row has said.
Status JsonDumpReader::AfterEvent() {
  if (!document_.IsComplete()) return OkStatus();
  is_in_document_ = false;
  is_value_complete_ = frames_.empty() && frames_ignored_ == 0;
  return document_.End(row_is_deleted_, row_leaves_);
}

Status JsonDumpReader::OnBeginObject(uint64_t offset) {
  if (is_in_document_) return document_.OnBeginObject(offset);
  if (frames_.size() >= kFramesMax || frames_ignored_ > 0) {
    ++frames_ignored_;
    return OkStatus();
  }
  const std::string path = Path();
  if (path == "/doc" || path == "/rows/*/doc" || path == "/results/*/doc") {
    return BeginDocument(LeafScope::kWinner, offset);
  }
  if (path == "/results/*/docs/*/ok") return BeginDocument(LeafScope::kLeaf, offset);
  if (path == "/*" || path == "/docs/*") {
    row_id_.clear();
    row_rev_.clear();
    row_leaves_.clear();
    row_is_deleted_ = false;
    return BeginDocument(LeafScope::kLeaf, offset);
  }
  if (frames_.empty() && expected_id_) {
    row_id_ = *expected_id_;
    return BeginDocument(LeafScope::kWinner, offset);
  }
  frames_.push_back({false, {}, frames_.empty(), false});
  if (IsRow()) {
    row_id_.clear();
    row_rev_.clear();
    row_leaves_.clear();
    row_is_deleted_ = row_has_document_ = row_is_error_ = false;
  }
  return OkStatus();
}

Status JsonDumpReader::OnEndObject(uint64_t offset) {
  if (is_in_document_) {
    RETURN_IF_ERROR(document_.OnEndObject(offset));
    return AfterEvent();
  }
  return CloseFrame();
}

Status JsonDumpReader::OnBeginArray(uint64_t offset) {
  if (is_in_document_) return document_.OnBeginArray(offset);
  if (frames_.size() >= kFramesMax || frames_ignored_ > 0) {
    ++frames_ignored_;
  } else {
    frames_.push_back({true, {}, false, false});
  }
  return OkStatus();
}

Status JsonDumpReader::OnEndArray(uint64_t offset) {
  if (is_in_document_) return document_.OnEndArray(offset);
  return CloseFrame();
}

Status JsonDumpReader::CloseFrame() {
  if (frames_ignored_ > 0) {
    --frames_ignored_;
    return OkStatus();
  }
  const bool is_row = IsRow();
  const bool has_id = frames_.back().has_id;
  frames_.pop_back();
  is_value_complete_ = frames_.empty();
  if (has_id) {
    return visitor_->Finding({"document at byte " + std::to_string(value_offset_),
                              "_id is not its first member, so that it was not known for a document: not imported",
                              SourceFinding::Severity::kError});
  }
  if (!is_row) return OkStatus();
  const std::string id = std::exchange(row_id_, {});
  if (id.empty() || row_has_document_ || row_is_error_) return OkStatus();
  if (!row_is_deleted_) {
    ++rows_without_document_;
    return OkStatus();
  }
  // A tombstone needs no document.
  RETURN_IF_ERROR(visitor_->BeginDocument(id));
  DocumentEnd end;
  end.id = id;
  end.rev = row_rev_;
  end.is_deleted = true;
  ++documents_;
  return visitor_->EndDocument(std::move(end));
}

Status JsonDumpReader::OnKey(std::string_view key, uint64_t offset) {
  if (is_in_document_) return document_.OnKey(key, offset);
  if (frames_ignored_ > 0) return OkStatus();
  Frame& frame = frames_.back();
  if (frame.is_undecided && key.starts_with('_')) {
    frames_.pop_back();
    RETURN_IF_ERROR(BeginDocument(LeafScope::kWinner, offset));
    return document_.OnKey(key, offset);
  }
  frame.is_undecided = false;
  frame.has_id |= frames_.size() == 1 && key == "_id";
  frame.key = key.substr(0, kTextBytesMax);
  if (IsRow() && key == "error") row_is_error_ = true;
  return OkStatus();
}

Status JsonDumpReader::OnStringBegin(uint64_t offset) {
  text_.clear();
  return is_in_document_ ? document_.OnStringBegin(offset) : OkStatus();
}

Status JsonDumpReader::OnStringPiece(std::string_view piece) {
  if (is_in_document_) return document_.OnStringPiece(piece);
  if (text_.size() < kTextBytesMax) text_ += piece.substr(0, kTextBytesMax - text_.size());
  return OkStatus();
}

Status JsonDumpReader::OnStringEnd(uint64_t offset) {
  if (is_in_document_) return document_.OnStringEnd(offset);
  if (frames_.empty()) is_value_complete_ = true;
  if (frames_ignored_ > 0 || frames_.empty()) return OkStatus();
  if (IsRow() && frames_.back().key == "id") row_id_ = text_;
  if (frames_.size() == 1 && frames_.back().key == "last_seq") last_seq_ = JsonString(text_);
  if (frames_.back().key != "rev") return OkStatus();
  const std::string path = Path();
  if (path.ends_with("/value/rev")) row_rev_ = text_;
  if (path.ends_with("/changes/*/rev")) {
    if (row_leaves_.empty()) row_rev_ = text_;
    row_leaves_.push_back(text_);
  }
  return OkStatus();
}

Status JsonDumpReader::OnNumber(std::string_view text, uint64_t offset) {
  if (is_in_document_) return document_.OnNumber(text, offset);
  if (frames_.empty()) is_value_complete_ = true;
  if (frames_.size() == 1 && frames_.back().key == "last_seq") last_seq_ = text;
  return OkStatus();
}

Status JsonDumpReader::OnLiteral(std::string_view text, uint64_t offset) {
  if (is_in_document_) return document_.OnLiteral(text, offset);
  if (frames_.empty()) is_value_complete_ = true;
  if (frames_ignored_ == 0 && !frames_.empty() && frames_.back().key == "deleted" && text == "true") {
    // Of a row of _changes, or within "value" of one of _all_docs.
    row_is_deleted_ = true;
  }
  return OkStatus();
}

}  // namespace tarn::migrate
