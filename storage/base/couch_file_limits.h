#pragma once

#include "storage/base/limits.h"

// The limits of reading CouchDB's database files; as limits.h, but few files need them.
namespace tarn::limits {

inline constexpr uint64_t kCouchHeaderBytesMax = kMiB;     // Real ones have some 200 bytes; epochs make them grow.
inline constexpr uint64_t kCouchNodeBytesMax = 64 * kMiB;  // One tree node, unpacked; CouchDB splits at about 1,279.
inline constexpr uint64_t kCouchDocumentBytesMax = 128 * kMiB;  // One document's stored form, packed or unpacked.
inline constexpr uint64_t kCouchJsonBytesMax = 256 * kMiB;      // The JSON text of one document.
inline constexpr size_t kCouchTreeDepthMax = 64;                // Levels of a tree; three hold a million documents.
inline constexpr size_t kCouchJsonDepthMax = 1000;              // Below the 1,024 of common JSON readers.
inline constexpr size_t kCouchRevisionDepthMax = 100'000;       // revs_limit is 1,000 unless it was raised.
inline constexpr size_t kCouchLeavesMax = 100'000;              // Leaf revisions of one document.
inline constexpr size_t kCouchRevisionIdBytesMax = 256;         // 16 unless the revision is text.
inline constexpr size_t kCouchBignumBytesMax = 415;             // About 1,000 digits, as kJsonNumberBytesMax.
inline constexpr size_t kCouchAttachmentsMax = 200'000;         // Of one document; a package has one per version.
inline constexpr size_t kCouchIdBytesMax = 64 * kKiB;           // Of a document; CouchDB has no limit by default.
inline constexpr uint64_t kCouchSharedReadsMax = 64;        // Times that all of a file may be read: copies share bytes.
inline constexpr size_t kCouchOpenFindingsMax = 1000;       // Of the search for a header.
inline constexpr size_t kCouchDocumentsPerBatch = 1 << 20;  // Sorted by place together; about 100 bytes each.
inline constexpr size_t kCouchPieceBytes = 64 * kKiB;       // Of an attachment, handed on at once.
inline constexpr size_t kCouchReadBytesSmall = 8 * kKiB;    // One read of the file after a jump …
inline constexpr size_t kCouchReadBytesLarge = 256 * kKiB;  // … and the most while it goes straight on.
inline constexpr uint64_t kCouchReadAheadBytes = 8 * kMiB;  // Asked of the kernel ahead of where we are.
inline constexpr size_t kCouchFilesMax = 100'000;           // Looked at in one folder of databases.
inline constexpr size_t kCouchFolderDepthMax = 32;          // Folders within it.

}  // namespace tarn::limits
