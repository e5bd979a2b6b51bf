#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/access.h"
#include "storage/registry/guess_brake.h"
#include "storage/registry/records.h"
#include "storage/registry/second_factor_rules.h"

namespace tarn::registry {

// Checks one-time passwords: codes of an authenticator, recovery codes, and the long codes that the web page hands out.
//
// Clients show one code on every request of a command (npm's unpublish makes four), so a code that was accepted goes on
// being accepted from the same user for limits::kOneTimePasswordReuseMs, and never afterwards: by then an
// authenticator's code is out of its time, and a recovery code is gone from the account, committed before it counted.
// What was accepted is remembered in memory; a restart forgets it, and leaves no code valid for longer than that.
// Guesses are slowed down as those of passwords are (guess_brake.h), and longer: six digits are few.
// Threads: any. May block on a commit.
class SecondFactors {
 public:
  SecondFactors(engine::Store* store, Clock* clock, Random* random);

  // May the caller do this without, or with, the code they showed? OK for the operator.
  //   package  the one that is written, if it exists.
  // kSecondFactorNeeded: no code, a wrong one, or too many wrong ones before; the message is for the client.
  // kPermissionDenied: the package wants a code and the account has no second factor.
  Status Check(const Principal& principal, SecondFactorAct act, const PackageRecord* package);

  // Is `code` one of `user`, whose second factor is active? Errors: kSecondFactorNeeded as above.
  Status Verify(const UserRecord& user, std::string_view code, const GuessSource& source) EXCLUDES(mutex_);

  // A long code that counts as a one-time password of `user` from now on, for limits::kOneTimePasswordReuseMs.
  std::string Issue(const UserRecord& user) EXCLUDES(mutex_);
  // A code that the user has just shown for another reason is not fresh any more.
  void NoteUsed(const UserRecord& user, std::string_view code) EXCLUDES(mutex_);

 private:
  Status VerifyLocked(const UserRecord& user, std::string_view code) REQUIRES(mutex_);
  void Remember(const std::string& key) REQUIRES(mutex_);
  // Takes the code with this hash from the account; false when it has none such (any more).
  Result<bool> SpendRecoveryCode(std::string_view user, uint64_t user_id, const std::string& hash);
  // Of a user and a code, without keeping the code.
  std::string KeyOf(const UserRecord& user, std::string_view code) const;

  engine::Store* const store_;
  Clock* const clock_;
  Random* const random_;
  const std::string process_key_;
  GuessBrake brake_;

  // Held while a code is checked, so that a burst of guesses cannot all pass before the first is counted.
  Mutex mutex_;
  std::unordered_map<std::string, uint64_t> accepted_ms_ GUARDED_BY(mutex_);  // Monotonic, when first accepted.
};

}  // namespace tarn::registry
