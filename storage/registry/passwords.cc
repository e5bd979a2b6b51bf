#include "storage/registry/passwords.h"

#include <sodium.h>

#include <array>

#include "storage/registry/couch_hash.h"
#include "storage/registry/htpasswd.h"

namespace tarn::registry {
namespace {

Status CheckLength(std::string_view password) {
  if (password.empty()) return InvalidArgument("the password is empty");
  if (password.size() > limits::kPasswordBytesMax) {
    return InvalidArgument("the password is over " + std::to_string(limits::kPasswordBytesMax) + " bytes");
  }
  return OkStatus();
}

bool Matches(const std::string& hash, std::string_view password) {
  if (IsCouchHash(hash)) return MatchesCouch(hash, password);
  if (IsHtpasswdHash(hash)) return MatchesHtpasswd(hash, password);
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

}  // namespace

// One of the few places where a hash may be computed.
class Passwords::Slot {
 public:
  explicit Slot(Passwords* owner) : owner_(owner) {
    MutexLock lock(owner_->mutex_);
    const uint64_t deadline_ms = owner_->clock_->MonotonicMs() + limits::kPasswordWaitMs;
    while (owner_->slots_used_ == limits::kPasswordHashesConcurrentMax) {
      const uint64_t now_ms = owner_->clock_->MonotonicMs();
      if (now_ms >= deadline_ms) return;
      owner_->slot_free_.WaitForMs(owner_->mutex_, deadline_ms - now_ms);
    }
    ++owner_->slots_used_;
    held_ = true;
  }
  ~Slot() {
    if (!held_) return;
    MutexLock lock(owner_->mutex_);
    --owner_->slots_used_;
    owner_->slot_free_.NotifyOne();
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  Status status() const {
    return held_ ? OkStatus() : ResourceExhausted("Too many logins at once. Try again in a few seconds.");
  }

 private:
  Passwords* const owner_;
  bool held_ = false;
};

Result<std::string> Passwords::Hash(std::string_view password) {
  RETURN_IF_ERROR(CheckLength(password));
  const Slot slot(this);
  RETURN_IF_ERROR(slot.status());
  std::array<char, crypto_pwhash_STRBYTES> text;
  if (crypto_pwhash_str_alg(text.data(), password.data(), password.size(), limits::kPasswordHashPasses,
                            limits::kPasswordHashBytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return ResourceExhausted("no memory to hash a password");
  }
  return std::string(text.data());
}

Status Passwords::Verify(std::string_view user, const GuessSource& source, const std::string& hash,
                         std::string_view password) {
  const Status wrong = Unauthenticated("Wrong user name or password.");
  if (hash.empty() || !CheckLength(password).ok()) return wrong;
  const Slot slot(this);
  RETURN_IF_ERROR(slot.status());
  // Within the slot, so that a burst of guesses cannot all pass before the first is counted.
  if (const uint64_t seconds = brake_.SecondsToWait(user, source); seconds > 0) {
    return ResourceExhausted("Too many wrong passwords for this user. Try again in " + std::to_string(seconds) +
                             " seconds.");
  }
  const bool is_right = Matches(hash, password);
  brake_.Note(user, source, is_right ? GuessBrake::Guess::kRight : GuessBrake::Guess::kWrong);
  return is_right ? OkStatus() : wrong;
}

}  // namespace tarn::registry
