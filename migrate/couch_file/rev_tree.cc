#include "migrate/couch_file/rev_tree.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {
namespace {

constexpr size_t kRevisionIdBytes = 16;

Result<std::string_view> ReadRevisionId(TermReader* terms) {
  ASSIGN_OR_RETURN(const std::string_view id, terms->ReadBinary());
  if (id.empty() || id.size() > limits::kCouchRevisionIdBytesMax)
    return Corruption("a revision id of impossible length");
  return id;
}

Status ReadPosition(TermReader* terms, Leaf* leaf) {
  Token token;
  RETURN_IF_ERROR(terms->Next(&token));
  // `nil` where there is no body.
  leaf->has_body = token.kind == TermKind::kInteger && token.integer > 0;
  if (leaf->has_body) leaf->body_position = static_cast<uint64_t>(token.integer);
  return leaf->has_body || token.kind == TermKind::kAtom ? OkStatus() : Corruption("a body's place is no position");
}

// `[]` where the body is not there, else {Deleted, Position, Sequence, …}.
Status ReadNodeValue(std::string_view term, Leaf* leaf) {
  TermReader reader(term);
  Token token;
  RETURN_IF_ERROR(reader.Next(&token));
  if (token.kind == TermKind::kNil) return OkStatus();
  if (token.kind != TermKind::kTuple || token.count < 3) return Corruption("a revision is no tuple of three elements");
  ASSIGN_OR_RETURN(leaf->deleted, reader.ReadFlag());
  return ReadPosition(&reader, leaf);
}

Status Add(const Leaf& leaf, std::vector<Leaf>* leaves) {
  if (!leaf.has_body) return OkStatus();
  if (leaves->size() >= limits::kCouchLeavesMax) return TooLarge("a document with too many leaf revisions");
  leaves->push_back(leaf);
  return OkStatus();
}

// One tree: {RevId, Value, [Node…]}, its root being of `generation`. `left` holds, from the root down to where we are,
// how many siblings there are still to come.
Status ReadTree(TermReader* terms, uint64_t generation, std::vector<uint32_t>* left, std::vector<Leaf>* leaves) {
  left->clear();
  for (;;) {
    RETURN_IF_ERROR(terms->ReadTuple(3));
    Leaf leaf;
    leaf.generation = generation + left->size();
    ASSIGN_OR_RETURN(leaf.id, ReadRevisionId(terms));
    ASSIGN_OR_RETURN(const std::string_view value, terms->TakeTerm());
    ASSIGN_OR_RETURN(const uint32_t children, terms->ReadList());
    if (children > 0) {
      if (left->size() >= limits::kCouchRevisionDepthMax) return TooLarge("a revision tree that is too deep");
      left->push_back(children);
      continue;
    }
    RETURN_IF_ERROR(ReadNodeValue(value, &leaf));
    RETURN_IF_ERROR(Add(leaf, leaves));
    // To the next sibling, of this node or of the nearest ancestor that has one.
    while (!left->empty() && --left->back() == 0) {
      RETURN_IF_ERROR(terms->ReadListEnd(1));
      left->pop_back();
    }
    if (left->empty()) return OkStatus();
  }
}

}  // namespace

std::string RevisionText(uint64_t generation, std::string_view id) {
  return std::to_string(generation) + "-" + (id.size() == kRevisionIdBytes ? HexEncode(id) : std::string(id));
}

Status ReadRevisionTree(TermReader* terms, std::vector<Leaf>* leaves) {
  leaves->clear();
  std::vector<uint32_t> left;
  ASSIGN_OR_RETURN(const uint32_t trees, terms->ReadList());
  for (uint32_t i = 0; i < trees; ++i) {
    RETURN_IF_ERROR(terms->ReadTuple(2));
    ASSIGN_OR_RETURN(const uint64_t generation, terms->ReadUnsigned());
    RETURN_IF_ERROR(ReadTree(terms, generation, &left, leaves));
  }
  return terms->ReadListEnd(trees);
}

Status ReadRevisionLists(TermReader* terms, std::vector<Leaf>* leaves) {
  leaves->clear();
  for (const bool deleted : {false, true}) {
    ASSIGN_OR_RETURN(const uint32_t count, terms->ReadList());
    for (uint32_t i = 0; i < count; ++i) {
      // {{Generation, RevId}, Sequence, Position}
      ASSIGN_OR_RETURN(const std::string_view row, terms->TakeTerm());
      TermReader reader(row);
      Leaf leaf;
      leaf.deleted = deleted;
      RETURN_IF_ERROR(reader.ReadTuple(3));
      RETURN_IF_ERROR(reader.ReadTuple(2));
      ASSIGN_OR_RETURN(leaf.generation, reader.ReadUnsigned());
      ASSIGN_OR_RETURN(leaf.id, ReadRevisionId(&reader));
      RETURN_IF_ERROR(reader.Skip());
      RETURN_IF_ERROR(ReadPosition(&reader, &leaf));
      RETURN_IF_ERROR(Add(leaf, leaves));
    }
    RETURN_IF_ERROR(terms->ReadListEnd(count));
  }
  return OkStatus();
}

void SortByWinner(std::vector<Leaf>* leaves) {
  std::sort(leaves->begin(), leaves->end(), [](const Leaf& a, const Leaf& b) {
    if (a.deleted != b.deleted) return b.deleted;
    if (a.generation != b.generation) return a.generation > b.generation;
    return a.id > b.id;
  });
}

}  // namespace tarn::couch_file
