#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/change_rules.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/package_state.h"
#include "storage/registry/packument_updates.h"
#include "storage/registry/publish_rules.h"
#include "storage/registry/records.h"
#include "storage/registry/registry.h"
#include "storage/registry/second_factors.h"
#include "storage/registry/signing_keys.h"
#include "storage/registry/staged_state.h"

namespace tarn::registry {

// Carries out writes of packages: reads the state, asks the rules, commits, and starts again when the state moved.
//
// Every write changes the package's record and names the old one as precondition, so the record's bytes stand for the
// whole package: no two writes of one package can both start from the same state. A publish reads the package, the
// version, the tombstone and the list of what is staged by key, and no other version, whatever their number.
// Errors: as the rules and Store::Commit. Threads: any. Blocks.
class PackageWriter {
 public:
  PackageWriter(engine::Store* store, const RegistryOptions& options, PackumentUpdates* updates,
                SecondFactors* second_factors, const SigningKeys* keys, Clock* clock, Random* random)
      : store_(store),
        options_(options),
        updates_(updates),
        second_factors_(second_factors),
        keys_(keys),
        clock_(clock),
        random_(random) {}

  // May the caller write here at all, before the body is read? The rest is checked again when it is complete.
  // `denial` in the answer: no, or not without a one-time password, except to put a star.
  struct Admission {
    Status denial;
  };
  Result<Admission> Admit(const Principal& principal, const PackageName& name, const std::optional<std::string>& rev);

  using Blobs = std::vector<std::shared_ptr<engine::StagedBlob>>;
  Result<WriteAnswer> Publish(const Principal& principal, const PackageName& name,
                              const std::optional<std::string>& rev, const NewVersion& candidate, const Blobs& blobs);
  // Publishes what is staged under this id. kNotFound: no such id for these eyes. kConflict: its number was taken.
  Result<WriteAnswer> ApproveStaged(const Principal& principal, std::string_view id);
  // A document without tarball: deprecation, removal of versions, owners, stars.
  Result<WriteAnswer> Change(const Principal& principal, const PackageName& name, const std::optional<std::string>& rev,
                             const PublishRequest& request, WriteKind kind);

  Result<WriteAnswer> UnpublishPackage(const Principal& principal, const PackageName& name, std::string_view rev);
  Result<WriteAnswer> DeleteTarball(const Principal& principal, const PackageName& name, std::string_view file_name,
                                    std::string_view rev);
  Result<WriteAnswer> SetDistTag(const Principal& principal, const PackageName& name, std::string_view tag,
                                 std::string_view version);
  Result<WriteAnswer> RemoveDistTag(const Principal& principal, const PackageName& name, std::string_view tag);
  Result<WriteAnswer> SetAccess(const Principal& principal, const PackageName& name, std::string_view access);
  Result<WriteAnswer> SetPublishRule(const Principal& principal, const PackageName& name, const PublishRule& rule);

 private:
  using ReadView = engine::ReadView;

  // What a change of an existing package comes to.
  struct PlannedChange {
    std::optional<PackageRecord> next;  // Absent: nothing to do.
    engine::EventKind kind = engine::EventKind::kUnspecified;
    std::string version;                   // For the event, when it is about one.
    std::vector<engine::Change> versions;  // Of versions and tombstones.
  };
  // Of a change: kWrite and kManage may ask for a one-time password, the others never do.
  enum class Right : uint8_t { kWrite, kManage, kTag, kTrustedTag, kStar };
  static PackageAction ActionOf(Right right);
  // What is installed without a word said is as much as a publish (contract 11.3).
  static Right RightToTag(const Principal& principal, std::string_view tag);
  using Plan = std::function<Result<PlannedChange>(const ReadView&, const PackageRecord&)>;
  Result<WriteAnswer> ChangePackage(const Principal& principal, const PackageName& name, Right right,
                                    const std::optional<std::string>& rev, const Plan& plan);
  Result<PlannedWrite<WriteAnswer>> PlanPublishCommit(const ReadView& view, const Principal& principal,
                                                      const PackageName& name, const std::optional<std::string>& rev,
                                                      const NewVersion& candidate, const Blobs& blobs,
                                                      std::optional<Signature>* signature,
                                                      PackumentUpdates::Announcement* announcement);
  Result<PlannedWrite<WriteAnswer>> PlanApprovalCommit(const ReadView& view, const Principal& principal,
                                                       std::string_view id, std::optional<Signature>* signature,
                                                       PackumentUpdates::Announcement* announcement);
  // A publish that the rules allow, and what goes with it.
  struct NewPublish {
    Version version;
    Blobs blobs;
    PublishPlan plan;
    StagedLists staged;
  };
  Result<PlannedWrite<WriteAnswer>> CommitOfPublish(const ReadView& view, const Principal& principal,
                                                    const PackageName& name, const Stored<PackageRecord>& package,
                                                    NewPublish publish, uint64_t now_ms,
                                                    std::optional<Signature>* signature,
                                                    PackumentUpdates::Announcement* announcement);
  StagedTerm Term(uint64_t now_ms) const { return {now_ms, options_.staged_kept_ms}; }
  // Puts the signature into `version`, and what it rests on into `mutation`. `signature` is kept from one attempt to the
  // next: making one costs more than the rest of a plan.
  Status SignVersion(const ReadView& view, const PackageName& name, VersionRecord* version,
                     std::optional<Signature>* signature, engine::Mutation* mutation) const;
  Result<PlannedWrite<WriteAnswer>> PlanChangeCommit(const ReadView& view, const Principal& principal,
                                                     const PackageName& name, Right right,
                                                     const std::optional<std::string>& rev, const Plan& plan,
                                                     PackumentUpdates::Announcement* announcement);
  Result<PlannedChange> PlanVersions(const ReadView& view, const PackageName& name, const PackageRecord& package,
                                     const PublishRequest& request, RevInPath rev_in_path, const Principal& principal);
  Result<PlannedChange> PlanRemoval(const ReadView& view, const PackageName& name, const PackageRecord& package,
                                    const std::vector<Version>& live, const std::vector<Version>& removed,
                                    const Principal& principal);
  // With the last version that is one, those go that are none; without it they stay, and count.
  static Status RemoveOddVersions(const ReadView& view, const PackageName& name, const PackageRecord& package,
                                  const Principal& principal, UnpublishPlan* plan, PlannedChange* change);
  uint64_t NewRevHash();
  // Where writes of this package wait that were overtaken once; packages may share one.
  static constexpr size_t kQueues = 256;  // 10 KiB of mutexes.
  Mutex& QueueOf(const PackageName& name);

  engine::Store* const store_;
  const RegistryOptions options_;
  PackumentUpdates* const updates_;
  SecondFactors* const second_factors_;
  const SigningKeys* const keys_;
  Clock* const clock_;
  Random* const random_;
  std::array<Mutex, kQueues> queues_;
};

}  // namespace tarn::registry
