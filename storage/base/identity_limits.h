#pragma once

#include "storage/base/limits.h"

// The limits of trusted publishing: identity tokens of CI systems, their issuers' keys, and what is given in exchange; as
// limits.h, but few files need them.
namespace tarn::limits {

inline constexpr size_t kIdentityTokenBytesMax = 16 * kKiB;  // GitHub's have about 2 KiB; a head has at most 64 KiB.
inline constexpr size_t kIdentityClaimsMax = 256;            // GitHub's have 30, GitLab's 35.
inline constexpr uint64_t kIdentitySkewMs = 60'000;          // How far an issuer's clock may be from ours.
inline constexpr uint64_t kIdentityAheadMsMax = 24 * 3'600'000;  // A token that is good for longer is refused.
inline constexpr size_t kJwksBytesMax = 256 * kKiB;              // Of discovery and key documents; GitHub's has 6 KiB.
inline constexpr size_t kJwksKeysMax = 64;                       // GitHub's has 4.
inline constexpr size_t kRsaBitsMin = 2048;                      // RFC 7518, section 3.3.
inline constexpr size_t kRsaBitsMax = 8192;                      // Verifying costs grow with the square.
inline constexpr uint64_t kIssuerFetchMs = 5'000;  // For each of discovery and keys; a client waits meanwhile.
inline constexpr uint64_t kIssuerKeysFreshMs = 10 * 60'000;     // Then they are fetched again at the next use.
inline constexpr uint64_t kIssuerKeysStaleMs = 24 * 3'600'000;  // Used as long while the issuer cannot be reached.
inline constexpr uint64_t kIssuerRefetchMs = 60'000;            // Between two fetches that an unknown key asks for.
inline constexpr uint64_t kIssuerRetryMs = 10'000;              // After a fetch that failed.
inline constexpr size_t kIssuerWaitersMax = 8;                  // Requests that wait for one fetch, each on a thread.
inline constexpr size_t kTrustIssuersMax = 32;
inline constexpr size_t kTrustAudiencesMax = 32;
inline constexpr size_t kTrustConfigsPerPackageMax = 1;     // As the public registry: the next one is answered 409.
inline constexpr size_t kTrustClaimsMax = 16;               // Of one configuration.
inline constexpr size_t kTrustClaimValuesMax = 32;          // Of one claim that is a list: CircleCI's contexts.
inline constexpr size_t kTrustClaimBytesMax = 512;          // Of one name or value.
inline constexpr uint64_t kTrustedTokenMs = 3'600'000;      // Contract 7.1: about one hour.
inline constexpr size_t kTrustedTokensPerPackageMax = 100;  // That live at once.
inline constexpr size_t kUsedIdentitiesDroppedMax = 16;     // Expired ones that an exchange removes; it adds one.

}  // namespace tarn::limits
