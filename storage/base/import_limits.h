#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/base/limits.h"

// Limits of `tarn import`: what old registries hold is larger and odder than what may be published.
namespace tarn::limits {

// --- sources ---
inline constexpr uint64_t kImportDocumentBytesMax =
    64 * kMiB;                                              // A document without its attachments; real ones reach 25.
inline constexpr size_t kImportDepthMax = 4096;             // Levels of JSON in a document; CouchDB itself has none.
inline constexpr size_t kImportScanDepthMax = 1'000'000;    // A byte each; deeper ends the run.
inline constexpr size_t kImportAttachmentsMax = 100'000;    // Of one document: its versions.
inline constexpr size_t kImportNameBytesMax = 1024;         // An attachment's; CouchDB's own have no limit.
inline constexpr size_t kImportRevBytesMax = 128;           // "12-" and 32 hex digits.
inline constexpr size_t kImportReadBytes = 256 * kKiB;      // Of the source, at a time.
inline constexpr uint64_t kImportInflationMax = 2048;       // Plain bytes per compressed one; gzip reaches 1032.
inline constexpr size_t kImportHeaderBytesMax = 64 * kKiB;  // Of one part of a multipart body.
inline constexpr size_t kImportBoundaryBytesMax = 256;      // RFC 2046 allows 70.
inline constexpr size_t kImportPagesRows = 1000;            // Of a live _changes feed, asked for at a time.
inline constexpr uint64_t kImportPageBytesMax = 64 * kMiB;  // One such page, without documents.
inline constexpr uint64_t kImportPollMs = 60'000;           // Of a feed that waits for changes.
inline constexpr uint64_t kImportPollGraceMs = 10'000;      // For a feed that waits longer than it was asked to.
inline constexpr size_t kImportConflictsMax = 32;           // Losing revisions looked into; all are named.
inline constexpr size_t kImportDocumentTriesMax = 3;        // Of a document that a live source cannot give.
inline constexpr uint64_t kImportTarballBytesMax = 64 * kGiB;  // From a server, however it is asked for.
inline constexpr uint64_t kImportRetryMsMin = 1'000;           // Of a live source that does not answer …
inline constexpr uint64_t kImportRetryMsMax = 60'000;          // … doubled up to this …
inline constexpr size_t kImportRetriesMax = 8;                 // … unless it is followed: then without end.

inline constexpr size_t kImportListBytesMax = 256 * kMiB;  // A list of names, a lockfile, an htpasswd file.

// --- into the store ---
inline constexpr uint64_t kImportStagedBytes =
    24 * kMiB;                                      // Tarballs in memory until their package; below the upload budget.
inline constexpr size_t kImportStagedBlobs = 1000;  // The same in number.
inline constexpr uint64_t kImportRecordBytes = 16 * kMiB;  // Versions per record of the journal; more take several.
inline constexpr size_t kImportCommitsMax = 256;           // Under way at once, those that wait for a group included.
inline constexpr uint64_t kImportGroupBytes = 4 * kMiB;    // Tarballs and records that are handed over together, …
inline constexpr size_t kImportGroupCommits = 64;          // … and of how many packages at most.
inline constexpr size_t kImportVersionBytesMax = 512;      // The key of a version, however odd.
inline constexpr size_t kImportFindingsPerPackageMax = 1000;  // Told in words; all are counted.
inline constexpr uint64_t kImportProgressMs = 5'000;          // Between two lines, when it is no terminal.

}  // namespace tarn::limits
