#pragma once

#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/registry/package_name.h"
#include "storage/registry/records.h"

// The sigstore bundle that `npm publish --provenance` sends along: a DSSE envelope around an in-toto statement about the
// tarball (github.com/sigstore/protobuf-specs, bundle v0.1 to v0.3; in-toto Statement v0.1 and v1).
//
// What is checked here is what the bundle says, not who says it: that it speaks of exactly this version and these bytes, and
// what kind of statement it is. The certificate chain and the transparency log need Sigstore's trust root, which is not part
// of a registry without internet; clients verify both themselves (`npm audit signatures`).
namespace tarn::registry {

// What every refusal begins with (contract 5.3).
inline constexpr std::string_view kProvenanceRefused = "Error verifying sigstore provenance bundle: ";

// The predicate type of a bundle for `version`, of which version and tarball are set. kInvalidArgument says what is wrong.
Result<std::string> CheckProvenance(std::string_view bundle, const PackageName& name, const VersionRecord& version);

// "pkg:npm/%40scope/name@1.0.0": what npm calls the subject (npm-package-arg, toPurl).
std::string PackageUrl(const PackageName& name, std::string_view version);

// The document at `/-/npm/v1/attestations/…`, with the bundle's bytes unchanged.
std::string AttestationsDocument(std::string_view predicate_type, std::string_view bundle);

}  // namespace tarn::registry
