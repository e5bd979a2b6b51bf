#pragma once

#include <cstddef>
#include <cstdint>

// Everything has a limit, and it is here: unit last in the name, reason and source beside it.
// Those marked (configurable) are defaults that `limits.*` in the configuration overrides.
namespace tarn::limits {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

// --- npm names and versions (sources: validate-npm-package-name, node-semver) ---
inline constexpr size_t kPackageNameBytesMax = 214;
inline constexpr size_t kVersionBytesMax = 256;
inline constexpr size_t kDistTagBytesMax = 214;
inline constexpr size_t kRangeBytesMax = 4 * kKiB;      // A semver range; real ones are below 200.
inline constexpr size_t kIntegrityBytesMax = 2 * kKiB;  // An SRI string: about twenty sha512.
inline constexpr size_t kUserNameBytesMax = 64;         // CouchDB application: 50; the client allows 214.
inline constexpr size_t kEmailBytesMax = 254;           // npm-user-validate.
inline constexpr size_t kPasswordBytesMax = 1024;       // Bounds the work of a password hash.
inline constexpr size_t kDeprecationBytesMax = 4 * kKiB;
inline constexpr size_t kReadmeBytesMax = 64 * kKiB;       // Longer ones are cut, as the public registry does.
inline constexpr size_t kSummaryTextBytesMax = kKiB;       // Description and links as search shows them; cut.
inline constexpr size_t kSummaryKeywordsMax = 64;          // The same.
inline constexpr size_t kDependenciesPerKindMax = 1000;    // CouchDB application.
inline constexpr size_t kVersionsPerPackageMax = 100'000;  // The largest public package has about 4,200 listed here.
inline constexpr size_t kDistTagsPerPackageMax = 1000;
inline constexpr size_t kMaintainersPerPackageMax = 1000;
inline constexpr uint64_t kNameBlockedMs = 24 * 3'600'000;  // After all versions were unpublished; contract 15.
inline constexpr size_t kTokensPerUserMax = 1000;           // The public registry's documented limit.
inline constexpr size_t kCidrsPerTokenMax = 64;
inline constexpr size_t kTokenTextBytesMax = 256;            // Its name, and its description.
inline constexpr size_t kAuthenticationsCachedMax = 16'384;  // Tokens, and passwords shown as Basic.
inline constexpr size_t kCommitRetriesMax = 100;             // Of a write that others keep overtaking.

// --- passwords (argon2id; OWASP's second recommendation, 2 passes over 19 MiB: about 25 ms) ---
inline constexpr uint64_t kPasswordHashPasses = 2;
inline constexpr uint64_t kPasswordHashBytes = 19 * kMiB;
inline constexpr size_t kPasswordHashesConcurrentMax = 2;   // Bounds what logins can occupy.
inline constexpr uint64_t kPasswordWaitMs = 10'000;         // For one of them.
inline constexpr uint32_t kLoginFailuresFree = 5;           // In a row, then the user's next attempt is delayed …
inline constexpr uint64_t kLoginDelayMsMin = 1'000;         // … by this, doubled with each further one …
inline constexpr uint64_t kLoginDelayMsMax = 60'000;        // … up to this.
inline constexpr size_t kLoginFailuresTrackedMax = 10'000;  // Users.
inline constexpr size_t kFamiliarSourcesMax = 10'000;    // Addresses from which a user logged in; forgotten together.
inline constexpr uint64_t kHtpasswdBytesMax = 8 * kMiB;  // Of registry.htpasswd_file: about 100,000 users.
inline constexpr size_t kHtpasswdHashBytesMax = 512;     // One hash in it; the longest known has 123.
inline constexpr int kHtpasswdBcryptCostMax = 15;        // About two seconds for one login.
inline constexpr uint64_t kHtpasswdRecheckMs = 1'000;    // How soon a changed file is noticed.
inline constexpr size_t kProfileFieldBytesMax = 256;     // Full name, home page …

// --- second factor (RFC 6238) and web login ---
inline constexpr uint64_t kTotpStepMs = 30'000;                  // RFC 6238, section 5.2.
inline constexpr uint64_t kTotpStepsAround = 1;                  // Clocks may be one step apart; the same section.
inline constexpr size_t kTotpSecretBytes = 20;                   // RFC 4226, section 4: 160 bits are recommended.
inline constexpr uint64_t kOneTimePasswordReuseMs = 5 * 60'000;  // Clients show one code on every request of a command.
inline constexpr uint64_t kOneTimePasswordDelayMsMax = 15 * 60'000;  // After wrong ones: six digits are few.
inline constexpr size_t kOneTimePasswordBytesMax = 128;              // As shown by a client; ours are shorter.
inline constexpr size_t kAcceptedCodesMax = 10'000;                  // Remembered for that long.
inline constexpr size_t kRecoveryCodesPerUser = 8;
inline constexpr size_t kWebSessionsMax = 1'000;         // Web logins and confirmations that wait for their user.
inline constexpr size_t kWebSessionsPerAddressMax = 50;  // Of those, begun from one address.
inline constexpr uint64_t kWebSessionMs = 10 * 60'000;   // Contract 11.2.
inline constexpr uint64_t kWebPollSeconds = 2;           // Retry-After of a poll; 1 to 5 by the same section.
inline constexpr size_t kFormFieldsMax = 16;             // Of a form that a browser posts.

// --- bodies ---
inline constexpr uint64_t kTarballBytesMax = kGiB + 64 * kMiB;  // (configurable) A 1 GiB publish must fit.
inline constexpr uint64_t kManifestBytesMax = 4 * kMiB;         // One version's package.json, readme excluded.
inline constexpr uint64_t kMetadataBytesMax = 64 * kMiB;  // (configurable) A whole packument comes back on deprecate.
inline constexpr size_t kJsonDepthMax = 64;
inline constexpr size_t kJsonKeyBytesMax = 64 * kKiB;  // One key is held whole while it is read.
inline constexpr size_t kJsonNumberBytesMax = kKiB;    // One number likewise.
inline constexpr size_t kJsonMembersMax = 200'000;     // Of one object or array that is cut up.
inline constexpr size_t kPackumentMembersMax = 1000;   // Keys at its top; real ones have about 40.
inline constexpr uint64_t kAttachmentsPerPublishMax = 8;
inline constexpr size_t kAttachmentMembersMax = 32;    // Keys of one attachment; clients write three.
inline constexpr size_t kContentTypeBytesMax = 256;    // Of an attachment.
inline constexpr uint64_t kBundleBytesMax = 4 * kMiB;  // A sigstore bundle; typically 10 KB.
inline constexpr uint64_t kStarBodyBytesMax = kMiB;    // Of a caller who may do nothing else.
inline constexpr uint64_t kTarballEntriesMax = 200'000;
inline constexpr uint64_t kTarballInflatedBytesMax = 8 * kGiB;  // (configurable) Nothing is extracted; bounds CPU.
inline constexpr uint64_t kTarballPackageJsonBytesMax = 4 * kMiB;
inline constexpr uint64_t kTarballMetaEntryBytesMax = kMiB;  // A pax header or long name; as node-tar.

// --- engine ---
inline constexpr uint64_t kSegmentBytesMax = 512 * kMiB;   // (configurable) Then sealed.
inline constexpr uint64_t kSharedBlobBytesMax = 8 * kMiB;  // Larger blobs stream into a solo segment.
inline constexpr uint64_t kBlobBlockBytes = 64 * kKiB;     // Unit of the xxh3 table. Written to disk since format 1.
inline constexpr uint64_t kUploadBudgetBytes =
    64 * kMiB;  // (configurable) Small blobs that wait in memory; past it they go solo.
inline constexpr size_t kSoloBufferBytes = kMiB;  // Per upload above kSharedBlobBytesMax; in the upload budget.
inline constexpr uint64_t kSoloUnsyncedBytes = 32 * kMiB;  // Then synced on the way, so that no commit waits for a GiB.
inline constexpr size_t kSegmentEntriesMax = 256 * kKiB;   // Then sealed; bounds the footer's table, 10 MiB in memory.
inline constexpr size_t kSegmentDescriptorsMax = 256;      // Segments kept open for reading; a descriptor each.
inline constexpr size_t kGroupRecordsMax = 256;
inline constexpr uint64_t kGroupBytesMax = 8 * kMiB;          // Of payloads; one mutation may exceed it alone.
inline constexpr size_t kCommitQueueMax = 4096;               // Mutations waiting; over it kResourceExhausted.
inline constexpr uint64_t kCommitQueueBytesMax = 256 * kMiB;  // The same in bytes of changes and payloads.
inline constexpr uint64_t kRecordBytesMax = 80 * kMiB;        // Payload of one log record.
inline constexpr size_t kChangesPerRecordMax = 200'000;
inline constexpr size_t kKeyBytesMax = 2 * kKiB;
inline constexpr size_t kVerifyFindingsMax = 1000;  // Kept in words; all are counted.

// --- packuments in memory ---
inline constexpr uint64_t kPackumentCacheBytes = 256 * kMiB;     // (configurable) Ropes and bodies, all shards.
inline constexpr size_t kPackumentPendingChangesMax = 64;        // Per package, waiting for a reader; then dropped.
inline constexpr uint64_t kPackumentPendingBytesMax = 8 * kMiB;  // The same in bytes.
inline constexpr uint64_t kPackumentWaitMsMax = 10'000;          // For somebody else's build.
inline constexpr size_t kPackumentBaseUrlsMax = 16;              // Per package; bounds what a made-up Host can occupy.
inline constexpr size_t kRopeChunkEntriesMax = 512;              // Sealed: within 3 % of gzip -9 of the whole.
inline constexpr uint64_t kRopeChunkPlainBytesMax = kMiB;        // Then a chunk is full; bounds the cost of one edit.
inline constexpr size_t kRopeSealPieces = 64;                    // Appended one by one; then compressed together.

// --- http ---
inline constexpr size_t kHeaderBytesMax = 64 * kKiB;  // (configurable) OIDC tokens and proxies; contract 2.1.
inline constexpr size_t kHeaderFieldsMax = 100;
inline constexpr size_t kTargetBytesMax = 8 * kKiB;
inline constexpr size_t kChunkExtensionBytesMax = kKiB;   // Per body; llhttp 8.1 cannot bound them itself.
inline constexpr size_t kBodyChunkBytes = 256 * kKiB;     // One read of a request body.
inline constexpr size_t kSendfileTurnBytes = 256 * kKiB;  // Then another connection gets its turn.
inline constexpr size_t kSmallFileBytes = 16 * kKiB;      // Sent with the head in one call, without sendfile.
inline constexpr size_t kReadBufferBytes =
    16 * kKiB;  // Of a connection with a request in hand; grows for a longer head.
inline constexpr size_t kTrailerBytesMax =
    8 * kKiB;  // Framing of a chunked body between two pieces of data, trailers too.
inline constexpr size_t kConnectionsMax = 10'000;  // (configurable) npm opens 15, pnpm 50 per client.
inline constexpr uint64_t kHeaderMs = 10'000;      // A whole head, from its first byte.
inline constexpr uint64_t kIdleMs = 75'000;        // Above the clients' (pnpm 30 s) and HAProxy's; contract 2.1.
inline constexpr uint64_t kRateWindowMs = 30'000;  // Window of the two rates below; time spent waiting for the client.
inline constexpr uint64_t kBodyRateMin = kKiB;     // Bytes a second that a request body must bring.
inline constexpr uint64_t kSendRateMin = kKiB;     // Bytes a second at which a client must take its answer.
inline constexpr uint64_t kDiscardBytesMax =
    64 * kMiB;                                // Of a refused body, read and dropped so that the client sees why.
inline constexpr uint64_t kLingerMs = 5'000;  // Time for the same.

// --- feeds (contract 13) ---
inline constexpr size_t kFollowersMax = 256;       // Feeds that wait for changes, all cores; each is woken by a commit.
inline constexpr size_t kFeedRowsPerPiece = 1000;  // Read and sent at a time.
inline constexpr size_t kFeedRowsScannedMax =
    10'000;                                          // For one piece; the rest may be rows that are not for the caller.
inline constexpr uint64_t kFeedPendingMax = 10'000;  // `pending` counts no further.
inline constexpr uint64_t kFeedHeartbeatMs = 60'000;  // When none is asked for: finds followers that are gone.
inline constexpr uint64_t kFeedHeartbeatMsMin = 1'000;
inline constexpr uint64_t kFeedTimeoutMs = 60'000;  // Of a long poll that asks for neither heartbeat nor timeout.
inline constexpr size_t kFeedNamesMax = 1000;       // doc_ids, keys, and the documents of one _bulk_get.
inline constexpr size_t kRevisionsKept = 32;        // Hashes per package, newest first: what followers merge by.
inline constexpr size_t kReplicationCheckpointsMax =
    1024;  // Of followers, in memory; the least recently used go first.
inline constexpr size_t kReplicationCheckpointBytesMax = 16 * kKiB;
inline constexpr size_t kReplicationIdBytesMax = 256;

// --- search ---
inline constexpr size_t kSearchBlockPackages = 256;  // Rewritten together when one of them changes.
inline constexpr size_t kSearchWordsMax = 32;        // Words and qualifiers of one search; more are refused.

// --- download counts (contract 12.6) ---
inline constexpr uint64_t kDownloadFlushMs = 10 * 60'000;  // In memory until then; a crash loses at most this.
inline constexpr size_t kDownloadTalliesMax = 100'000;     // Versions with counts in memory; over it some go uncounted.
inline constexpr size_t kDownloadsPerRecordMax = 10'000;   // Of them in one record of the journal.
inline constexpr size_t kDownloadPackagesPerRequestMax = 128;
inline constexpr uint32_t kDownloadDaysKept = 550;  // 18 months.
inline constexpr uint32_t kDownloadBulkDaysMax = 365;
inline constexpr uint32_t kDownloadVersionDaysKept = 8;  // `/versions/…/last-week` is all that asks.

// --- executor and admission (npm comes back only after 10 s and 70 s: wait a little, then refuse) ---
inline constexpr size_t kReadThreads = 4;
inline constexpr size_t kReadQueueMax = 1024;
inline constexpr size_t kWriteThreads = 64;  // Each is blocked for a commit; bounds the size of a group.
inline constexpr size_t kWriteQueueMax = 1024;
inline constexpr size_t kIoThreads = 4;
inline constexpr size_t kIoQueueMax = 1024;
inline constexpr size_t kAdminThreads = 2;
inline constexpr size_t kAdminQueueMax = 64;
inline constexpr uint64_t kQueueWaitMs = 5'000;
inline constexpr size_t kMetadataConcurrentMax = 1024;
inline constexpr uint64_t kMetadataBudgetBytes = kGiB;
inline constexpr size_t kTarballConcurrentMax = 4096;  // sendfile holds no memory.
inline constexpr uint64_t kTarballBudgetBytes = kGiB;
inline constexpr size_t kWriteConcurrentMax = 256;
inline constexpr uint64_t kWriteBudgetBytes = 512 * kMiB;
inline constexpr size_t kAdminConcurrentMax = 64;
inline constexpr uint64_t kAdminBudgetBytes = 256 * kMiB;
inline constexpr size_t kAdmissionWaitingMax = 1024;  // Per class.
inline constexpr uint64_t kAdmissionWaitMs = 2'000;

// --- state of the disk ---
inline constexpr uint64_t kDiskReserveBytes =
    64 * kMiB;  // (configurable) Writes stop below max(5 % of the disk up to 8 GiB, this).
inline constexpr uint64_t kDiskRecheckMs = 100;  // How soon a full disk is looked at again.
inline constexpr uint64_t kBallastBytes =
    16 * kMiB;  // (configurable) A file to delete when the disk is full all the same.

}  // namespace tarn::limits
