#pragma once

#include <memory>
#include <string>

#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/package_name.h"
#include "storage/registry/packument_rope.h"
#include "storage/registry/records.h"

// From records to what packuments are made of. Errors: those of ReadView; kCorruption when a stored manifest cannot be
// read. Threads: any.
namespace tarn::registry {

// What the registry says over the manifest of a version.
ManifestOverlay OverlayOf(const PackageName& name, const VersionRecord& version);

Result<VersionEntry> MakeVersionEntry(const PackageName& name, const VersionRecord& version);

// `latest` is the version of that tag; nullptr when the package has none.
Result<PackumentHead> MakePackumentHead(const PackageName& name, const PackageRecord& package,
                                        const VersionRecord* latest);
// The same, reading `latest` from the view.
Result<PackumentHead> ReadPackumentHead(const engine::ReadView& view, const PackageName& name,
                                        const PackageRecord& package);

// The whole packument. kNotFound when there is no such package. Holds one version at a time; about 40 µs per version.
Result<std::unique_ptr<PackumentRope>> BuildPackument(const engine::ReadView& view, const PackageName& name,
                                                      const std::string& base_url);

}  // namespace tarn::registry
