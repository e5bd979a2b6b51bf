#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tarn::migrate {

// What an import found worth telling. The names are part of the reports, and stay as they are.
enum class FindingKind : uint8_t {
  // Of a version or its tarball.
  kMissingAttachment,    // The version has no tarball; its metadata is imported.
  kDamagedAttachment,    // The source's bytes could not be read; as if missing.
  kDigestMismatch,       // Bytes and dist are not the same; both are imported as they are.
  kMd5Mismatch,          // CouchDB's own digest is of other bytes than came; those are imported as they are.
  kNoDist,               // dist is made anew.
  kNoShasum,             // shasum is added.
  kForeignTarballUrl,    // dist.tarball pointed elsewhere, and points here now.
  kInvalidSemver,        // Kept and served by its exact text; ranges do not see it.
  kSemverDuplicate,      // Another version means the same; both are kept.
  kVersionFieldDiffers,  // Name or version in the manifest are not those it stands under; they stay.
  kBadVersion,           // Not imported: no manifest, or a key that cannot be one.
  // Of a package.
  kOrphanAttachment,     // An attachment of no version: fetchable by its name, or dropped.
  kConflict,             // Losing revisions exist.
  kOnlyInLosers,         // A version that only a losing revision has: not imported.
  kIdDiffersFromName,    // Imported under its id.
  kTagToMissingVersion,  // The tag stays.
  kNoLatest,             // Asked for no version, the highest is answered.
  kBadTag,               // A tag of no version at all: dropped.
  kNoTime,               // Times are made up from what else there is.
  kBadTime,              // A time that cannot be read: likewise.
  kMaintainersOdd,       // Somebody in the list cannot be told, or there is no list.
  kRepeatedMember,       // A key twice in one object: the last counts.
  kBadName,              // Not imported: no client can ask for it.
  kDiffers,              // Of a comparison: what is here is not what is there.
  kChangedHere,          // Not imported: published or changed here meanwhile.
  kBadDocument,          // Not imported: cannot be read as a document.
  kNotAPackage,          // Skipped.
  // Of a user.
  kBadUser,     // Not imported, or without a password.
  kUserExists,  // Kept as it is here.
  // Of the source.
  kSource,
};

// "missing-attachment" …
std::string_view FindingName(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::kSource;
  std::string package;  // Document id, as far as it is about one.
  std::string where;    // Version, attachment, tag …; may be empty.
  std::string what;     // In words.
  // A note is told and counted, and does not change the exit status.
  enum class Severity : uint8_t { kNote, kWarning } severity = Severity::kWarning;
};

}  // namespace tarn::migrate
