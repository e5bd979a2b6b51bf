#include "migrate/couch_file/tree_walk.h"

#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {

Status TreeNode::Load(BlockFile* file, uint64_t position) {
  rows_left_ = 0;
  RETURN_IF_ERROR(file->ReadChunk(position, limits::kCouchNodeBytesMax, &chunk_));
  ASSIGN_OR_RETURN(const std::string_view term, UnpackTerm(chunk_, limits::kCouchNodeBytesMax, &unpacked_));
  rows_ = TermReader(term);
  RETURN_IF_ERROR(rows_.ReadTuple(2));
  Token kind;
  RETURN_IF_ERROR(rows_.Next(&kind));
  is_leaf_ = kind.bytes == "kv_node";
  if (kind.kind != TermKind::kAtom || (!is_leaf_ && kind.bytes != "kp_node")) return Corruption("not a tree node");
  ASSIGN_OR_RETURN(rows_left_, rows_.ReadList());
  return OkStatus();
}

Result<bool> TreeNode::Next(std::string_view* row) {
  if (rows_left_ == 0) return false;
  --rows_left_;
  auto taken = rows_.TakeTerm();
  if (!taken.ok()) {
    rows_left_ = 0;
    return std::move(taken).status();
  }
  *row = *taken;
  return true;
}

Status ReadInnerRow(std::string_view row, Token* key, uint64_t* position) {
  TermReader reader(row);
  RETURN_IF_ERROR(reader.ReadTuple(2));
  ASSIGN_OR_RETURN(const std::string_view key_term, reader.TakeTerm());
  RETURN_IF_ERROR(TermReader(key_term).Next(key));
  ASSIGN_OR_RETURN([[maybe_unused]] const uint32_t count, reader.ReadTupleOfAtLeast(2));
  ASSIGN_OR_RETURN(*position, reader.ReadUnsigned());
  return OkStatus();
}

TreeWalk::TreeWalk(BlockFile* file, const TreeRoot& root, uint64_t end, FindingSink* findings)
    : file_(file), findings_(findings) {
  levels_.push_back({{root.position}, 0, end});
}

void TreeWalk::Report(uint64_t position, std::string_view what) {
  damaged_ = true;
  findings_->OnFinding(
      {position, {}, "a tree node is left out, with what is below it: " + std::string(what), Severity::kError});
}

void TreeWalk::Enter(uint64_t position, uint64_t below) {
  if (position >= below) return Report(position, "it lies behind the node that leads to it");
  const auto head = file_->ReadChunkHead(position);
  if (!head.ok()) return Report(position, head.status().message());
  bytes_read_ += head->data_bytes + sizeof(uint32_t);
  if (bytes_read_ > file_->size()) {
    levels_.clear();
    return Report(position, "the tree's nodes have more bytes than the file");
  }
  if (const Status loaded = node_.Load(file_, position); !loaded.ok()) return Report(position, loaded.message());
  node_position_ = position;
  in_leaf_ = node_.is_leaf();
  if (in_leaf_) return;
  if (levels_.size() > limits::kCouchTreeDepthMax) return Report(position, "the tree is too deep");
  Level level;
  level.below = position;
  std::string_view row;
  for (;;) {
    const auto more = node_.Next(&row);
    if (!more.ok()) Report(position, more.status().message());
    if (!more.ok() || !*more) break;
    Token key;
    uint64_t child = 0;
    if (const Status read = ReadInnerRow(row, &key, &child); !read.ok()) {
      Report(position, read.message());
      continue;
    }
    level.children.push_back(child);
  }
  levels_.push_back(std::move(level));
}

bool TreeWalk::Next(std::string_view* row) {
  for (;;) {
    if (in_leaf_) {
      const auto more = node_.Next(row);
      if (more.ok() && *more) {
        // A row that is no pair is not worth the caller's time.
        TermReader pair(*row);
        Token tuple;
        if (pair.Next(&tuple).ok() && tuple.kind == TermKind::kTuple && tuple.count == 2) return true;
        Report(node_position_, "a row is no pair");
        continue;
      }
      if (!more.ok()) Report(node_position_, more.status().message());
      in_leaf_ = false;
    }
    while (!levels_.empty() && levels_.back().next == levels_.back().children.size()) levels_.pop_back();
    if (levels_.empty()) return false;
    Level& level = levels_.back();
    Enter(level.children[level.next++], level.below);
  }
}

}  // namespace tarn::couch_file
