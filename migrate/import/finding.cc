#include "migrate/import/finding.h"

namespace tarn::migrate {

std::string_view FindingName(FindingKind kind) {
  switch (kind) {
    case FindingKind::kMissingAttachment: return "missing-attachment";
    case FindingKind::kDamagedAttachment: return "damaged-attachment";
    case FindingKind::kDigestMismatch: return "digest-mismatch";
    case FindingKind::kMd5Mismatch: return "md5-mismatch";
    case FindingKind::kNoDist: return "no-dist";
    case FindingKind::kNoShasum: return "no-shasum";
    case FindingKind::kForeignTarballUrl: return "foreign-tarball-url";
    case FindingKind::kInvalidSemver: return "invalid-semver";
    case FindingKind::kSemverDuplicate: return "semver-duplicate";
    case FindingKind::kVersionFieldDiffers: return "version-field-differs";
    case FindingKind::kBadVersion: return "bad-version";
    case FindingKind::kOrphanAttachment: return "orphan-attachment";
    case FindingKind::kConflict: return "conflict";
    case FindingKind::kOnlyInLosers: return "only-in-losers";
    case FindingKind::kIdDiffersFromName: return "id-differs-from-name";
    case FindingKind::kTagToMissingVersion: return "tag-to-missing-version";
    case FindingKind::kNoLatest: return "no-latest";
    case FindingKind::kBadTag: return "bad-tag";
    case FindingKind::kNoTime: return "no-time";
    case FindingKind::kBadTime: return "bad-time";
    case FindingKind::kMaintainersOdd: return "maintainers-odd";
    case FindingKind::kRepeatedMember: return "repeated-member";
    case FindingKind::kBadName: return "bad-name";
    case FindingKind::kDiffers: return "differs";
    case FindingKind::kChangedHere: return "changed-here";
    case FindingKind::kBadDocument: return "bad-document";
    case FindingKind::kNotAPackage: return "not-a-package";
    case FindingKind::kBadUser: return "bad-user";
    case FindingKind::kUserExists: return "user-exists";
    case FindingKind::kSource: return "source";
  }
  return "source";
}

}  // namespace tarn::migrate
