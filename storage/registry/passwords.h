#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/limits.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/registry/guess_brake.h"

namespace tarn::registry {

// Slow hashes of passwords (argon2id), and the brakes on those who guess.
//
// At most limits::kPasswordHashesConcurrentMax at a time, so logins cannot exhaust memory; the others wait up to
// limits::kPasswordWaitMs. After wrong passwords the next attempt has to wait, up to limits::kLoginDelayMsMax; how that is
// counted says guess_brake.h.
// Threads: any. Blocks for tens of milliseconds of CPU, longer for slow hashes of an htpasswd file.
class Passwords {
 public:
  explicit Passwords(Clock* clock) : clock_(clock), brake_(clock, limits::kLoginDelayMsMax) {}

  // libsodium's argon2id string. kInvalidArgument: empty, or over limits::kPasswordBytesMax. kResourceExhausted:
  // waited too long.
  Result<std::string> Hash(std::string_view password) EXCLUDES(mutex_);

  // OK when it is the password. `hash`: one of ours, or one from an htpasswd file; empty: there is none.
  // kUnauthenticated: it is not. kResourceExhausted: too many wrong ones before, or waited too long; both say when to
  // come back.
  Status Verify(std::string_view user, const GuessSource& source, const std::string& hash, std::string_view password)
      EXCLUDES(mutex_);

 private:
  class Slot;

  Clock* const clock_;
  GuessBrake brake_;

  Mutex mutex_;
  CondVar slot_free_;
  size_t slots_used_ GUARDED_BY(mutex_) = 0;
};

}  // namespace tarn::registry
