#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch_file/term.h"

namespace tarn::couch_file {

// One leaf of a document's revision tree.
struct Leaf {
  uint64_t generation = 0;
  std::string_view id;  // As stored: 16 bytes, or text of another length. A view of the term.
  bool deleted = false;
  bool has_body = false;
  uint64_t body_position = 0;
};

// "GENERATION-HEX"; an id that has not 16 bytes is text and stands as it is.
std::string RevisionText(uint64_t generation, std::string_view id);

// The leaves of the revision tree that `terms` reads next, in no particular order (`leaves` is replaced). Nodes within,
// which may have old bodies, are left out, as are leaves whose body CouchDB does not have.
// Errors: kCorruption, kTooLarge (depth or number; storage/base/couch_file_limits.h).
Status ReadRevisionTree(TermReader* terms, std::vector<Leaf>* leaves);

// The leaves of a by-sequence row of CouchDB 1.x: two lists, of live and of deleted ones.
Status ReadRevisionLists(TermReader* terms, std::vector<Leaf>* leaves);

// Puts CouchDB's winner first: live before deleted, then the higher generation, then the greater id. The others follow
// by the same rule.
void SortByWinner(std::vector<Leaf>* leaves);

}  // namespace tarn::couch_file
