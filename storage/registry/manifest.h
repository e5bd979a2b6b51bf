#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/limits.h"
#include "storage/base/result.h"
#include "storage/registry/manifest_fragment.h"

namespace tarn::registry {

struct Maintainer {
  std::string name;
  std::string email;
  auto operator<=>(const Maintainer&) const = default;
};

// Typed facts about one manifest. Never its replacement: what is served are the manifest's own
// bytes. A field that is missing or of another type than expected is empty here; what must not be
// so is for ValidateManifest to say.
struct ManifestIndex {
  std::string name;
  std::string version;
  // Absent: not mentioned. Empty: "", null or false, that is "no longer deprecated".
  std::optional<std::string> deprecated;
  std::string integrity;  // dist.integrity as sent.
  std::string shasum;     // dist.shasum as sent.
  std::string description;
  std::string readme_filename;
  std::string_view readme;          // The raw JSON string, into the manifest's text; empty: none.
  bool is_private = false;          // "private": true
  bool has_install_script = false;  // preinstall, install or postinstall in scripts.
  bool has_gypfile_false = false;   // "gypfile": false, which turns npm's implicit node-gyp off.
};

struct PublishedManifest {
  std::string key;       // In `versions`.
  std::string_view raw;  // The manifest, byte for byte, into PublishRequest::text.
  ManifestIndex index;
};

// The body of a write to a package without its attachments, indexed. Which of the writes of
// contract 8.1 it is shows in which optional parts are there.
struct PublishRequest {
  enum class Access : uint8_t { kKeep, kPublic, kRestricted };

  std::unique_ptr<const std::string> text;  // The skeleton; every view below points into it.
  std::string id;                           // `_id`
  std::string name;
  std::string rev;  // `_rev`
  std::string description;
  std::string readme_filename;
  std::string_view readme;        // The raw JSON string; empty: none.
  Access access = Access::kKeep;  // null or missing; "private" means restricted.
  std::optional<std::map<std::string, std::string>> dist_tags;
  std::optional<std::vector<PublishedManifest>> versions;  // In the order sent.
  // An entry that is not an object with a name comes out with an empty one.
  std::optional<std::vector<Maintainer>> maintainers;
  std::optional<std::map<std::string, bool>> users;  // Stars.
};

//   skeleton  what a PublishDocumentParser left over, hence valid JSON: what is not looked at here
//             is not checked again.
// kInvalidArgument: not an object, a part of the wrong type (versions or dist-tags that are no
// objects, a manifest that is none, a dist-tag that is no string, `deprecated` that is neither
// string, null nor false, an unknown access), a key twice in one of these objects or in a manifest.
// kTooLarge: more versions, tags or maintainers than limits.h allows. `time` is ignored: it is
// ours.
Result<PublishRequest> ParsePublishRequest(std::string skeleton);

// The facts of one manifest; views point into `raw`. Errors as ParsePublishRequest.
Result<ManifestIndex> IndexManifest(std::string_view raw);

// The rules for a version that is new (contract, section 15, rules 6, 14, 15, 16, 25): key,
// manifest version and name present and valid, at most limits::kDependenciesPerKindMax dependencies
// per kind and all of them strings, scripts and bin of strings, not private, the manifest within
// limits::kManifestBytesMax without its readme. kInvalidArgument or kTooLarge in words for the
// publisher.
Status ValidateManifest(const PublishedManifest& manifest);

// `name` and `version` of a package.json out of a tarball (a byte order mark is allowed there, as
// npm does). kInvalidArgument: not JSON, or one of them is no string.
struct PackageIdentity {
  std::string name;
  std::string version;
};
Result<PackageIdentity> ReadPackageIdentity(std::string_view package_json);

// The text of a raw readme (ManifestIndex::readme), cut to limits::kReadmeBytesMax on a character
// boundary.
Result<std::string> DecodeReadme(std::string_view raw_readme);

// What the server says about a version, over whatever its publisher wrote.
struct ManifestOverlay {
  enum class Evidence : uint8_t {
    kDrop,  // A publish: dist.signatures and dist.attestations are not for the publisher to claim.
    kKeep,  // An import: they come from the registry that made them.
  };
  std::string name;          // Of the package.
  std::string version;       // As published.
  std::string tarball_file;  // "<base>-<version>.tgz"
  std::string integrity;
  std::string shasum;
  std::optional<uint64_t> file_count;  // Absent: not known (imported without inspection).
  std::optional<uint64_t> unpacked_bytes;
  Evidence evidence = Evidence::kDrop;
  // Of this registry; left out where the origin's own are kept. Each a key id and a base64 signature.
  std::vector<std::pair<std::string, std::string>> signatures;
  std::string predicate_type;    // Of the provenance kept with the version; empty: there is none.
  std::string deprecated;        // Empty: not deprecated.
  std::string npm_user_json;     // `_npmUser`: an object, or empty to leave it out.
  std::string maintainers_json;  // `maintainers`: an array, or empty to leave it out.
  bool has_install_script = false;
  bool has_shrinkwrap = false;
  // Imported: every member is served as it came, `dist` too. Ours are only where dist points to, the digests it lacks,
  // signatures, and a deprecation that is another one now. Empty `integrity` and `shasum`: nothing is added there; empty
  // `tarball_file`: dist points nowhere.
  bool is_verbatim = false;
};

// A version as the full packument shows it (contract 4.2): the publisher's members in their order
// and bytes, without those that leak or are ours, then ours. `dist` keeps unknown members.
//   raw  a manifest that IndexManifest accepted; otherwise kInvalidArgument.
Result<ManifestFragment> BuildFullManifest(std::string_view raw, const ManifestOverlay& overlay);

// A version as the abbreviated packument shows it (contract 4.3): only the members listed there.
Result<ManifestFragment> BuildAbbreviatedManifest(std::string_view raw, const ManifestOverlay& overlay);

// The members of `raw` that a packument shows at its top (contract 4.1, "hoisted"), as
// `"description":"…","license":"MIT"`: no braces, no comma around it, possibly empty.
Result<std::string> BuildHoistedMembers(std::string_view raw);
// Whether a member at the top of a packument follows `latest`: those above, and the readme.
bool IsTakenFromLatest(std::string_view key);

}  // namespace tarn::registry
