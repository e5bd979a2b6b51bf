#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/registry/token_limits.h"

namespace tarn::registry {

struct TrustedGrant;

// Who is asking, and what the credentials they used allow. Made by Registry::Authenticate, or by the two factories.
// Every mutating call of the registry takes one first, so that an unchecked call does not compile.
struct Principal {
  enum class Kind : uint8_t { kAnonymous, kUser, kSystem, kTrustedPublisher };
  Kind kind = Kind::kAnonymous;
  std::string user;                     // Set for kUser; for kTrustedPublisher what packuments show, no account's name.
  bool is_admin = false;                // May do everything everywhere.
  bool may_write = false;               // False for anonymous callers and read-only tokens.
  bool is_limited_admin = false;        // An administrator's limited token: any package in its limits, and no more.
  std::optional<Sha256Digest> token;    // The token that was shown, if one was.
  bool bypasses_second_factor = false;  // A token made for machines: its writes need no one-time password.
  std::string one_time_password = {};   // As the client showed it (npm-otp); believed only where a rule asks for it.
  // Null: whatever the user may do. Never changed; owned by every principal that the token was believed for.
  std::shared_ptr<const TokenLimits> limits = {};
  // Of kTrustedPublisher alone (trusted_grant.h), which may do nothing else. Never changed; owned by the principals.
  std::shared_ptr<const TrustedGrant> trusted = {};

  static Principal Anonymous() { return {}; }
  // The operator: the command line on a stopped store, or the Unix socket of a running one.
  static Principal System() {
    return {.kind = Kind::kSystem, .user = "", .is_admin = true, .may_write = true, .token = std::nullopt};
  }
  bool is_authenticated() const { return kind != Kind::kAnonymous; }
  // Do the limits of the token, if it has any, allow this? As TokenLimits::Allows.
  bool TokenAllows(TokenAct act, std::string_view target) const { return !limits || limits->Allows(act, target); }
};

// What the client showed, as it came from the header; not yet believed.
struct Credentials {
  enum class Kind : uint8_t { kNone, kBearer, kBasic };
  Kind kind = Kind::kNone;
  std::string token;                   // kBearer.
  std::string user;                    // kBasic.
  std::string password;                // kBasic.
  std::string one_time_password = {};  // npm-otp, with either of them.
};

// What npm, pnpm and yarn take for the question after a one-time password; word for word (contract 11.3).
inline constexpr std::string_view kOneTimePasswordText =
    "You must provide a one-time pass. Upgrade your client to npm@latest in order to use 2FA.";

// The answer to "who is this?".
struct Authentication {
  enum class Outcome : uint8_t {
    kOk,
    kBadCredentials,      // Unknown or revoked token, wrong password.
    kExpired,             // The token's time is over.
    kAddressNotAllowed,   // A CIDR-limited token, used from elsewhere.
    kSecondFactorNeeded,  // The right password of an account with a second factor, which was not shown.
  };
  Outcome outcome = Outcome::kOk;
  Principal principal;            // Anonymous unless kOk.
  bool may_be_remembered = true;  // By header and address alone; not where a one-time password was part of it.
};

// An IPv4 or IPv6 address in network order; IPv4 is stored as its v4-mapped IPv6 form, so that a dual-stack socket
// and a plain one compare equal. The Unix socket has none.
struct PeerAddress {
  std::optional<std::array<uint8_t, 16>> ip;
  static Result<PeerAddress> Parse(std::string_view text);
  // As people write it, an IPv4 address without its mapping; empty when there is none.
  std::string ToString() const;
};

// "10.0.0.0/8", "2001:db8::/32", or a single address. kInvalidArgument says which part is wrong.
class Cidr {
 public:
  static Result<Cidr> Parse(std::string_view text);
  bool Contains(const PeerAddress& address) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::array<uint8_t, 16> network_{};
  int prefix_bits_ = 0;
};

}  // namespace tarn::registry
