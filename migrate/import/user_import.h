#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch/document_visitor.h"
#include "migrate/import/finding.h"
#include "storage/registry/legacy_users.h"

namespace tarn::migrate {

// What became of one account.
struct UserReport {
  enum class State : uint8_t { kImported, kUnchanged, kExists, kDeleted, kRefused };
  std::string name;
  State state = State::kImported;
  std::vector<Finding> findings;
};
std::string_view StateName(UserReport::State state);

class UserListener {
 public:
  virtual ~UserListener() = default;
  virtual void User(const UserReport& report) = 0;
};

struct UserCounts {
  uint64_t imported = 0, unchanged = 0, exists = 0, deleted = 0, refused = 0, warnings = 0;
};

// Takes documents of a `_users` database. Passwords stay what they were: their old hashes are checked until the first
// login, which replaces them. No account becomes an administrator.
// Threads: one at a time.
class UserImport {
 public:
  // `target` nullptr: a dry run.
  UserImport(registry::LegacyUsers* target, UserListener* listener) : target_(target), listener_(listener) {}

  static bool IsUser(std::string_view id);
  Status Take(const DocumentEnd& document);
  // The accounts of a password file as Apache's htpasswd writes them: names and passwords, no addresses.
  Status TakeHtpasswd(std::string_view text);
  const UserCounts& counts() const { return counts_; }

 private:
  Status Put(const registry::LegacyUser& user, UserReport report);
  Status Report(UserReport report);

  registry::LegacyUsers* const target_;
  UserListener* const listener_;
  UserCounts counts_;
};

}  // namespace tarn::migrate
