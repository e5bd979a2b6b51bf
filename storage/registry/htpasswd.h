#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"

// Password files as Apache's htpasswd writes them, read and never written: "user:hash", a line each.
namespace tarn::registry {

struct Htpasswd {
  std::unordered_map<std::string, std::string> hashes;  // By user name; the first line of a name counts.
  std::vector<std::string> problems;                    // Lines that were passed over, in words, without their hashes.
};
// Takes every line it can use: bcrypt ($2a$, $2b$, $2y$), apr1, {SHA}, and what crypt(3) knows ($1$, $5$, $6$, $y$, DES).
// Names that no user may have, and passwords in the clear, are passed over.
Htpasswd ParseHtpasswd(std::string_view text);

// Is `hash` of one of the kinds above?
bool IsHtpasswdHash(std::string_view hash);
// Is it the hash of `password`? Takes as long as the kind of hash is slow: at most some seconds for bcrypt.
bool MatchesHtpasswd(const std::string& hash, std::string_view password);

// The file, read again when it changes. While it cannot be read it holds nobody, and the log says so.
// Threads: any. May block on the file, at most once in limits::kHtpasswdRecheckMs.
class HtpasswdFile {
 public:
  HtpasswdFile(std::string path, Clock* clock) : path_(std::move(path)), clock_(clock) {}

  std::optional<std::string> Find(std::string_view user) EXCLUDES(mutex_);
  // Changes whenever the content does: what was concluded from an earlier one is stale.
  uint64_t generation() EXCLUDES(mutex_);

 private:
  // What tells two states of the file apart.
  struct Stamp {
    uint64_t inode = 0, bytes = 0, changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  std::shared_ptr<const Htpasswd> Current() EXCLUDES(mutex_);
  void Reread() REQUIRES(mutex_);

  const std::string path_;
  Clock* const clock_;

  Mutex mutex_;
  std::shared_ptr<const Htpasswd> content_ GUARDED_BY(mutex_);
  std::optional<Stamp> stamp_ GUARDED_BY(mutex_);
  uint64_t checked_ms_ GUARDED_BY(mutex_) = 0;  // Monotonic.
  uint64_t generation_ GUARDED_BY(mutex_) = 0;
};

}  // namespace tarn::registry
