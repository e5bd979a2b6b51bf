// The approval of staged versions: a publish whose bytes came earlier.

#include "storage/registry/package_writer.h"

namespace tarn::registry {

using engine::Family;

Result<WriteAnswer> PackageWriter::ApproveStaged(const Principal& principal, std::string_view id) {
  RETURN_IF_ERROR(CheckMayChangePackages(principal));
  ASSIGN_OR_RETURN(auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const StagedVersion staged, FindStaged(*view, principal, id, Term(clock_->NowMs())));
  view.reset();
  PackumentUpdates::Announcement announcement;
  std::optional<Signature> signature;
  return CommitInTurn<WriteAnswer>(store_, QueueOf(staged.name), [&](const ReadView& current) {
    return PlanApprovalCommit(current, principal, id, &signature, &announcement);
  });
}

Result<PlannedWrite<WriteAnswer>> PackageWriter::PlanApprovalCommit(const ReadView& view, const Principal& principal,
                                                                    std::string_view id,
                                                                    std::optional<Signature>* signature,
                                                                    PackumentUpdates::Announcement* announcement) {
  const uint64_t now_ms = clock_->NowMs();
  ASSIGN_OR_RETURN(StagedVersion staged, FindStaged(view, principal, id, Term(now_ms)));
  RETURN_IF_ERROR(CheckMayDecideStaged(principal, staged.name));
  const std::optional<PackageRecord>& package = staged.package.record;
  ASSIGN_OR_RETURN(const Version version, Version::Parse(staged.entry.version));
  PublishState state;
  state.package = package;
  state.scope = std::move(staged.scope);
  ASSIGN_OR_RETURN(state.version, ReadVersion(view, staged.name, version));
  ASSIGN_OR_RETURN(state.tombstone, ReadTombstone(view, staged.name, version));
  const Maintainer publisher = staged.version.publisher;
  NewVersion candidate{version, staged.entry.dist_tag, staged.entry.access, std::move(staged.version)};
  auto plan = PlanPublish(staged.name, candidate, state, principal, publisher, PublishPolicyOf(options_), now_ms);
  if (!plan.ok()) return AsStagingConflict(plan.status());
  if (plan->repeats) return Conflict(staged.name.full() + "@" + staged.entry.version + " was published meanwhile.");
  RETURN_IF_ERROR(second_factors_->Check(principal, SecondFactorAct::kApprove, package ? &*package : nullptr));
  ASSIGN_OR_RETURN(const Maintainer approver, ReadMaintainer(view, principal));
  if (!approver.name.empty()) plan->version.approver = approver;
  staged.lists.Remove(staged.entry.id);
  return CommitOfPublish(view, principal, staged.name, staged.package,
                         {version, {}, std::move(*plan), std::move(staged.lists)}, now_ms, signature, announcement);
}

}  // namespace tarn::registry
