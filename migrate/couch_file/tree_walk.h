#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch_file/block_file.h"
#include "migrate/couch_file/finding.h"
#include "migrate/couch_file/header.h"
#include "migrate/couch_file/term.h"

namespace tarn::couch_file {

// One node of a tree, read and unpacked; the rows are read off one by one.
class TreeNode {
 public:
  // Errors: as BlockFile::ReadChunk and UnpackTerm; kCorruption if it is no node.
  Status Load(BlockFile* file, uint64_t position);

  bool is_leaf() const { return is_leaf_; }
  // The node's rows: {LastKey, {Position, …}} of an inner node, {Key, Value} of a leaf. False after the last one.
  Result<bool> Next(std::string_view* row);

 private:
  std::string chunk_;
  std::string unpacked_;
  bool is_leaf_ = false;
  TermReader rows_;
  uint32_t rows_left_ = 0;
};

// The place a row of an inner node leads to; `key` is its greatest one.
Status ReadInnerRow(std::string_view row, Token* key, uint64_t* position);

// All rows of a tree's leaves, from left to right. A node that cannot be read is a finding and left out, with what is
// below it.
//
// It ends for any bytes: a node lies before the one that leads to it, as in every file that was only ever appended to,
// and all nodes together have no more bytes than the file.
// Threads: one at a time.
class TreeWalk {
 public:
  // Everything that is referred to lies before `end`, the place of the header. `file` and `findings` outlive this.
  TreeWalk(BlockFile* file, const TreeRoot& root, uint64_t end, FindingSink* findings);

  // The next row of a leaf: the two elements of {Key, Value}. A view until the next call. False at the end.
  bool Next(std::string_view* row);
  // Where the leaf is that the last row came from.
  uint64_t node_position() const { return node_position_; }
  // True if something was left out.
  bool damaged() const { return damaged_; }

 private:
  struct Level {
    std::vector<uint64_t> children;
    size_t next = 0;
    uint64_t below = 0;  // They lie before this place.
  };

  void Report(uint64_t position, std::string_view what);
  // Loads the node at `position`: a leaf becomes the present one, an inner node a new level.
  void Enter(uint64_t position, uint64_t below);

  BlockFile* const file_;
  FindingSink* const findings_;
  std::vector<Level> levels_;
  TreeNode node_;
  bool in_leaf_ = false;
  uint64_t node_position_ = 0;
  uint64_t bytes_read_ = 0;
  bool damaged_ = false;
};

}  // namespace tarn::couch_file
