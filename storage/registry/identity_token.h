#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/verifying_key.h"

// Identity tokens of CI systems: JSON Web Tokens in their compact form (RFC 7515, RFC 7519), signed with a key of their
// issuer. Reading one and believing it are two things; see issuer_keys.h for the second. Threads: any.
namespace tarn::registry {

struct IdentityClaims {
  std::string issuer;                  // "iss"
  std::string subject;                 // "sub"; empty: none.
  std::string token_id;                // "jti"; empty: none.
  std::vector<std::string> audiences;  // "aud", one or several.
  uint64_t expires_ms = 0;             // "exp"
  std::optional<uint64_t> not_before_ms;
  std::optional<uint64_t> issued_ms;
  // Every claim that is a string or a list of strings, those above too.
  std::map<std::string, std::vector<std::string>, std::less<>> texts;

  // nullptr when there is no such claim, or a list of it.
  const std::string* Text(std::string_view name) const;
};

struct IdentityToken {
  SignatureAlgorithm algorithm = SignatureAlgorithm::kRs256;
  std::string key_id;  // Empty: the token names none.
  std::string signed_text;
  std::string signature;
  IdentityClaims claims;
};

// kInvalidArgument, in words for whoever sent it and without a byte of the token: larger than
// limits::kIdentityTokenBytesMax, not three parts of base64url, no JSON objects, an algorithm without a private key (HS256,
// none), extensions that must be understood ("crit"), a kind other than JWT, no issuer, audience or end, times that are no
// numbers, a claim twice.
Result<IdentityToken> ParseIdentityToken(std::string_view text);

// kInvalidArgument: over, not good yet, issued in the future (each with limits::kIdentitySkewMs to spare), or good for
// longer than limits::kIdentityAheadMsMax.
Status CheckIdentityTimes(const IdentityClaims& claims, uint64_t now_ms);

// kInvalidArgument: for somebody else than `audiences`.
Status CheckIdentityAudience(const IdentityClaims& claims, const std::vector<std::string>& audiences);

}  // namespace tarn::registry
