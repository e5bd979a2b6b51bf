// The second factor of an account: set up, confirmed, changed, taken away.

#include "storage/engine/keys.h"
#include "storage/registry/accounts.h"
#include "storage/registry/totp.h"

namespace tarn::registry {
namespace {

Status NothingToConfirm() {
  return FailedPrecondition("No second factor is being set up: begin with `npm profile enable-2fa`.");
}

// Codes of the authenticator; recovery codes prove nothing here.
Status CheckCodes(const SecondFactor& second_factor, const std::vector<std::string>& codes, uint64_t now_ms) {
  const auto secret = Base32Decode(second_factor.secret);
  if (!secret.ok()) return secret.status();
  if (codes.empty()) return InvalidArgument("a code of the authenticator is needed");
  for (const std::string& code : codes) {
    if (FindTotpStep(*secret, code, now_ms)) continue;
    return InvalidArgument(
        "The code is not right. Look at the clock of the device that made it, and enter the next one.");
  }
  return OkStatus();
}

}  // namespace

Result<std::optional<std::string>> Accounts::BeginSecondFactor(const Principal& principal, std::string_view password,
                                                               SecondFactorMode mode, std::string_view issuer) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  if (mode == SecondFactorMode::kOff) return InvalidArgument("a mode is needed");
  const std::string secret = Base32Encode(random_->Bytes(limits::kTotpSecretBytes));
  bool was_active = false;
  const Status edited = EditUser(principal.user, principal.user, [&](UserRecord* record) {
    RETURN_IF_ERROR(CheckPassword(*record, password, GuessSource::Of(principal)));
    was_active = record->second_factor.is_active();
    if (was_active) {
      RETURN_IF_ERROR(second_factors_->Verify(*record, principal.one_time_password, GuessSource::Of(principal)));
      record->second_factor.mode = mode;
    } else {
      record->second_factor = {mode, true, secret, {}};
    }
    return OkStatus();
  });
  if (!edited.ok()) return edited;
  if (was_active) return std::optional<std::string>();
  return std::optional<std::string>(OtpauthUrl(issuer, principal.user, secret));
}

Result<std::vector<std::string>> Accounts::ConfirmSecondFactor(const Principal& principal,
                                                               const std::vector<std::string>& codes) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  const std::vector<std::string> recovery_codes = MakeRecoveryCodes(random_);
  UserRecord confirmed;
  const Status edited = EditUser(principal.user, principal.user, [&](UserRecord* record) {
    if (!record->second_factor.is_pending) return NothingToConfirm();
    RETURN_IF_ERROR(CheckCodes(record->second_factor, codes, clock_->NowMs()));
    record->second_factor.is_pending = false;
    record->second_factor.recovery_hashes.clear();
    for (const std::string& code : recovery_codes) {
      record->second_factor.recovery_hashes.push_back(*HashRecoveryCode(code));
    }
    confirmed = *record;
    return OkStatus();
  });
  if (!edited.ok()) return edited;
  for (const std::string& code : codes) second_factors_->NoteUsed(confirmed, code);
  return recovery_codes;
}

Status Accounts::DisableSecondFactor(const Principal& principal, std::string_view password) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  return EditUser(principal.user, principal.user, [&](UserRecord* record) {
    RETURN_IF_ERROR(CheckPassword(*record, password, GuessSource::Of(principal)));
    if (record->second_factor.is_active()) {
      RETURN_IF_ERROR(second_factors_->Verify(*record, principal.one_time_password, GuessSource::Of(principal)));
    }
    record->second_factor = {};
    return OkStatus();
  });
}

Status Accounts::ResetSecondFactor(const Principal& principal, std::string_view user) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  if (!principal.is_admin) return PermissionDenied("Only an administrator can do this.");
  RETURN_IF_ERROR(second_factors_->Check(principal, SecondFactorAct::kAccount, nullptr));
  return EditUser(principal.user, user, [](UserRecord* record) {
    record->second_factor = {};
    return OkStatus();
  });
}

Result<std::string> Accounts::ExchangeOneTimePassword(std::string_view user, std::string_view code,
                                                      const PeerAddress& client) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto stored, ReadUser(*view, user));
  if (!stored.record || !stored.record->second_factor.is_active()) {
    return FailedPrecondition("This account has no second factor (any more).");
  }
  RETURN_IF_ERROR(second_factors_->Verify(*stored.record, code, GuessSource::Of(client)));
  return second_factors_->Issue(*stored.record);
}

}  // namespace tarn::registry
