#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/store.h"
#include "storage/registry/publish_request.h"
#include "storage/registry/registry.h"
#include "storage/registry/staged_rules.h"

namespace tarn::registry {

class PackageWriter;
class SecondFactors;

// A staged version as clients are shown it.
struct StagedItem {
  std::string id;
  std::string package;
  std::string version;
  std::string dist_tag;
  std::string actor;
  StagedBy staged_by = StagedBy::kUser;
  bool is_public = true;  // As the package is, or will be.
  std::string shasum;
  uint64_t created_ms = 0;
  uint64_t expires_ms = 0;
};

// Versions that were uploaded and wait for somebody to approve them (contract 6). They are stored as whole as published
// ones and are nowhere to be seen but here, and here only for those who may publish the package: for everybody else an id
// does not exist.
//
// A number is staged once, and neither published nor staged again until it is approved, rejected or expired. An approval
// is a publish: the same rules, over the state of that moment, in one commit that also ends the staging.
// Errors: as Registry. Threads: any. Blocks.
class StagedVersions {
 public:
  // All outlive it.
  StagedVersions(engine::Store* store, const RegistryOptions& options, PackageWriter* writer,
                 SecondFactors* second_factors, Clock* clock, Random* random)
      : store_(store),
        options_(options),
        writer_(writer),
        second_factors_(second_factors),
        clock_(clock),
        random_(random) {}

  // The body of a publish that shall be staged; never asks for a one-time password. kConflict: the number is or was taken.
  // kFailedPrecondition: too many wait already. WriteAnswer::stage_id is set.
  Result<std::unique_ptr<PackageUpload>> BeginStage(const Principal& principal, const PackageName& name);

  // What the caller may see, newest first; of one package, if one is given.
  struct Page {
    std::vector<StagedItem> items;
    uint64_t total = 0;
  };
  Result<Page> List(const Principal& principal, const std::optional<PackageName>& package, uint64_t page,
                    uint64_t per_page);
  Result<StagedItem> View(const Principal& principal, std::string_view id);
  Result<TarballAnswer> OpenTarball(const Principal& principal, std::string_view id);

  // Both ask those who have a second factor for it, whatever their token spares them elsewhere.
  // kConflict: the number was published meanwhile, or unpublished.
  Result<WriteAnswer> Approve(const Principal& principal, std::string_view id);
  Status Reject(const Principal& principal, std::string_view id);

  // Removes what has expired, and what was staged under a name that somebody else took.
  Status Sweep();

  // The end of an upload.
  Result<WriteAnswer> Stage(const Principal& principal, const PackageName& name, const NewVersion& candidate,
                            const std::vector<std::shared_ptr<engine::StagedBlob>>& blobs);

 private:
  StagedTerm Term() const { return {clock_->NowMs(), options_.staged_kept_ms}; }
  FirstVersions first_versions() const {
    return options_.stage_new_packages ? FirstVersions::kMayBeStaged : FirstVersions::kMustBePublished;
  }
  StagedItem ItemOf(const PackageName& name, const StagedEntry& entry, const std::optional<PackageRecord>& package,
                    const StagedTerm& term) const;
  // Of one list, when the caller may see it.
  Status AppendItems(const engine::ReadView& view, const Principal& principal, std::string_view key,
                     std::string_view value, const StagedTerm& term, std::vector<StagedItem>* items) const;
  Status SweepList(const std::string& key);

  engine::Store* const store_;
  const RegistryOptions options_;
  PackageWriter* const writer_;
  SecondFactors* const second_factors_;
  Clock* const clock_;
  Random* const random_;
};

}  // namespace tarn::registry
