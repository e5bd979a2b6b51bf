#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/net/response.h"
#include "storage/registry/change_feed.h"

namespace tarn::http {

// A body in the making: text of its own, and buffers of others that are not copied.
class PieceBuffer {
 public:
  void Append(std::string_view text) { text_.append(text); }
  void AppendShared(SharedBytes piece);
  size_t bytes() const { return bytes_ + text_.size(); }
  bool empty() const { return bytes() == 0; }
  std::vector<SharedBytes> Take();

 private:
  std::string text_;
  std::vector<SharedBytes> pieces_;
  size_t bytes_ = 0;
};

// How followers get a document (contract 13): the packument, with what CouchDB's protocol lays over it.
enum class Revisions : uint8_t { kOmit, kInclude };
enum class Lines : uint8_t {
  kAny,
  kOne,  // For feeds that are read line by line: a manifest is kept as it came, and may have line breaks between tokens.
};
void AppendDocument(const registry::FeedDocument& document, Revisions revisions, Lines lines, PieceBuffer* out);

// Whether `document` answers for `rev`: it is that revision, or, with `latest`, one that replaced it.
enum class Latest : uint8_t { kNo, kYes };
bool Answers(const registry::FeedDocument& document, std::string_view rev, Latest latest);

}  // namespace tarn::http
