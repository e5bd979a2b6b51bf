#include "http/api/feed_document.h"

#include <algorithm>

#include "http/api/feed_query.h"
#include "storage/base/check.h"

namespace tarn::http {

void PieceBuffer::AppendShared(SharedBytes piece) {
  if (!text_.empty()) {
    bytes_ += text_.size();
    pieces_.push_back(ShareString(std::exchange(text_, {})));
  }
  bytes_ += piece.bytes.size();
  pieces_.push_back(std::move(piece));
}

std::vector<SharedBytes> PieceBuffer::Take() {
  if (!text_.empty()) pieces_.push_back(ShareString(std::exchange(text_, {})));
  bytes_ = 0;
  return std::exchange(pieces_, {});
}

void AppendDocument(const registry::FeedDocument& document, Revisions revisions, Lines lines, PieceBuffer* out) {
  std::string head = "{";
  if (document.is_unpublished) head += "\"_deleted\":true,";
  if (revisions == Revisions::kInclude) {
    head += "\"_revisions\":{\"start\":" + std::to_string(document.rev_counter) + ",\"ids\":[";
    for (size_t i = 0; i < document.rev_hashes.size(); ++i)
      head += (i > 0 ? ",\"" : "\"") + document.rev_hashes[i] + "\"";
    head += "]},";
  }
  out->Append(head);
  bool first = true;
  for (const auto& buffer : document.packument.body->buffers) {
    std::string_view bytes = *buffer;
    if (first) {
      CHECK(bytes.starts_with('{'));
      bytes.remove_prefix(1);
      first = false;
    }
    if (lines == Lines::kAny) {
      out->AppendShared({buffer, bytes});
    } else {
      std::string copy(bytes);  // Within a JSON string a line break is escaped, so these are all space.
      std::replace_if(
          copy.begin(), copy.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
      out->Append(copy);
    }
  }
}

bool Answers(const registry::FeedDocument& document, std::string_view rev, Latest latest) {
  if (rev.empty() || rev == document.rev()) return true;
  if (latest == Latest::kNo) return false;
  const auto generation = GenerationOf(rev);
  return generation && *generation <= document.rev_counter;
}

}  // namespace tarn::http
