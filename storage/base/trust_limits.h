#pragma once

#include "storage/base/limits.h"

// The limits of signatures, attestations and advisories; as limits.h, but few files need them.
namespace tarn::limits {

inline constexpr size_t kSigningKeysMax = 256;  // Ever used by this registry; one a month for 20 years.
inline constexpr uint64_t kSigningKeyFileBytesMax = 64 * kKiB;
inline constexpr uint64_t kSigningKeyOverlapMs = 60'000;   // A replaced key stays valid for publishes on their way.
inline constexpr size_t kSignedPerCommitMax = 256;         // Old versions that get their signature together.
inline constexpr uint64_t kSignPauseMs = 10;               // After each commit of those: others come first.
inline constexpr uint64_t kSignRetryMs = 10'000;           // After a commit of those failed.
inline constexpr uint64_t kAuditBodyBytesMax = 32 * kMiB;  // Inflated; contract 12.2 wants 16 MiB. About 500,000 names.
inline constexpr uint64_t kAuditBudgetBytes = 512 * kMiB;  // Of all audits that are being received.
inline constexpr size_t kAuditConcurrentMax = 64;          // Audits from the first byte of their body on.
inline constexpr size_t kAuditPackagesMax = 100'000;       // In one question; a large monorepo has some 5,000.
inline constexpr size_t kAuditVersionsMax = 200'000;       // Of all packages in one question.
inline constexpr size_t kAuditFindingsMax = 10'000;        // Paths in the answer to an old client.
inline constexpr size_t kAuditPathBytesMax = 4 * kKiB;     // Of one path; deeper ones are cut.
inline constexpr uint64_t kAdvisoryBytesMax = 4 * kMiB;    // One OSV document; the largest have 1 MB of versions.
inline constexpr size_t kAdvisoryDocumentsMax = 1000;      // In one import request.
inline constexpr size_t kAdvisoryPackagesMax = 1000;       // That one advisory speaks of.
inline constexpr size_t kAdvisoryRangesMax = 1000;         // Of one package in one advisory.
inline constexpr size_t kAdvisoryVersionsMax = 20'000;     // Listed one by one, likewise.
inline constexpr size_t kAdvisoryTextBytesMax = kKiB;      // Title, URL, CVSS vector: longer ones are cut or left out.
inline constexpr size_t kAdvisoryListMax = 64;             // CWEs, aliases.
inline constexpr size_t kAdvisoryIdBytesMax = 128;
inline constexpr size_t kAdvisoriesPerPackageMax = 1000;  // The most for one npm package are some 60.
inline constexpr size_t kAdvisoriesPageMax = 1000;        // Of `tarn advisories list`, fetched page by page.

}  // namespace tarn::limits
