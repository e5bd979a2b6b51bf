#pragma once

#include <cstdint>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/records.h"

namespace tarn::registry {

// An account as its origin had it. Names are taken as they are: with capitals, and in all languages.
struct LegacyUser {
  std::string name;
  std::string email;
  std::string password_hash;  // couch_hash.h; empty: nobody can log in with a password.
  UserProfile profile;
  uint64_t created_ms = 0;  // 0: now.
};

// Brings accounts in from elsewhere. Never an administrator, and never over an account that is there.
// Threads: one at a time. Blocks on disk.
class LegacyUsers {
 public:
  LegacyUsers(engine::Store* store, Clock* clock, Random* random) : store_(store), clock_(clock), random_(random) {}

  enum class Outcome : uint8_t {
    kCreated,
    kUnchanged,  // It is in already, with this password.
    kExists,     // An account, a removed one or an organisation has the name: left as it is.
  };
  // kInvalidArgument: no name that could be asked for.
  Result<Outcome> Put(const LegacyUser& user);

 private:
  engine::Store* const store_;
  Clock* const clock_;
  Random* const random_;
};

}  // namespace tarn::registry
