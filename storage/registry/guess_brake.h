#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "storage/base/clock.h"
#include "storage/base/limits.h"
#include "storage/base/mutex.h"
#include "storage/registry/access.h"

namespace tarn::registry {

// Where a guess comes from. A token shown beside the guess is a source that nobody else can pretend to be.
struct GuessSource {
  std::string text;  // Empty: unknown.
  bool is_proven = false;

  static GuessSource Of(const PeerAddress& address);
  static GuessSource Of(const Principal& principal);
};

// Slows down those who guess a user's secret, without shutting the user out.
//
// After limits::kLoginFailuresFree wrong guesses in a row the next one has to wait, twice as long after each further
// one, up to `delay_ms_max`. Counted by user and not by address, because guesses come from many; but an address that has
// shown the right secret of this user before is counted by itself, and so is a token: strangers who guess all day cannot
// keep the user out of where they usually are, and whoever stole one token cannot stop the others.
// Forgotten when the process ends. Threads: any.
class GuessBrake {
 public:
  GuessBrake(Clock* clock, uint64_t delay_ms_max) : clock_(clock), delay_ms_max_(delay_ms_max) {}

  // Seconds until the next guess is looked at; 0: now.
  uint64_t SecondsToWait(std::string_view user, const GuessSource& source) EXCLUDES(mutex_);
  enum class Guess : uint8_t { kWrong, kRight };
  void Note(std::string_view user, const GuessSource& source, Guess guess) EXCLUDES(mutex_);

 private:
  struct Failures {
    uint32_t count = 0;
    uint64_t blocked_until_ms = 0;  // Monotonic.
  };
  // Under which failures are counted: the user, or user and source where the user is at home.
  std::string KeyOf(std::string_view user, const GuessSource& source) REQUIRES(mutex_);

  Clock* const clock_;
  const uint64_t delay_ms_max_;

  Mutex mutex_;
  std::unordered_map<std::string, Failures> failures_ GUARDED_BY(mutex_);
  std::unordered_set<std::string> familiar_ GUARDED_BY(mutex_);
};

}  // namespace tarn::registry
