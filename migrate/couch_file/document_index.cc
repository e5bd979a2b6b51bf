#include "migrate/couch_file/document_index.h"

#include <algorithm>

#include "migrate/couch_file/json_writer.h"
#include "storage/base/checksum.h"
#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {
namespace {

Status CheckId(std::string_view id) {
  if (id.empty()) return Corruption("a document's id is empty");
  if (id.size() > limits::kCouchIdBytesMax) return TooLarge("a document's id is longer than the limit");
  std::string text;
  if (AppendJsonString(id, &text) > 0) return Corruption("a document's id is not UTF-8");
  return OkStatus();
}

}  // namespace

Status ReadByIdRow(std::string_view row, DocumentRow* document) {
  TermReader reader(row);
  RETURN_IF_ERROR(reader.ReadTuple(2));
  ASSIGN_OR_RETURN(document->id, reader.ReadBinary());
  RETURN_IF_ERROR(CheckId(document->id));
  // {Seq, Deleted, Sizes, RevTree}; up to disk version 6 without the sizes.
  ASSIGN_OR_RETURN(const uint32_t elements, reader.ReadTupleOfAtLeast(3));
  RETURN_IF_ERROR(reader.Skip());
  ASSIGN_OR_RETURN(document->winner_deleted, reader.ReadFlag());
  if (elements > 3) RETURN_IF_ERROR(reader.Skip());
  RETURN_IF_ERROR(ReadRevisionTree(&reader, &document->leaves));
  SortByWinner(&document->leaves);
  return OkStatus();
}

Status ReadBySeqRow(std::string_view row, DocumentRow* document) {
  TermReader reader(row);
  RETURN_IF_ERROR(reader.ReadTuple(2));
  RETURN_IF_ERROR(reader.Skip());
  ASSIGN_OR_RETURN(const uint32_t elements, reader.ReadTupleOfAtLeast(3));
  ASSIGN_OR_RETURN(document->id, reader.ReadBinary());
  RETURN_IF_ERROR(CheckId(document->id));
  if (elements == 3) {
    // CouchDB 1.x: {Id, live leaves, deleted leaves}.
    RETURN_IF_ERROR(ReadRevisionLists(&reader, &document->leaves));
  } else {
    RETURN_IF_ERROR(reader.Skip());
    RETURN_IF_ERROR(reader.Skip());
    RETURN_IF_ERROR(ReadRevisionTree(&reader, &document->leaves));
  }
  SortByWinner(&document->leaves);
  document->winner_deleted = !document->leaves.empty() && document->leaves.front().deleted;
  return OkStatus();
}

void DocumentBatch::Add(const DocumentRow& row) {
  Document document;
  document.id_begin = text_.size();
  document.id_bytes = static_cast<uint32_t>(row.id.size());
  document.first_leaf = revisions_.size();
  document.leaf_count = static_cast<uint32_t>(row.leaves.size());
  text_.append(row.id);
  for (const couch_file::Leaf& leaf : row.leaves) {
    const std::string text = RevisionText(leaf.generation, leaf.id);
    revisions_.push_back({leaf.body_position, text_.size(), static_cast<uint32_t>(text.size()), leaf.deleted});
    text_.append(text);
  }
  documents_.push_back(document);
}

void DocumentBatch::Clear() {
  documents_.clear();
  revisions_.clear();
  text_.clear();
}

void DocumentBatch::Sort() {
  std::sort(documents_.begin(), documents_.end(), [this](const Document& a, const Document& b) {
    return revisions_[a.first_leaf].body_position < revisions_[b.first_leaf].body_position;
  });
}

std::string_view DocumentBatch::Id(size_t i) const {
  return std::string_view(text_).substr(documents_[i].id_begin, documents_[i].id_bytes);
}

std::string_view DocumentBatch::Text(const Revision& revision) const {
  return std::string_view(text_).substr(revision.text_begin, revision.text_bytes);
}

DocumentIndex::DocumentIndex(BlockFile* file, const Header& header, FindingSink* findings)
    : file_(file), header_(header), findings_(findings) {
  if (header.by_id.has_value()) walk_ = std::make_unique<TreeWalk>(file, *header.by_id, header.position, findings);
}

void DocumentIndex::Report(uint64_t offset, std::string what, Severity severity) {
  findings_->OnFinding({offset, {}, std::move(what), severity});
}

// True if the row's document is one more.
bool DocumentIndex::ReadRow(std::string_view row) {
  const Status read = by_seq_ ? ReadBySeqRow(row, &row_) : ReadByIdRow(row, &row_);
  if (!read.ok()) {
    damaged_ = true;
    Report(walk_->node_position(), "a document's row cannot be read: " + std::string(read.message()), Severity::kError);
    return false;
  }
  const uint64_t hash = Checksum64(row_.id);
  if (by_seq_) {
    if (std::binary_search(seen_.begin(), seen_.end(), hash)) return false;
    ++recovered_;
  } else {
    if (row_.id <= last_id_) {
      damaged_ = true;
      Report(walk_->node_position(), "ids are out of order", Severity::kError);
      if (row_.id == last_id_) return false;
    }
    last_id_ = row_.id;
    seen_.push_back(hash);
  }
  if (!row_.leaves.empty() && row_.leaves.front().deleted == row_.winner_deleted) return true;
  if (row_.leaves.empty()) {
    findings_->OnFinding(
        {walk_->node_position(), std::string(row_.id), "no revision of it has a body", Severity::kError});
    return false;
  }
  findings_->OnFinding({walk_->node_position(), std::string(row_.id),
                        "its row and its revisions do not agree whether it is deleted", Severity::kWarning});
  return true;
}

void DocumentIndex::EnterBySeq() {
  by_seq_ = true;
  std::sort(seen_.begin(), seen_.end());
  walk_.reset();
  if (!header_.by_seq.has_value()) return;
  walk_ = std::make_unique<TreeWalk>(file_, *header_.by_seq, header_.position, findings_);
}

void DocumentIndex::ReportCount() {
  if (recovered_ > 0) {
    Report(header_.by_seq->position,
           std::to_string(recovered_) + " documents that the damaged by-id tree lacks were found by sequence",
           Severity::kWarning);
  }
  if (!header_.by_id.has_value() || !header_.by_id->documents.has_value()) return;
  const uint64_t expected = *header_.by_id->documents + header_.by_id->deleted.value_or(0);
  if (expected != seen_.size() + recovered_) {
    Report(header_.position,
           "the header counts " + std::to_string(expected) + " documents, deleted ones included; " +
               std::to_string(seen_.size() + recovered_) + " were found",
           Severity::kError);
  }
}

bool DocumentIndex::NextBatch(DocumentBatch* batch) {
  batch->Clear();
  std::string_view row;
  while (!done_ && batch->size() < limits::kCouchDocumentsPerBatch) {
    if (walk_ != nullptr && walk_->Next(&row)) {
      if (ReadRow(row)) batch->Add(row_);
      continue;
    }
    damaged_ = damaged_ || (walk_ != nullptr && walk_->damaged());
    if (damaged_ && !by_seq_) {
      EnterBySeq();
    } else {
      done_ = true;
      ReportCount();
    }
  }
  batch->Sort();
  return batch->size() > 0;
}

Status FindDocument(BlockFile* file, const Header& header, std::string_view id, std::string* storage,
                    DocumentRow* document) {
  const Status missing = NotFound("no document '" + std::string(id.substr(0, limits::kKiB)) + "' in the file");
  if (!header.by_id.has_value()) return missing;
  uint64_t position = header.by_id->position;
  uint64_t below = header.position;
  TreeNode node;
  for (size_t depth = 0; depth <= limits::kCouchTreeDepthMax; ++depth) {
    if (position >= below) return Corruption("a tree node lies behind the one that leads to it");
    RETURN_IF_ERROR(node.Load(file, position));
    below = position;
    std::string_view row;
    Token key;
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, node.Next(&row));
      if (!more) return missing;
      if (node.is_leaf()) {
        TermReader reader(row);
        RETURN_IF_ERROR(reader.ReadTuple(2));
        RETURN_IF_ERROR(reader.Next(&key));
      } else {
        RETURN_IF_ERROR(ReadInnerRow(row, &key, &position));
      }
      if (key.kind != TermKind::kBinary) return Corruption("an id in the by-id tree is no binary");
      if (key.bytes >= id) break;
    }
    if (!node.is_leaf()) continue;
    if (key.bytes != id) return missing;
    storage->assign(row);
    return ReadByIdRow(*storage, document);
  }
  return Corruption("the by-id tree is too deep");
}

}  // namespace tarn::couch_file
