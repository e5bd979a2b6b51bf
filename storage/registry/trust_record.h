#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"

// What is kept of trusted publishing, as plain values, and their FlatBuffers form (storage/schema/trust.fbs,
// trusted_token.fbs). All are in the family `setting`; the keys are here. Threads: any.
namespace tarn::registry {

// One claim that an identity token must have.
struct TrustClaim {
  enum class Form : uint8_t {
    kText = 1,   // Exactly this.
    kFile = 2,   // The workflow or pipeline file of this name, in the repository that another claim names.
    kAllOf = 3,  // A list that has all of these.
  };
  std::string name;
  Form form = Form::kText;
  std::vector<std::string> values;  // One, but for kAllOf.
  bool operator==(const TrustClaim&) const = default;
};

// Who may publish a package without an account.
struct TrustConfig {
  std::string id;    // UUID.
  std::string type;  // The issuer's name.
  std::vector<TrustClaim> claims;
  bool may_publish = false;
  bool may_stage = false;
  std::string created_by;
  uint64_t created_ms = 0;
  bool operator==(const TrustConfig&) const = default;
};

// Of one package: its configurations, and the tokens that were given out by them and may still be good.
struct TrustRecord {
  struct Token {
    Sha256Digest hash;
    std::string config_id;
    uint64_t expires_ms = 0;
    bool operator==(const Token&) const = default;
  };
  std::vector<TrustConfig> configs;
  std::vector<Token> tokens;
  bool operator==(const TrustRecord&) const = default;

  // nullptr when there is no such configuration.
  const TrustConfig* Find(std::string_view id) const;
};

// A token given in exchange for an identity token. It belongs to no user.
struct TrustedTokenRecord {
  std::string package;
  std::string type;       // The issuer's name …
  std::string publisher;  // … and as `_npmUser.name` has it.
  std::string config_id;
  bool may_publish = false;
  bool may_stage = false;
  uint64_t created_ms = 0;
  uint64_t expires_ms = 0;
  std::string subject;  // "sub" of the identity token, for the log.
  bool operator==(const TrustedTokenRecord&) const = default;
};

std::string Encode(const TrustRecord& record);
std::string Encode(const TrustedTokenRecord& record);
// kCorruption: not such a record.
Result<TrustRecord> DecodeTrustRecord(std::string_view payload);
Result<TrustedTokenRecord> DecodeTrustedTokenRecord(std::string_view payload);

// Keys in the family `setting`. Written to disk since format 1.
std::string TrustKey(std::string_view package);
std::string TrustedTokenKey(const Sha256Digest& hash);
// That an identity token was exchanged, kept while it would be good: in the order in which they end.
std::string UsedIdentityKey(uint64_t expires_ms, std::string_view issuer_url, std::string_view token_id);
inline constexpr std::string_view kUsedIdentityPrefix = "trust/used/";
// kCorruption: not a UsedIdentityKey.
Result<uint64_t> ExpiryOfUsedIdentity(std::string_view key);

}  // namespace tarn::registry
