#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/import/finding.h"
#include "storage/base/ids.h"
#include "storage/registry/legacy_import.h"

namespace tarn::migrate {

// An attachment of a document, as it came.
struct StoredAttachment {
  enum class State : uint8_t {
    kWhole,
    kStub,     // The source had no bytes for it.
    kDamaged,  // It had, and they could not be read.
  };
  std::string name;
  State state = State::kWhole;
  Digest sha512;  // Of kWhole.
  Sha1Digest sha1;
  uint64_t size_bytes = 0;
  bool differs_from_md5 = false;  // CouchDB's digest is of other bytes.
  std::string of_version = {};    // It is the tarball of this version, whatever its name.
};

struct SourceDocument {
  std::string id;
  std::string rev;
  std::string body;  // JSON: DocumentEnd::body.
  std::vector<StoredAttachment> attachments;
};

struct PlanOptions {
  enum class Orphans : uint8_t { kKeep, kDrop } orphans = Orphans::kKeep;
};

// What became of one version; a line of the report.
struct VersionReport {
  enum class State : uint8_t { kOk, kMissingAttachment, kDigestMismatch, kNotImported };
  std::string version;
  State state = State::kOk;
  std::string file;  // What the tarball is fetched as; empty: none.
  uint64_t size_bytes = 0;
  Digest sha512;
  Sha1Digest sha1;
};
std::string_view StateName(VersionReport::State state);

// A version whose tarball the document does not bring.
struct MissingTarball {
  std::string version;
  std::string attachment;  // Its key in the document, without usable bytes; empty: there is none.
  std::string file;        // What it will be fetched as; may be empty.
  std::string url;         // dist.tarball, as far as it is there; likewise the following.
  std::string shasum;
  std::string integrity;
};

// What a document means for the registry.
struct Plan {
  enum class Kind : uint8_t {
    kPackage,
    kNotAPackage,  // Skipped, with a finding.
    kDesign,       // CouchDB's own: skipped.
    kRefused,      // A package that cannot be imported; the findings say why.
  };
  Kind kind = Kind::kNotAPackage;
  std::optional<registry::LegacyPackage> package;  // Of kPackage.
  std::vector<VersionReport> versions;
  std::vector<MissingTarball> missing;
  std::vector<Finding> findings;
};

// Pure: a document and its attachments → records and findings.
//
// Old registries are taken as they are: names and versions byte for byte, whatever strictness is younger than they. All
// members of the document and of each manifest are kept verbatim; what we serve differs from what the origin served in
// `_id`, `_rev` and `_attachments`, in where dist.tarball points to, and in digests that were not there.
Plan PlanDocument(const SourceDocument& document, const PlanOptions& options);

}  // namespace tarn::migrate
