#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/access.h"
#include "storage/registry/issuer_keys.h"
#include "storage/registry/package_name.h"
#include "storage/registry/second_factors.h"
#include "storage/registry/trust_issuer.h"
#include "storage/registry/trust_record.h"

namespace tarn::registry {

// Publishing from a CI system without a secret of this registry (contract 7): a package names the repository and workflow
// it is published from, and the identity token of such a run is exchanged for a token that publishes this package, for
// limits::kTrustedTokenMs, and does nothing else.
//
// A token is good as long as its record is there: to take a configuration away takes its tokens away with it. They belong to
// no user, so they are in nobody's list; a package has at most limits::kTrustedTokensPerPackageMax that live. Issuers whose
// clients ask for a fresh identity token each time (GitHub's) have each exchanged once; others, whose jobs have one for all
// packages, may exchange theirs until it is over.
// Threads: any. Blocks; ExchangeToken on the network too.
class TrustedPublishing {
 public:
  TrustedPublishing(engine::Store* store, const TrustOptions& options, SecondFactors* second_factors, Clock* clock,
                    Random* random);

  struct NewToken {
    std::string token;  // Shown this once.
    uint64_t created_ms = 0;
    uint64_t expires_ms = 0;
  };
  //   package   as the client wrote it; one that cannot be answers as one that does not exist.
  //   base_url  that the client asked.
  // Messages are for the client, and say of a package no more than that none was found: whether it does not exist, is
  // restricted, trusts nobody or somebody else is for the log.
  // kInvalidArgument, kUnauthenticated: the identity token. kNotFound: no package trusts it, or no issuers are configured.
  // kResourceExhausted: too many tokens. kUnavailable: the issuer's keys cannot be had.
  Result<NewToken> ExchangeToken(const std::string& package, std::string_view identity_token,
                                 std::string_view base_url);

  // The caller must be one who may change the package, with a one-time password where their account has a second factor.
  Result<std::vector<TrustConfig>> List(const Principal& principal, const PackageName& name);
  // `body` as trust_rules.h says. kConflict: there is one already.
  Result<std::vector<TrustConfig>> Create(const Principal& principal, const PackageName& name, std::string_view body);
  // kInvalidArgument: not a UUID. kNotFound.
  Status Revoke(const Principal& principal, const PackageName& name, std::string_view id);

  // Who shows this token of ours; kBadCredentials when it was never given out, or taken back.
  Result<Authentication> Authenticate(std::string_view token);
  // Ends the token that was shown, as a logout does. kNotFound: it is over.
  Status EndToken(const Principal& publisher);

 private:
  using ReadView = engine::ReadView;
  struct StoredTrust {
    TrustRecord record;
    std::optional<std::string> raw;
  };
  Result<StoredTrust> ReadTrust(const ReadView& view, const std::string& package);
  // May the caller look at and change who is trusted?
  Status CheckMayConfigure(const ReadView& view, const Principal& principal, const PackageName& name);
  // The issuer who signed it, if it is configured and the token good for this registry.
  Result<IssuerKeys*> Believe(const IdentityToken& token, std::string_view base_url);
  struct Granted {
    NewToken token;
    TrustConfig config;
  };
  Result<Granted> Grant(const PackageName& name, const TrustIssuer& issuer, const IdentityClaims& claims);
  // Adds to `mutation` that this identity token was exchanged. kUnauthenticated: it was before.
  Status UseUp(const ReadView& view, const TrustIssuer& issuer, const IdentityClaims& claims,
               engine::Mutation* mutation);
  // Takes those that are over out of `trust`.
  void DropExpired(TrustRecord* trust, engine::Mutation* mutation);
  static void PutTrust(const std::string& package, const StoredTrust& stored, const TrustRecord& next,
                       engine::Mutation* mutation);

  engine::Store* const store_;
  const TrustOptions options_;
  SecondFactors* const second_factors_;
  Clock* const clock_;
  Random* const random_;
  std::vector<std::unique_ptr<IssuerKeys>> issuers_;
};

}  // namespace tarn::registry
