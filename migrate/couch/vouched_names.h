#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

namespace tarn::migrate {

// The attachments of a document whose bytes are compared with a SHA-1 that the document itself has: the tarballs that its
// versions name, if each of those has a shasum. Of all others CouchDB's own digest is what can be checked.
// Threads: one at a time.
class VouchedNames {
 public:
  void Clear();
  // Of the attachment `name`, by what has been read of the document so far. Reads `body` again only when it has grown.
  bool Has(std::string_view body, const std::string& name);

 private:
  void Read(std::string_view body);

  size_t read_bytes_ = 0;
  std::unordered_set<std::string> names_;
};

}  // namespace tarn::migrate
