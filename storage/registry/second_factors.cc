#include "storage/registry/second_factors.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/package_state.h"
#include "storage/registry/totp.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kIssuedPrefix = "otp_";
constexpr size_t kIssuedBytes = 32;

Status AskForCode() { return SecondFactorNeeded(std::string(kOneTimePasswordText)); }

}  // namespace

SecondFactors::SecondFactors(engine::Store* store, Clock* clock, Random* random)
    : store_(store),
      clock_(clock),
      random_(random),
      process_key_(random->Bytes(32)),
      brake_(clock, limits::kOneTimePasswordDelayMsMax) {}

Status SecondFactors::Check(const Principal& principal, SecondFactorAct act, const PackageRecord* package) {
  if (principal.kind != Principal::Kind::kUser) return OkStatus();
  const auto view = store_->NewReadView();
  if (!view.ok()) return view.status();
  const auto user = ReadUser(**view, principal.user);
  if (!user.ok()) return user.status();
  if (!user->record) return OkStatus();
  SecondFactorFacts facts;
  if (user->record->second_factor.is_active()) facts.mode = user->record->second_factor.mode;
  facts.token_bypasses = principal.bypasses_second_factor;
  facts.package_requires = package != nullptr && package->requires_second_factor;
  facts.automation_bypasses = package != nullptr && package->automation_bypasses_second_factor;
  switch (DecideSecondFactor(act, facts)) {
    case SecondFactorVerdict::kNotNeeded: return OkStatus();
    case SecondFactorVerdict::kNeeded: break;
    case SecondFactorVerdict::kEnrolFirst:
      return PermissionDenied(
          "This package may only be changed with a second factor, and your account has none. Set one up with `npm "
          "profile enable-2fa auth-and-writes`.");
  }
  return Verify(*user->record, principal.one_time_password, GuessSource::Of(principal));
}

Status SecondFactors::Verify(const UserRecord& user, std::string_view code, const GuessSource& source) {
  while (code.starts_with(' ')) code.remove_prefix(1);
  while (code.ends_with(' ')) code.remove_suffix(1);
  if (code.empty()) return AskForCode();  // No guess, so none is counted.
  MutexLock lock(mutex_);
  if (const uint64_t seconds = brake_.SecondsToWait(user.name, source); seconds > 0) {
    return SecondFactorNeeded(std::string(kOneTimePasswordText) + " Too many wrong codes: try again in " +
                              std::to_string(seconds) + " seconds.");
  }
  const Status verified = VerifyLocked(user, code);
  if (verified.ok()) brake_.Note(user.name, source, GuessBrake::Guess::kRight);
  if (verified.code() == Code::kSecondFactorNeeded) brake_.Note(user.name, source, GuessBrake::Guess::kWrong);
  return verified;
}

Status SecondFactors::VerifyLocked(const UserRecord& user, std::string_view code) {
  if (code.size() > limits::kOneTimePasswordBytesMax) return AskForCode();
  const std::optional<std::string> recovery_hash = HashRecoveryCode(code);
  const std::string key = KeyOf(user, recovery_hash ? *recovery_hash : std::string(code));
  if (const auto known = accepted_ms_.find(key); known != accepted_ms_.end()) {
    return clock_->MonotonicMs() - known->second < limits::kOneTimePasswordReuseMs ? OkStatus() : AskForCode();
  }
  if (recovery_hash) {
    const auto spent = SpendRecoveryCode(user.name, user.id, *recovery_hash);
    if (!spent.ok()) return spent.status();
    if (!*spent) return AskForCode();
  } else {
    const auto secret = Base32Decode(user.second_factor.secret);
    if (!secret.ok() || secret->empty()) return Corruption("the second factor of user " + user.name + " has no secret");
    if (!FindTotpStep(*secret, code, clock_->NowMs())) return AskForCode();
  }
  Remember(key);
  return OkStatus();
}

std::string SecondFactors::Issue(const UserRecord& user) {
  std::string code(kIssuedPrefix);
  code += Base64UrlEncode(random_->Bytes(kIssuedBytes));
  MutexLock lock(mutex_);
  Remember(KeyOf(user, code));
  return code;
}

void SecondFactors::NoteUsed(const UserRecord& user, std::string_view code) {
  MutexLock lock(mutex_);
  Remember(KeyOf(user, code));
}

void SecondFactors::Remember(const std::string& key) {
  const uint64_t now_ms = clock_->MonotonicMs();
  // Twice the time: an authenticator's code must not be taken for a new one while it could still be in its window.
  std::erase_if(accepted_ms_,
                [&](const auto& entry) { return now_ms - entry.second >= 2 * limits::kOneTimePasswordReuseMs; });
  // Only right codes come here, so this many within minutes are an odd registry, not an attack.
  if (accepted_ms_.size() >= limits::kAcceptedCodesMax) accepted_ms_.clear();
  accepted_ms_.emplace(key, now_ms);
}

Result<bool> SecondFactors::SpendRecoveryCode(std::string_view user, uint64_t user_id, const std::string& hash) {
  return CommitWithRetries<bool>(store_, [&](const engine::ReadView& view) -> Result<PlannedWrite<bool>> {
    ASSIGN_OR_RETURN(const auto stored, ReadUser(view, user));
    if (!stored.record || stored.record->id != user_id) return PlannedWrite<bool>{std::nullopt, false};
    UserRecord next = *stored.record;
    if (std::erase(next.second_factor.recovery_hashes, hash) == 0) return PlannedWrite<bool>{std::nullopt, false};
    ++next.rev_counter;
    engine::Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutUser;
    mutation.event.actor = next.name;
    mutation.preconditions.push_back({engine::Family::kUser, engine::NameKey(user), stored.raw});
    mutation.changes.push_back({engine::Family::kUser, engine::NameKey(user), Encode(next)});
    return PlannedWrite<bool>{std::move(mutation), true};
  });
}

std::string SecondFactors::KeyOf(const UserRecord& user, std::string_view code) const {
  std::string text;
  AppendBigEndian64(&text, user.id);
  text += code;
  return std::string(HmacSha256(process_key_, text).view());
}

}  // namespace tarn::registry
