#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/access.h"
#include "storage/registry/accounts.h"
#include "storage/registry/generation_cache.h"
#include "storage/registry/records.h"
#include "storage/registry/second_factors.h"

namespace tarn::registry {

// Tells who shows these credentials. Tokens cost one SHA-256 and one look-up, remembered until any account or token
// changes. Passwords (Basic) cost the slow hash once; what is remembered of them is keyed with a random key of this
// process. Where the account has a second factor, the password alone is not enough: a login asks for a code, and this
// stands for one with each request. The password of a Basic header may be a token, as many clients' configurations have it.
// Threads: any. May block on disk, and for a password on the hash.
class Authenticator {
 public:
  Authenticator(engine::Store* store, Accounts* accounts, SecondFactors* second_factors, Clock* clock, Random* random);

  // Errors: those of the store; kResourceExhausted from Passwords.
  Result<Authentication> Authenticate(const Credentials& credentials, const PeerAddress& peer);
  // After every commit that touches accounts or tokens.
  void Forget();

 private:
  // A token with everything that decides what it allows.
  struct KnownToken {
    std::string user;
    bool is_admin = false;
    bool read_only = false;
    uint64_t expires_ms = 0;
    std::vector<Cidr> cidrs;
    std::shared_ptr<const TokenLimits> limits;  // Null: none.
  };
  using UserPtr = std::shared_ptr<const UserRecord>;
  struct HashOf {
    size_t operator()(const Sha256Digest& digest) const;
  };
  using TokenPtr = std::shared_ptr<const KnownToken>;

  Result<Authentication> ByToken(std::string_view token, const PeerAddress& peer);
  Result<Authentication> ByPassword(const Credentials& credentials, const PeerAddress& peer);
  // nullptr: nobody's password.
  Result<UserPtr> FindByPassword(const Credentials& credentials, const GuessSource& source);
  // nullptr: unknown, or its account is gone.
  Result<TokenPtr> FindToken(const Sha256Digest& hash);
  Result<TokenPtr> ReadToken(const Sha256Digest& hash);

  engine::Store* const store_;
  Accounts* const accounts_;
  SecondFactors* const second_factors_;
  Clock* const clock_;
  const std::string process_key_;
  GenerationCache<Sha256Digest, TokenPtr, HashOf> tokens_;
  GenerationCache<Sha256Digest, UserPtr, HashOf> known_passwords_;
};

}  // namespace tarn::registry
