#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/registry/manifest.h"
#include "storage/registry/package_name.h"
#include "storage/registry/publish_document.h"
#include "storage/registry/records.h"
#include "storage/registry/semver.h"
#include "storage/registry/tarball_inspector.h"

namespace tarn::registry {

// A tarball that has arrived whole: what its bytes are, and what is inside.
struct ReceivedTarball {
  engine::BlobInfo blob;
  TarballReport report;
};

// A version that is fit to be published, as far as that shows without looking at the registry's state.
struct NewVersion {
  Version version;
  std::string dist_tag;
  PublishRequest::Access access = PublishRequest::Access::kKeep;
  // Complete but for what the state decides: ordinal, publisher, maintainers, time.
  VersionRecord record;
};

// Steps 5, 6, 8 and 9 of contract 5.2: names and versions agree in path, document, manifest, attachment and tarball;
// one tarball, one dist-tag; integrity and shasum are those of the bytes.
// The new version is the one of the tarball: npm 9 and older send all others again after a conflict, and those are
// ignored here.
// Errors: kInvalidArgument, kTooLarge, in words for the publisher.
Result<NewVersion> CheckPublishRequest(const PackageName& name, const PublishRequest& request,
                                       const std::vector<PublishAttachment>& attachments,
                                       const ReceivedTarball& tarball);

// "<base>-<version>.tgz", without build metadata: pnpm asks for exactly this when its lockfile holds no URL.
std::string TarballFileName(const PackageName& name, const Version& version);

// The version in a tarball's file name; kNotFound when it is not one of this package's.
Result<Version> VersionOfTarball(const PackageName& name, std::string_view file_name);

}  // namespace tarn::registry
