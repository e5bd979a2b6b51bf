// Dumps of a CouchDB, whole and in pieces: the visitor's rules hold, and the size of the pieces makes no difference.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "migrate/couch/json_dump_reader.h"
#include "migrate/couch/multipart_reader.h"
#include "migrate/couch/recording_visitor_for_test.h"
#include "migrate/import/plan.h"

namespace {

using tarn::migrate::RecordingVisitor;

template <typename Reader>
bool Read(Reader reader, std::string_view text, size_t piece_bytes) {
  for (; !text.empty(); text.remove_prefix(std::min(piece_bytes, text.size()))) {
    if (!reader->Append(text.substr(0, piece_bytes)).ok()) return false;
  }
  return reader->Finish().ok();
}

// The first byte says which reader, and how large the pieces are.
bool ReadAs(uint8_t choice, std::string_view text, size_t piece_bytes, RecordingVisitor* visitor) {
  if (choice % 2 == 0) {
    tarn::migrate::JsonDumpReader reader(visitor);
    return Read(&reader, text, piece_bytes);
  }
  tarn::migrate::MultipartReader reader(visitor, "");
  return Read(&reader, text, piece_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  RecordingVisitor whole, pieces;
  const bool whole_ok = ReadAs(data[0], text, text.size(), &whole);
  const bool pieces_ok = ReadAs(data[0], text, 1 + data[0] / 2 % 16, &pieces);
  if (whole_ok != pieces_ok || !whole.broken_rules.empty() || !pieces.broken_rules.empty()) std::abort();
  if (whole_ok && !(whole.documents == pieces.documents)) std::abort();
  for (const auto& document : whole.documents) {
    tarn::migrate::SourceDocument source{document.end.id, document.end.rev, document.end.body, {}};
    for (const auto& [name, bytes] : document.attachments) {
      source.attachments.push_back({name, tarn::migrate::StoredAttachment::State::kWhole, {}, {}, bytes.size()});
    }
    PlanDocument(source, {});
  }
  return 0;
}
