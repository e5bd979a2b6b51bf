#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch_file/document_index.h"
#include "migrate/couch_file/json_writer.h"
#include "migrate/couch_file/rev_tree.h"
#include "migrate/couch_file/term.h"
#include "migrate/couch_file/tree_walk.h"
#include "storage/base/check.h"

namespace tarn::couch_file {
namespace {

constexpr size_t kBytesMax = 1 << 20;

void CheckJson(std::string_view term) {
  TermReader reader(term);
  std::string json;
  JsonNotes notes;
  if (!AppendJsonObject(&reader, ObjectShape::kWrapped, "\"_id\":\"x\"", kBytesMax, &json, &notes).ok()) return;
  CHECK(json.front() == '{' && json.back() == '}');
  for (const char c : json) CHECK(static_cast<unsigned char>(c) >= 0x20);
  // The reader took exactly the term.
  TermReader skipper(term);
  const auto taken = skipper.TakeTerm();
  CHECK(taken.ok() && skipper.at_end() == reader.at_end());
}

void CheckRow(std::string_view term) {
  DocumentRow row;
  for (const bool by_seq : {false, true}) {
    if (!(by_seq ? ReadBySeqRow(term, &row) : ReadByIdRow(term, &row)).ok()) continue;
    CHECK(!row.id.empty());
    for (size_t i = 1; i < row.leaves.size(); ++i) {
      CHECK(row.leaves[i - 1].deleted <= row.leaves[i].deleted);
      CHECK(row.leaves[i].has_body);
    }
    DocumentBatch batch;
    if (row.leaves.empty()) continue;
    batch.Add(row);
    batch.Sort();
    CHECK(batch.Id(0) == row.id && batch.LeafCount(0) == row.leaves.size());
  }
}

}  // namespace
}  // namespace tarn::couch_file

// A stored term: as JSON, as a row of either tree, as a row of an inner node.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::couch_file;
  std::string unpacked;
  const auto term = UnpackTerm({reinterpret_cast<const char*>(data), size}, kBytesMax, &unpacked);
  if (!term.ok()) return 0;
  TermReader reader(*term);
  const auto whole = reader.TakeTerm();
  if (whole.ok()) CHECK(TermReader(*whole).TakeTerm()->size() == whole->size());
  CheckJson(*term);
  CheckRow(*term);
  Token key;
  uint64_t position = 0;
  static_cast<void>(ReadInnerRow(*term, &key, &position).ok());
  return 0;
}
