#include "storage/base/bytes.h"
#include "storage/base/credential_limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/accounts.h"
#include "storage/registry/package_state.h"
#include "storage/registry/token_format.h"

namespace tarn::registry {
namespace {

using engine::Family;
using engine::Mutation;

constexpr uint64_t kDayMs = uint64_t{24} * 3600 * 1000;

TokenInfo InfoOf(const Sha256Digest& hash, const TokenRecord& token) {
  TokenInfo info;
  info.key = HexEncode(hash.view());
  info.preview = token.preview;
  info.user = token.user;
  info.spec = {token.name, token.description, token.read_only, token.cidrs, std::nullopt, std::nullopt};
  if (token.expires_ms != 0) info.spec.expires_ms = token.expires_ms;
  info.spec.limits = token.limits;
  info.created_ms = token.created_ms;
  return info;
}

// The same, with its limits in the form that is stored.
Result<TokenSpec> CheckSpec(TokenSpec spec, uint64_t now_ms) {
  if (spec.name.size() > limits::kTokenTextBytesMax || spec.description.size() > limits::kTokenTextBytesMax) {
    return InvalidArgument("a token's name and description have at most " + std::to_string(limits::kTokenTextBytesMax) +
                           " bytes");
  }
  if (spec.cidrs.size() > limits::kCidrsPerTokenMax) {
    return InvalidArgument("a token has at most " + std::to_string(limits::kCidrsPerTokenMax) + " CIDR ranges");
  }
  for (const std::string& text : spec.cidrs) {
    const auto cidr = Cidr::Parse(text);
    if (!cidr.ok()) return cidr.status();
  }
  if (spec.expires_ms && *spec.expires_ms <= now_ms) return InvalidArgument("the token would have expired already");
  if (spec.expires_ms && *spec.expires_ms - now_ms > limits::kTokenDaysMax * kDayMs) {
    return InvalidArgument("a token that expires does so within " + std::to_string(limits::kTokenDaysMax) + " days");
  }
  if (!spec.limits) return spec;
  if (spec.name.empty()) return InvalidArgument("a limited token needs a name");
  ASSIGN_OR_RETURN(spec.limits, NormaliseTokenLimits(*std::move(spec.limits)));
  spec.read_only = spec.read_only || !spec.limits->AllowsChanges();
  return spec;
}

// The hash that a key or a token stands for.
std::optional<Sha256Digest> HashOf(std::string_view key_or_token) {
  if (IsTokenWellFormed(key_or_token)) return HashToken(key_or_token);
  const auto bytes = HexDecode(key_or_token);
  if (!bytes.ok()) return std::nullopt;
  const auto digest = Sha256Digest::FromBytes(*bytes);
  return digest.ok() ? std::optional(*digest) : std::nullopt;
}

}  // namespace

Result<std::vector<Sha256Digest>> Accounts::TokenHashesOf(const ReadView& view, std::string_view user) {
  std::vector<Sha256Digest> hashes;
  Status failed;
  RETURN_IF_ERROR(view.ScanPrefix(Family::kByUser, engine::ByUserPrefix(user, engine::ByUserKind::kToken),
                                  [&](std::string_view key, std::string_view) {
                                    const auto item = engine::ParseByUserItem(key, user);
                                    const auto hash = item.ok() ? Sha256Digest::FromBytes(*item)
                                                                : Result<Sha256Digest>(item.status());
                                    if (hash.ok())
                                      hashes.push_back(*hash);
                                    else
                                      failed = hash.status();
                                    return failed.ok();
                                  }));
  RETURN_IF_ERROR(failed);
  return hashes;
}

Result<std::vector<std::pair<Sha256Digest, TokenRecord>>> Accounts::TokensOf(const ReadView& view,
                                                                             std::string_view user) {
  ASSIGN_OR_RETURN(const std::vector<Sha256Digest> hashes, TokenHashesOf(view, user));
  std::vector<std::pair<Sha256Digest, TokenRecord>> tokens;
  for (const Sha256Digest& hash : hashes) {
    ASSIGN_OR_RETURN(auto stored, ReadRecord<TokenRecord>(view, Family::kToken, engine::TokenKey(hash)));
    if (stored.record) tokens.emplace_back(hash, std::move(*stored.record));
  }
  return tokens;
}

Status Accounts::MakeRoomForToken(const ReadView& view, const UserRecord& user, Mutation* mutation) {
  ASSIGN_OR_RETURN(const auto hashes, TokenHashesOf(view, user.name));
  if (hashes.size() < limits::kTokensPerUserMax) return OkStatus();
  ASSIGN_OR_RETURN(const auto tokens, TokensOf(view, user.name));
  size_t live = 0;
  for (const auto& [hash, token] : tokens) {
    if (token.expires_ms == 0 || token.expires_ms > clock_->NowMs()) {
      ++live;
    } else {
      mutation->changes.push_back({Family::kToken, engine::TokenKey(hash), std::nullopt});
    }
  }
  if (live < limits::kTokensPerUserMax) return OkStatus();
  return PermissionDenied("\"" + user.name + "\" has " + std::to_string(live) +
                          " tokens, which is the limit. Revoke some with `npm token revoke`.");
}

Result<NewToken> Accounts::AddToken(const ReadView& view, const UserRecord& user, const TokenSpec& spec,
                                    Mutation* mutation) {
  RETURN_IF_ERROR(MakeRoomForToken(view, user, mutation));
  NewToken created;
  created.token = MakeToken(random_);
  const Sha256Digest hash = HashToken(created.token);
  const TokenRecord record{.user = user.name,
                           .user_id = user.id,
                           .created_ms = clock_->NowMs(),
                           .expires_ms = spec.expires_ms.value_or(0),
                           .read_only = spec.read_only,
                           .cidrs = spec.cidrs,
                           .name = spec.name,
                           .description = spec.description,
                           .preview = PreviewOfToken(created.token),
                           .limits = spec.limits};
  mutation->preconditions.push_back({Family::kToken, engine::TokenKey(hash), std::nullopt});
  mutation->changes.push_back({Family::kToken, engine::TokenKey(hash), Encode(record)});
  created.info = InfoOf(hash, record);
  return created;
}

Result<std::vector<TokenInfo>> Accounts::ListTokens(const Principal& principal, std::string_view user) {
  if (!principal.is_authenticated()) return CheckMayChange(principal);
  if (!principal.TokenAllows(TokenAct::kAccount, "")) {
    // They name what others are limited to.
    return PermissionDenied("This token is limited: it cannot list your tokens.");
  }
  if (!principal.is_admin && principal.user != user) return PermissionDenied("These are another user's tokens.");
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto tokens, TokensOf(*view, user));
  std::vector<TokenInfo> infos;
  for (const auto& [hash, token] : tokens) infos.push_back(InfoOf(hash, token));
  return infos;
}

Result<NewToken> Accounts::CreateToken(const Principal& principal, std::string_view user,
                                       std::optional<std::string_view> password, const TokenSpec& asked) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  if (!principal.is_admin && principal.user != user) return PermissionDenied("This is another user's account.");
  if (!principal.is_admin && !password) return Unauthenticated("Making a token needs your password.");
  ASSIGN_OR_RETURN(const TokenSpec spec, CheckSpec(asked, clock_->NowMs()));
  RETURN_IF_ERROR(second_factors_->Check(principal, SecondFactorAct::kAccount, nullptr));
  return CommitWithRetries<NewToken>(store_, [&](const ReadView& view) -> Result<PlannedWrite<NewToken>> {
    ASSIGN_OR_RETURN(const auto stored, ReadUser(view, user));
    if (!stored.record || stored.record->is_removed()) {
      return NotFound("There is no user \"" + std::string(user) + "\".");
    }
    if (password) RETURN_IF_ERROR(CheckPassword(*stored.record, *password, GuessSource::Of(principal)));
    Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutToken;
    mutation.event.actor = principal.user;
    mutation.preconditions.push_back({Family::kUser, engine::NameKey(user), stored.raw});
    ASSIGN_OR_RETURN(NewToken token, AddToken(view, *stored.record, spec, &mutation));
    return PlannedWrite<NewToken>{std::move(mutation), std::move(token)};
  });
}

Status Accounts::RevokeToken(const Principal& principal, std::string_view key_or_token) {
  if (!principal.is_authenticated()) return CheckMayChange(principal);
  const Status unknown = NotFound("There is no such token.");
  const std::optional<Sha256Digest> hash = HashOf(key_or_token);
  if (!hash) return unknown;
  // A read-only token may end itself: that is a logout.
  if (principal.token != hash) {
    RETURN_IF_ERROR(CheckMayChange(principal));
    RETURN_IF_ERROR(second_factors_->Check(principal, SecondFactorAct::kAccount, nullptr));
  }
  struct Done {};
  const auto revoked = CommitWithRetries<Done>(store_, [&](const ReadView& view) -> Result<PlannedWrite<Done>> {
    const std::string key = engine::TokenKey(*hash);
    ASSIGN_OR_RETURN(const auto stored, ReadRecord<TokenRecord>(view, Family::kToken, key));
    if (!stored.record || (!principal.is_admin && stored.record->user != principal.user)) return unknown;
    Mutation mutation;
    mutation.event.kind = engine::EventKind::kRevokeToken;
    mutation.event.actor = principal.user;
    mutation.preconditions.push_back({Family::kToken, key, stored.raw});
    mutation.changes.push_back({Family::kToken, key, std::nullopt});
    return PlannedWrite<Done>{std::move(mutation), {}};
  });
  return revoked.ok() ? OkStatus() : revoked.status();
}

}  // namespace tarn::registry
