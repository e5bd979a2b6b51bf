#include "storage/registry/trusted_publishing.h"

#include <algorithm>

#include "storage/base/identity_limits.h"
#include "storage/base/logging.h"
#include "storage/base/uuid.h"
#include "storage/engine/keys.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/package_access.h"
#include "storage/registry/package_state.h"
#include "storage/registry/token_format.h"
#include "storage/registry/trust_rules.h"
#include "storage/registry/trusted_grant.h"

namespace tarn::registry {
namespace {

using engine::Family;
using engine::Mutation;

struct Done {};

// What everybody is told whose token no package of that name trusts.
Status NoSuchTrust(const std::string& package, const TrustIssuer& issuer, const IdentityClaims& claims) {
  return NotFound("there is no package " + JsonString(package.substr(0, limits::kTrustClaimBytesMax)) +
                  ", or it trusts no publisher that this identity token is of. The token is from the issuer " +
                  issuer.name + " and says " + DescribeOrigin(issuer, claims) +
                  "; `npm trust list` shows its owners whom the package trusts");
}

std::vector<TrustIssuer> IssuersOf(const std::vector<std::unique_ptr<IssuerKeys>>& keys) {
  std::vector<TrustIssuer> issuers;
  for (const auto& each : keys) issuers.push_back(each->issuer());
  return issuers;
}

}  // namespace

TrustedPublishing::TrustedPublishing(engine::Store* store, const TrustOptions& options, SecondFactors* second_factors,
                                     Clock* clock, Random* random)
    : store_(store), options_(options), second_factors_(second_factors), clock_(clock), random_(random) {
  for (const TrustIssuer& issuer : options.issuers) {
    issuers_.push_back(std::make_unique<IssuerKeys>(issuer, options.fetch, clock));
  }
}

Result<TrustedPublishing::StoredTrust> TrustedPublishing::ReadTrust(const ReadView& view, const std::string& package) {
  StoredTrust stored;
  ASSIGN_OR_RETURN(stored.raw, view.Get(Family::kSetting, TrustKey(package)));
  if (!stored.raw) return stored;
  auto record = DecodeTrustRecord(*stored.raw);
  if (!record.ok()) return record.status().WithContext("setting " + TrustKey(package));
  stored.record = std::move(*record);
  return stored;
}

void TrustedPublishing::PutTrust(const std::string& package, const StoredTrust& stored, const TrustRecord& next,
                                 Mutation* mutation) {
  const bool is_empty = next.configs.empty() && next.tokens.empty();
  mutation->preconditions.push_back({Family::kSetting, TrustKey(package), stored.raw});
  mutation->changes.push_back(
      {Family::kSetting, TrustKey(package), is_empty ? std::nullopt : std::optional(Encode(next))});
}

void TrustedPublishing::DropExpired(TrustRecord* trust, Mutation* mutation) {
  const uint64_t now_ms = clock_->NowMs();
  std::erase_if(trust->tokens, [&](const TrustRecord::Token& token) {
    if (token.expires_ms > now_ms) return false;
    mutation->changes.push_back({Family::kSetting, TrustedTokenKey(token.hash), std::nullopt});
    return true;
  });
}

// --- the exchange ---

Result<IssuerKeys*> TrustedPublishing::Believe(const IdentityToken& token, std::string_view base_url) {
  const auto issuer = std::find_if(issuers_.begin(), issuers_.end(),
                                   [&](const auto& each) { return each->issuer().url == token.claims.issuer; });
  if (issuer == issuers_.end()) {
    return Unauthenticated("this registry does not trust the issuer of the identity token, " +
                           JsonString(token.claims.issuer.substr(0, limits::kTrustClaimBytesMax)));
  }
  std::vector<std::string> audiences = options_.audiences;
  if (options_.audience_of_host) {
    for (std::string& audience : AudiencesOf(base_url)) audiences.push_back(std::move(audience));
  }
  // What costs nothing first: a token that is over makes nobody fetch keys.
  RETURN_IF_ERROR(CheckIdentityTimes(token.claims, clock_->NowMs()));
  RETURN_IF_ERROR(CheckIdentityAudience(token.claims, audiences));
  if ((*issuer)->issuer().single_use && token.claims.token_id.empty()) {
    return InvalidArgument("the identity token has no id (jti), by which it could be exchanged only once");
  }
  RETURN_IF_ERROR((*issuer)->Verify(token));
  return issuer->get();
}

Status TrustedPublishing::UseUp(const ReadView& view, const TrustIssuer& issuer, const IdentityClaims& claims,
                                Mutation* mutation) {
  if (!issuer.single_use) return OkStatus();
  const std::string key = UsedIdentityKey(claims.expires_ms, issuer.url, claims.token_id);
  ASSIGN_OR_RETURN(const auto used, view.Get(Family::kSetting, key));
  if (used) return Unauthenticated("the identity token was exchanged before; ask the CI system for a fresh one");
  mutation->preconditions.push_back({Family::kSetting, key, std::nullopt});
  mutation->changes.push_back({Family::kSetting, key, "1"});
  // The oldest are first; those that are over by now can be used no more anyway.
  const uint64_t now_ms = clock_->NowMs();
  size_t dropped = 0;
  return view.ScanPrefix(Family::kSetting, kUsedIdentityPrefix, [&](std::string_view old, std::string_view) {
    const auto expires_ms = ExpiryOfUsedIdentity(old);
    if (!expires_ms.ok() || *expires_ms + limits::kIdentitySkewMs > now_ms) return false;
    mutation->changes.push_back({Family::kSetting, std::string(old), std::nullopt});
    return ++dropped < limits::kUsedIdentitiesDroppedMax;
  });
}

Result<TrustedPublishing::Granted> TrustedPublishing::Grant(const PackageName& name, const TrustIssuer& issuer,
                                                            const IdentityClaims& claims) {
  return CommitWithRetries<Granted>(store_, [&](const ReadView& view) -> Result<PlannedWrite<Granted>> {
    ASSIGN_OR_RETURN(const auto package, ReadPackage(view, name));
    if (!package.record) return NotFound("no such package");
    ASSIGN_OR_RETURN(const StoredTrust stored, ReadTrust(view, name.full()));
    std::string mismatches;
    const TrustConfig* matching = nullptr;
    for (const TrustConfig& config : stored.record.configs) {
      const auto mismatch = MismatchOf(config, issuer, claims);
      if (!mismatch) {
        matching = &config;
        break;
      }
      mismatches += (mismatches.empty() ? "" : "; ") + *mismatch;
    }
    if (matching == nullptr) return NotFound(mismatches.empty() ? "it trusts nobody" : mismatches);

    Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutToken;
    mutation.event.package = name.full();
    mutation.event.actor = PublisherLabelOf(issuer);
    TrustRecord next = stored.record;
    DropExpired(&next, &mutation);
    if (next.tokens.size() >= limits::kTrustedTokensPerPackageMax) {
      return ResourceExhausted("too many tokens were given out for this package within the last hour; try again later");
    }
    RETURN_IF_ERROR(UseUp(view, issuer, claims, &mutation));

    Granted granted;
    granted.config = *matching;
    granted.token.token = MakeToken(random_);
    granted.token.created_ms = clock_->NowMs();
    granted.token.expires_ms = granted.token.created_ms + limits::kTrustedTokenMs;
    const Sha256Digest hash = HashToken(granted.token.token);
    const TrustedTokenRecord record{.package = name.full(),
                                    .type = issuer.name,
                                    .publisher = PublisherLabelOf(issuer),
                                    .config_id = matching->id,
                                    .may_publish = matching->may_publish,
                                    .may_stage = matching->may_stage,
                                    .created_ms = granted.token.created_ms,
                                    .expires_ms = granted.token.expires_ms,
                                    .subject = claims.subject.substr(0, limits::kTrustClaimBytesMax)};
    next.tokens.push_back({hash, matching->id, record.expires_ms});
    PutTrust(name.full(), stored, next, &mutation);
    mutation.preconditions.push_back({Family::kSetting, TrustedTokenKey(hash), std::nullopt});
    mutation.changes.push_back({Family::kSetting, TrustedTokenKey(hash), Encode(record)});
    return PlannedWrite<Granted>{std::move(mutation), std::move(granted)};
  });
}

Result<TrustedPublishing::NewToken> TrustedPublishing::ExchangeToken(const std::string& package,
                                                                     std::string_view identity_token,
                                                                     std::string_view base_url) {
  if (issuers_.empty()) return NotFound("this registry trusts no issuer of identity tokens");
  ASSIGN_OR_RETURN(const IdentityToken token, ParseIdentityToken(identity_token));
  ASSIGN_OR_RETURN(IssuerKeys* const keys, Believe(token, base_url));
  const TrustIssuer& issuer = keys->issuer();
  const auto name = PackageName::Parse(package);
  auto granted = name.ok() ? Grant(*name, issuer, token.claims) : Result<Granted>(NotFound("not a package name"));
  const std::string shown = package.substr(0, limits::kTrustClaimBytesMax);
  const std::string subject = token.claims.subject.substr(0, limits::kTrustClaimBytesMax);
  if (granted.ok()) {
    Log(LogLevel::kInfo, "identity token exchanged",
        {{"package", shown},
         {"issuer", issuer.name},
         {"config", granted->config.id},
         {"subject", subject},
         {"token_id", token.claims.token_id.substr(0, limits::kTrustClaimBytesMax)}});
    return std::move(granted->token);
  }
  Log(LogLevel::kInfo, "identity token refused",
      {{"package", shown},
       {"issuer", issuer.name},
       {"subject", subject},
       {"token_id", token.claims.token_id.substr(0, limits::kTrustClaimBytesMax)},
       {"why", granted.status().ToString()}});
  if (granted.code() == Code::kNotFound) return NoSuchTrust(package, issuer, token.claims);
  return granted.status();
}

Result<Authentication> TrustedPublishing::Authenticate(std::string_view token) {
  Authentication refused{Authentication::Outcome::kBadCredentials, Principal::Anonymous()};
  if (!IsTokenWellFormed(token)) return refused;
  const Sha256Digest hash = HashToken(token);
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto raw, view->Get(Family::kSetting, TrustedTokenKey(hash)));
  if (!raw) return refused;
  ASSIGN_OR_RETURN(const TrustedTokenRecord record, DecodeTrustedTokenRecord(*raw));
  if (clock_->NowMs() >= record.expires_ms) {
    refused.outcome = Authentication::Outcome::kExpired;
    return refused;
  }
  Authentication answer;
  answer.principal.kind = Principal::Kind::kTrustedPublisher;
  answer.principal.user = record.publisher;
  answer.principal.may_write = true;
  answer.principal.token = hash;
  answer.principal.trusted = std::make_shared<const TrustedGrant>(
      TrustedGrant{record.package, record.type, record.config_id, record.may_publish, record.may_stage});
  // Its own rules are in trusted_grant.h; this shuts everything that knows of limited tokens only.
  TokenLimits limits;
  limits.packages = {record.package};
  limits.packages_permission = TokenPermission::kPublish;
  answer.principal.limits = std::make_shared<const TokenLimits>(std::move(limits));
  answer.may_be_remembered = false;  // What is remembered is believed on routes that ask nobody.
  return answer;
}

Status TrustedPublishing::EndToken(const Principal& publisher) {
  const std::string& package = publisher.trusted->package;
  const auto ended = CommitWithRetries<Done>(store_, [&](const ReadView& view) -> Result<PlannedWrite<Done>> {
    ASSIGN_OR_RETURN(const StoredTrust stored, ReadTrust(view, package));
    TrustRecord next = stored.record;
    const auto is_it = [&](const TrustRecord::Token& token) { return token.hash == *publisher.token; };
    if (std::erase_if(next.tokens, is_it) == 0) return NotFound("There is no such token.");
    Mutation mutation;
    mutation.event.kind = engine::EventKind::kRevokeToken;
    mutation.event.package = package;
    mutation.event.actor = publisher.user;
    PutTrust(package, stored, next, &mutation);
    mutation.changes.push_back({Family::kSetting, TrustedTokenKey(*publisher.token), std::nullopt});
    return PlannedWrite<Done>{std::move(mutation), {}};
  });
  return ended.ok() ? OkStatus() : ended.status();
}

// --- configurations ---

Status TrustedPublishing::CheckMayConfigure(const ReadView& view, const Principal& principal, const PackageName& name) {
  RETURN_IF_ERROR(CheckMayChange(principal));
  ASSIGN_OR_RETURN(const auto package, ReadPackage(view, name));
  if (!package.record) return NotFound(std::string(kNotFoundText));
  ASSIGN_OR_RETURN(const ScopeState scope, ReadScope(view, principal, name));
  RETURN_IF_ERROR(Decide(principal, name, &*package.record, scope, PackageAction::kManage));
  // Of the account: whoever may publish without a code has not thereby the right to let others do so.
  return second_factors_->Check(principal, SecondFactorAct::kAccount, &*package.record);
}

Result<std::vector<TrustConfig>> TrustedPublishing::List(const Principal& principal, const PackageName& name) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  RETURN_IF_ERROR(CheckMayConfigure(*view, principal, name));
  ASSIGN_OR_RETURN(StoredTrust stored, ReadTrust(*view, name.full()));
  return std::move(stored.record.configs);
}

Result<std::vector<TrustConfig>> TrustedPublishing::Create(const Principal& principal, const PackageName& name,
                                                           std::string_view body) {
  using Configs = std::vector<TrustConfig>;
  return CommitWithRetries<Configs>(store_, [&](const ReadView& view) -> Result<PlannedWrite<Configs>> {
    RETURN_IF_ERROR(CheckMayConfigure(view, principal, name));
    ASSIGN_OR_RETURN(TrustConfig config, ParseTrustConfig(body, IssuersOf(issuers_)));
    ASSIGN_OR_RETURN(const StoredTrust stored, ReadTrust(view, name.full()));
    if (stored.record.configs.size() >= limits::kTrustConfigsPerPackageMax) {
      return Conflict("This package has a trusted publisher already. Revoke it first: npm trust revoke " + name.full() +
                      " --id=" + stored.record.configs.front().id);
    }
    config.id = MakeUuid(random_);
    config.created_by = principal.user;
    config.created_ms = clock_->NowMs();
    Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutSetting;
    mutation.event.package = name.full();
    mutation.event.actor = principal.user;
    TrustRecord next = stored.record;
    DropExpired(&next, &mutation);
    next.configs.push_back(config);
    PutTrust(name.full(), stored, next, &mutation);
    return PlannedWrite<Configs>{std::move(mutation), Configs{std::move(config)}};
  });
}

Status TrustedPublishing::Revoke(const Principal& principal, const PackageName& name, std::string_view id) {
  const auto revoked = CommitWithRetries<Done>(store_, [&](const ReadView& view) -> Result<PlannedWrite<Done>> {
    RETURN_IF_ERROR(CheckMayConfigure(view, principal, name));
    if (!IsUuid(id)) return InvalidArgument("the id of a trusted publisher is a UUID; npm trust list shows it");
    ASSIGN_OR_RETURN(const StoredTrust stored, ReadTrust(view, name.full()));
    if (stored.record.Find(id) == nullptr) return NotFound("This package has no trusted publisher of that id.");
    Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutSetting;
    mutation.event.package = name.full();
    mutation.event.actor = principal.user;
    TrustRecord next = stored.record;
    std::erase_if(next.configs, [&](const TrustConfig& config) { return config.id == id; });
    std::erase_if(next.tokens, [&](const TrustRecord::Token& token) {
      if (token.config_id != id) return false;
      mutation.changes.push_back({Family::kSetting, TrustedTokenKey(token.hash), std::nullopt});
      return true;
    });
    PutTrust(name.full(), stored, next, &mutation);
    return PlannedWrite<Done>{std::move(mutation), {}};
  });
  return revoked.ok() ? OkStatus() : revoked.status();
}

}  // namespace tarn::registry
