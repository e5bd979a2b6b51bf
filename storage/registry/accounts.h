#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/htpasswd.h"
#include "storage/registry/package_state.h"
#include "storage/registry/passwords.h"
#include "storage/registry/records.h"
#include "storage/registry/registry.h"
#include "storage/registry/second_factors.h"

namespace tarn::registry {

// Users and their tokens. The calls are those of Registry, which says what they promise (registry.h, "accounts").
//
// Every change of a user names, as preconditions, the user's record and the count of accounts, so that two first
// logins cannot both become administrator and two removals cannot take the last one away. A name is one thing: an
// account cannot be called like an organisation, or it would own that scope.
// Threads: any. Blocks.
class Accounts {
 public:
  // `htpasswd` may be null.
  Accounts(engine::Store* store, const RegistryOptions& options, Passwords* passwords, HtpasswdFile* htpasswd,
           SecondFactors* second_factors, Clock* clock, Random* random)
      : store_(store),
        options_(options),
        passwords_(passwords),
        htpasswd_(htpasswd),
        second_factors_(second_factors),
        clock_(clock),
        random_(random) {}

  Result<LoginAnswer> Login(const LoginRequest& request);
  Result<bool> IsOpenToNewUsers();
  // The account whose password this is, for those who show it with every request; one that only stands in the htpasswd
  // file is made. Its second factor is the caller's business. kUnauthenticated: nobody's. kResourceExhausted.
  Result<UserRecord> AdmitByPassword(std::string_view user, std::string_view password, const GuessSource& source);
  // Changes whenever a password may have stopped being one without a commit.
  uint64_t password_generation() { return htpasswd_ == nullptr ? 0 : htpasswd_->generation(); }
  Result<UserInfo> GetUser(const Principal& principal, std::string_view user);
  Result<std::vector<UserInfo>> ListUsers(const Principal& principal);
  Result<UserInfo> CreateUser(const Principal& principal, std::string_view user, std::string_view password,
                              std::string_view email, Registry::Admin admin);
  Status SetPassword(const Principal& principal, std::string_view user, std::string_view old_password,
                     std::string_view new_password);
  Status ChangeProfile(const Principal& principal, const ProfileChange& change);
  Status RemoveUser(const Principal& principal, std::string_view user);

  Result<std::vector<TokenInfo>> ListTokens(const Principal& principal, std::string_view user);
  Result<NewToken> CreateToken(const Principal& principal, std::string_view user,
                               std::optional<std::string_view> password, const TokenSpec& asked);
  Status RevokeToken(const Principal& principal, std::string_view key_or_token);

  Result<std::optional<std::string>> BeginSecondFactor(const Principal& principal, std::string_view password,
                                                       SecondFactorMode mode, std::string_view issuer);
  Result<std::vector<std::string>> ConfirmSecondFactor(const Principal& principal,
                                                       const std::vector<std::string>& codes);
  Status DisableSecondFactor(const Principal& principal, std::string_view password);
  Status ResetSecondFactor(const Principal& principal, std::string_view user);
  Result<std::string> ExchangeOneTimePassword(std::string_view user, std::string_view code, const PeerAddress& client);

 private:
  using ReadView = engine::ReadView;

  // What a change of accounts starts from.
  struct AccountState {
    Stored<UserRecord> user;
    Stored<AccountsRecord> accounts;
    bool is_org = false;
    bool exists() const { return user.record && !user.record->is_removed(); }
  };
  Result<AccountState> ReadAccount(const ReadView& view, std::string_view user);

  // A mutation that puts `next` in place of what `state` holds, with the count of accounts moved along.
  engine::Mutation PutUser(const AccountState& state, const UserRecord& next, std::string_view actor);
  UserRecord NewUser(const AccountState& state, std::string_view user, std::string_view email, bool is_admin,
                     std::string password_hash);
  // Registration as the options allow it. Sets `is_admin` for the first user of all.
  Result<UserRecord> Register(const AccountState& state, const LoginRequest& request, const std::string& password_hash);
  // The account of somebody who stands in the htpasswd file; the password was right.
  Result<UserRecord> RegisterFromHtpasswd(const AccountState& state, std::string_view user, std::string_view email);
  Result<PlannedWrite<LoginAnswer>> PlanLogin(const ReadView& view, const LoginRequest& request,
                                              std::string* password_hash);

  // The hash in the htpasswd file, if the user stands in it.
  std::optional<std::string> FindInHtpasswd(std::string_view user);
  // OK when it is the password of this account; of the htpasswd file, if it is there.
  Status CheckPassword(const UserRecord& user, std::string_view password, const GuessSource& source);

  // Lets `edit` change the record of an account that exists, and commits what came of it; no commit when nothing did.
  using Edit = std::function<Status(UserRecord* user)>;
  Status EditUser(std::string_view actor, std::string_view user, const Edit& edit);

  // A fresh token of `user` added to `mutation`.
  Result<NewToken> AddToken(const ReadView& view, const UserRecord& user, const TokenSpec& spec,
                            engine::Mutation* mutation);
  // At the limit expired tokens are deleted. kPermissionDenied: there are none.
  Status MakeRoomForToken(const ReadView& view, const UserRecord& user, engine::Mutation* mutation);
  Result<std::vector<Sha256Digest>> TokenHashesOf(const ReadView& view, std::string_view user);
  Result<std::vector<std::pair<Sha256Digest, TokenRecord>>> TokensOf(const ReadView& view, std::string_view user);

  engine::Store* const store_;
  const RegistryOptions options_;
  Passwords* const passwords_;
  HtpasswdFile* const htpasswd_;
  SecondFactors* const second_factors_;
  Clock* const clock_;
  Random* const random_;
};

}  // namespace tarn::registry
