#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch_file/block_file.h"
#include "migrate/couch_file/finding.h"
#include "migrate/couch_file/header.h"
#include "migrate/couch_file/rev_tree.h"
#include "migrate/couch_file/tree_walk.h"

namespace tarn::couch_file {

// One row of a tree, as far as a reader of documents needs it. Views of the row.
struct DocumentRow {
  std::string_view id;
  bool winner_deleted = false;  // As the row says.
  std::vector<Leaf> leaves;     // The winner first; empty if CouchDB has no body of any.
};

// `row` is a pair of a leaf of the by-id or the by-sequence tree.
// Errors: kCorruption; kTooLarge (an id or a revision tree over a limit).
Status ReadByIdRow(std::string_view row, DocumentRow* document);
Status ReadBySeqRow(std::string_view row, DocumentRow* document);

// Documents and their leaf revisions, packed: about 100 bytes for one. A batch of what is read in the order of the file.
class DocumentBatch {
 public:
  struct Revision {
    uint64_t body_position = 0;
    uint64_t text_begin = 0;
    uint32_t text_bytes = 0;
    bool deleted = false;
  };
  struct Document {
    uint64_t id_begin = 0;
    uint32_t id_bytes = 0;
    uint32_t leaf_count = 0;
    uint64_t first_leaf = 0;  // Of `revisions`: the winner.
  };

  // The row has a leaf at least.
  void Add(const DocumentRow& row);
  void Clear();
  // By the place of the winner's body.
  void Sort();

  size_t size() const { return documents_.size(); }
  std::string_view Id(size_t i) const;
  size_t LeafCount(size_t i) const { return documents_[i].leaf_count; }
  const Revision& Leaf(size_t i, size_t leaf) const { return revisions_[documents_[i].first_leaf + leaf]; }
  std::string_view Text(const Revision& revision) const;

 private:
  std::vector<Document> documents_;
  std::vector<Revision> revisions_;
  std::string text_;
};

// The documents of a file, batch after batch: all rows of the by-id tree, and where that is damaged the missing ones from
// the by-sequence tree, which has each of them a second time.
class DocumentIndex {
 public:
  // Both outlive this; `header` too.
  DocumentIndex(BlockFile* file, const Header& header, FindingSink* findings);

  // Fills `batch` with at most limits::kCouchDocumentsPerBatch documents. False: there are no more.
  bool NextBatch(DocumentBatch* batch);

 private:
  bool ReadRow(std::string_view row);
  void EnterBySeq();
  void ReportCount();
  void Report(uint64_t offset, std::string what, Severity severity);

  BlockFile* const file_;
  const Header& header_;
  FindingSink* const findings_;
  std::unique_ptr<TreeWalk> walk_;
  bool by_seq_ = false;
  bool damaged_ = false;
  bool done_ = false;
  uint64_t recovered_ = 0;
  DocumentRow row_;
  std::string last_id_;
  // Hashes of the ids that were handed out; sorted once the by-sequence tree is read.
  std::vector<uint64_t> seen_;
};

// The row of one document, found by going down the by-id tree. `storage` is what the row's views point into.
// Errors: kNotFound, and those of reading nodes.
Status FindDocument(BlockFile* file, const Header& header, std::string_view id, std::string* storage, DocumentRow* row);

}  // namespace tarn::couch_file
