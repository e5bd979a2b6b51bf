#include "storage/registry/authenticator.h"

#include <algorithm>
#include <cstring>

#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/package_state.h"
#include "storage/registry/token_format.h"

namespace tarn::registry {
namespace {

using Outcome = Authentication::Outcome;

Authentication Refused(Outcome outcome) { return {outcome, Principal::Anonymous()}; }

}  // namespace

size_t Authenticator::HashOf::operator()(const Sha256Digest& digest) const {
  size_t hash;
  std::memcpy(&hash, digest.bytes().data(), sizeof(hash));
  return hash;
}

Authenticator::Authenticator(engine::Store* store, Accounts* accounts, SecondFactors* second_factors, Clock* clock,
                             Random* random)
    : store_(store),
      accounts_(accounts),
      second_factors_(second_factors),
      clock_(clock),
      process_key_(random->Bytes(32)),
      tokens_(limits::kAuthenticationsCachedMax),
      known_passwords_(limits::kAuthenticationsCachedMax) {}

void Authenticator::Forget() {
  tokens_.Clear();
  known_passwords_.Clear();
}

Result<Authentication> Authenticator::Authenticate(const Credentials& credentials, const PeerAddress& peer) {
  switch (credentials.kind) {
    case Credentials::Kind::kNone: return Authentication{};
    case Credentials::Kind::kBearer: return ByToken(credentials.token, peer);
    case Credentials::Kind::kBasic: break;
  }
  if (!IsTokenWellFormed(credentials.password)) return ByPassword(credentials, peer);
  ASSIGN_OR_RETURN(Authentication answer, ByToken(credentials.password, peer));
  // Whose token it is must agree with who they say they are.
  if (answer.outcome == Outcome::kOk && answer.principal.user != credentials.user) {
    return Refused(Outcome::kBadCredentials);
  }
  return answer;
}

Result<Authentication> Authenticator::ByToken(std::string_view token, const PeerAddress& peer) {
  if (!IsTokenWellFormed(token)) return Refused(Outcome::kBadCredentials);
  const Sha256Digest hash = HashToken(token);
  ASSIGN_OR_RETURN(const TokenPtr known, FindToken(hash));
  if (known == nullptr) return Refused(Outcome::kBadCredentials);
  if (known->expires_ms != 0 && clock_->NowMs() >= known->expires_ms) return Refused(Outcome::kExpired);
  if (!known->cidrs.empty() &&
      std::none_of(known->cidrs.begin(), known->cidrs.end(), [&](const Cidr& cidr) { return cidr.Contains(peer); })) {
    return Refused(Outcome::kAddressNotAllowed);
  }
  return Authentication{Outcome::kOk,
                        {.kind = Principal::Kind::kUser,
                         .user = known->user,
                         .is_admin = known->is_admin && !known->limits,
                         .may_write = !known->read_only,
                         .is_limited_admin = known->is_admin && known->limits,
                         .token = hash,
                         .bypasses_second_factor = known->limits && known->limits->bypasses_second_factor,
                         .one_time_password = {},
                         .limits = known->limits}};
}

Result<Authenticator::TokenPtr> Authenticator::FindToken(const Sha256Digest& hash) {
  if (auto known = tokens_.Find(hash)) return *known;
  const uint64_t generation = tokens_.generation();
  ASSIGN_OR_RETURN(TokenPtr known, ReadToken(hash));
  if (known != nullptr) tokens_.Put(generation, hash, known);
  return known;
}

Result<Authenticator::TokenPtr> Authenticator::ReadToken(const Sha256Digest& hash) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto token, ReadRecord<TokenRecord>(*view, engine::Family::kToken, engine::TokenKey(hash)));
  if (!token.record) return TokenPtr();
  ASSIGN_OR_RETURN(const auto user, ReadUser(*view, token.record->user));
  // A later account of the same name is somebody else.
  if (!user.record || user.record->is_removed() || user.record->id != token.record->user_id) return TokenPtr();

  auto known = std::make_shared<KnownToken>();
  known->user = user.record->name;
  known->is_admin = user.record->is_admin;
  known->read_only = token.record->read_only;
  known->expires_ms = token.record->expires_ms;
  for (const std::string& text : token.record->cidrs) {
    ASSIGN_OR_RETURN(Cidr cidr, Cidr::Parse(text));
    known->cidrs.push_back(std::move(cidr));
  }
  if (token.record->limits) known->limits = std::make_shared<const TokenLimits>(*token.record->limits);
  return TokenPtr(std::move(known));
}

Result<Authentication> Authenticator::ByPassword(const Credentials& credentials, const PeerAddress& peer) {
  const GuessSource source = GuessSource::Of(peer);
  ASSIGN_OR_RETURN(const UserPtr user, FindByPassword(credentials, source));
  if (user == nullptr) return Refused(Outcome::kBadCredentials);
  Authentication answer{Outcome::kOk,
                        {.kind = Principal::Kind::kUser,
                         .user = user->name,
                         .is_admin = user->is_admin,
                         .may_write = true,
                         .token = std::nullopt}};
  if (!user->second_factor.is_active()) return answer;
  const Status verified = second_factors_->Verify(*user, credentials.one_time_password, source);
  if (verified.code() == Code::kSecondFactorNeeded) return Refused(Outcome::kSecondFactorNeeded);
  RETURN_IF_ERROR(verified);
  answer.may_be_remembered = false;
  return answer;
}

Result<Authenticator::UserPtr> Authenticator::FindByPassword(const Credentials& credentials,
                                                             const GuessSource& source) {
  // A NUL cannot be part of a user name, so the text is unambiguous.
  const Sha256Digest key = HmacSha256(process_key_, std::to_string(accounts_->password_generation()) + '\0' +
                                                        credentials.user + '\0' + credentials.password);
  if (const auto known = known_passwords_.Find(key)) return *known;
  const uint64_t generation = known_passwords_.generation();
  const auto user = accounts_->AdmitByPassword(credentials.user, credentials.password, source);
  if (user.code() == Code::kUnauthenticated || user.code() == Code::kPermissionDenied) return UserPtr();
  if (!user.ok()) return user.status();
  auto known = std::make_shared<const UserRecord>(*user);
  known_passwords_.Put(generation, key, known);
  return known;
}

}  // namespace tarn::registry
