#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/base/clock.h"
#include "storage/base/limits.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"

namespace tarn::registry {

// Slow hashes of passwords (argon2id), and the brakes on those who guess.
//
// At most limits::kPasswordHashesConcurrentMax at a time, so logins cannot exhaust memory; the others wait up to
// limits::kPasswordWaitMs. After limits::kLoginFailuresFree wrong passwords in a row the user's next attempt has to
// wait, twice as long after each further one, up to limits::kLoginDelayMsMax. By user name and not by address: guesses
// come from many. Forgotten when the process ends.
// Threads: any. Blocks for tens of milliseconds of CPU.
class Passwords {
 public:
  explicit Passwords(Clock* clock) : clock_(clock) {}

  // libsodium's argon2id string. kInvalidArgument: empty, or over limits::kPasswordBytesMax. kResourceExhausted:
  // waited too long.
  Result<std::string> Hash(std::string_view password) EXCLUDES(mutex_);

  // OK when it is the password. kUnauthenticated: it is not. kResourceExhausted: too many wrong ones before, or waited
  // too long; both say when to come back.
  Status Verify(std::string_view user, const std::string& hash, std::string_view password) EXCLUDES(mutex_);

 private:
  struct Failures {
    uint32_t count = 0;
    uint64_t blocked_until_ms = 0;  // Monotonic.
  };
  class Slot;

  Status CheckNotBlocked(const std::string& user) EXCLUDES(mutex_);
  void Note(const std::string& user, bool correct) EXCLUDES(mutex_);

  Clock* const clock_;

  Mutex mutex_;
  CondVar slot_free_;
  size_t slots_used_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, Failures> failures_ GUARDED_BY(mutex_);
};

}  // namespace tarn::registry
