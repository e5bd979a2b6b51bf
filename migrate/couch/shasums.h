#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace tarn::migrate {

// The SHA-1s that a document has of its tarballs, by the name of the file that `dist.tarball` ends with. The bytes of those are
// compared with it anyhow; of all other attachments CouchDB's own MD5 is what can be checked.
// Threads: one at a time.
class Shasums {
 public:
  void Clear();
  // `dist.shasum` beside the tarball `file`, by what has been read of the document so far; empty: none. Reads `body` again
  // only when it has grown.
  std::string Find(std::string_view body, const std::string& file);

 private:
  void Read(std::string_view body);

  size_t read_bytes_ = 0;
  std::unordered_map<std::string, std::string> by_file_;
};

}  // namespace tarn::migrate
