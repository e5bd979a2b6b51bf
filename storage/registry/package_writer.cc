#include "storage/registry/package_writer.h"

#include "storage/base/bytes.h"
#include "storage/engine/keys.h"
#include "storage/registry/packument_source.h"
#include "storage/registry/trusted_grant.h"

namespace tarn::registry {
namespace {

using engine::Family;
using engine::Mutation;

}  // namespace

PackageAction PackageWriter::ActionOf(Right right) {
  switch (right) {
    case Right::kWrite:
    case Right::kTrustedTag:
    case Right::kTag: return PackageAction::kChange;
    case Right::kManage: return PackageAction::kManage;
    case Right::kStar: break;
  }
  return PackageAction::kStar;
}

uint64_t PackageWriter::NewRevHash() { return LoadLittleEndian<uint64_t>(random_->Bytes(sizeof(uint64_t)).data()); }

Result<PackageWriter::Admission> PackageWriter::Admit(const Principal& principal, const PackageName& name,
                                                      const std::optional<std::string>& rev) {
  RETURN_IF_ERROR(CheckMayChangePackages(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto package, ReadPackage(*view, name));
  ASSIGN_OR_RETURN(const ScopeState scope, ReadScope(*view, principal, name));
  const bool is_visible = package.record && MayRead(principal, name, *package.record, scope);
  if (!is_visible && rev) return NotFound(std::string(kNotFoundText));
  const Status may_publish = CheckMayPublish(principal, name, package.record, scope);
  if (!may_publish.ok() && !is_visible) return may_publish;
  RETURN_IF_ERROR(store_->CanCommit());
  if (!may_publish.ok()) return Admission{may_publish};
  return Admission{
      second_factors_->Check(principal, SecondFactorAct::kWrite, package.record ? &*package.record : nullptr)};
}

Result<WriteAnswer> PackageWriter::Publish(const Principal& principal, const PackageName& name,
                                           const std::optional<std::string>& rev, const NewVersion& candidate,
                                           const Blobs& blobs) {
  PackumentUpdates::Announcement announcement;
  std::optional<Signature> signature;
  return CommitInTurn<WriteAnswer>(store_, QueueOf(name), [&](const ReadView& view) {
    return PlanPublishCommit(view, principal, name, rev, candidate, blobs, &signature, &announcement);
  });
}

Mutex& PackageWriter::QueueOf(const PackageName& name) {
  return queues_[std::hash<std::string_view>{}(name.full()) % queues_.size()];
}

Status PackageWriter::SignVersion(const ReadView& view, const PackageName& name, VersionRecord* version,
                                  std::optional<Signature>* signature, Mutation* mutation) const {
  ASSIGN_OR_RETURN(const SigningKeys::InUse in_use, keys_->Find(view));
  if (in_use.key == nullptr) return OkStatus();
  if (!*signature || (*signature)->keyid != in_use.key->keyid()) *signature = in_use.key->Sign(name, *version);
  version->signatures = {**signature};
  in_use.AddTo(mutation);
  return OkStatus();
}

Result<PlannedWrite<WriteAnswer>> PackageWriter::PlanPublishCommit(const ReadView& view, const Principal& principal,
                                                                   const PackageName& name,
                                                                   const std::optional<std::string>& rev,
                                                                   const NewVersion& candidate, const Blobs& blobs,
                                                                   std::optional<Signature>* signature,
                                                                   PackumentUpdates::Announcement* announcement) {
  ASSIGN_OR_RETURN(const Stored<PackageRecord> package, ReadPackage(view, name));
  PublishState state;
  state.package = package.record;
  ASSIGN_OR_RETURN(state.scope, ReadScope(view, principal, name));
  ASSIGN_OR_RETURN(state.version, ReadVersion(view, name, candidate.version));
  ASSIGN_OR_RETURN(state.tombstone, ReadTombstone(view, name, candidate.version));
  ASSIGN_OR_RETURN(const Maintainer publisher, ReadMaintainer(view, principal));
  const uint64_t now_ms = clock_->NowMs();
  ASSIGN_OR_RETURN(PublishPlan plan,
                   PlanPublish(name, candidate, state, principal, publisher, PublishPolicyOf(options_), now_ms));
  if (plan.repeats) return PlannedWrite<WriteAnswer>{std::nullopt, {name.full(), plan.package.rev(), true}};
  ASSIGN_OR_RETURN(StagedLists staged, StagedLists::Read(view, name, package.record, publisher.name, Term(now_ms)));
  RETURN_IF_ERROR(CheckNotStaged(staged.FindVersion(candidate.version)));
  if (rev && !package.record) return NotFound(std::string(kNotFoundText));
  RETURN_IF_ERROR(
      second_factors_->Check(principal, SecondFactorAct::kWrite, package.record ? &*package.record : nullptr));
  if (rev) RETURN_IF_ERROR(CheckRevision(*package.record, *rev));
  return CommitOfPublish(view, principal, name, package, {candidate.version, blobs, std::move(plan), std::move(staged)},
                         now_ms, signature, announcement);
}

Result<PlannedWrite<WriteAnswer>> PackageWriter::CommitOfPublish(const ReadView& view, const Principal& principal,
                                                                 const PackageName& name,
                                                                 const Stored<PackageRecord>& package,
                                                                 NewPublish publish, uint64_t now_ms,
                                                                 std::optional<Signature>* signature,
                                                                 PackumentUpdates::Announcement* announcement) {
  PublishPlan& plan = publish.plan;
  const std::string previous_rev = package.record ? package.record->rev() : std::string();
  plan.package.Advance(NewRevHash(), now_ms);
  const std::string package_key = engine::NameKey(name.full());
  Mutation mutation;
  mutation.event = {.kind = engine::EventKind::kPublishVersion,
                    .package = name.full(),
                    .version = plan.version.version,
                    .actor = principal.user,
                    .idempotency_key = {}};
  RETURN_IF_ERROR(SignVersion(view, name, &plan.version, signature, &mutation));
  mutation.preconditions.push_back({Family::kPackage, package_key, package.raw});
  mutation.changes.push_back({Family::kPackage, package_key, Encode(plan.package)});
  mutation.changes.push_back({Family::kVersion, VersionKey(name, publish.version), Encode(plan.version)});
  if (plan.new_org) {
    const std::string scope_key = engine::NameKey(name.scope());
    mutation.preconditions.push_back({Family::kOrg, scope_key, std::nullopt});
    mutation.preconditions.push_back({Family::kUser, scope_key, std::nullopt});
    mutation.changes.push_back({Family::kOrg, scope_key, Encode(*plan.new_org)});
  }
  if (plan.new_grant) {
    mutation.changes.push_back({Family::kGrant, engine::NameKey(name.full()), Encode(*plan.new_grant)});
  }
  if (!package.record) publish.staged.Adopt();
  publish.staged.AddTo(&mutation);
  mutation.blobs = std::move(publish.blobs);

  if (updates_->Wanted(name.full())) {
    PackumentUpdates::Update update{previous_rev, std::nullopt, {}};
    ASSIGN_OR_RETURN(update.added, MakeVersionEntry(name, plan.version));
    if (plan.package.latest && plan.package.latest->version == plan.version.version) {
      ASSIGN_OR_RETURN(update.head, MakePackumentHead(name, plan.package, &plan.version));
    } else {
      ASSIGN_OR_RETURN(update.head, ReadPackumentHead(view, name, plan.package));
    }
    *announcement = updates_->Announce(std::move(update));
  }
  return PlannedWrite<WriteAnswer>{std::move(mutation), {name.full(), plan.package.rev(), true}};
}

Result<WriteAnswer> PackageWriter::ChangePackage(const Principal& principal, const PackageName& name, Right right,
                                                 const std::optional<std::string>& rev, const Plan& plan) {
  PackumentUpdates::Announcement announcement;
  return CommitInTurn<WriteAnswer>(store_, QueueOf(name), [&](const ReadView& view) {
    return PlanChangeCommit(view, principal, name, right, rev, plan, &announcement);
  });
}

Result<PlannedWrite<WriteAnswer>> PackageWriter::PlanChangeCommit(const ReadView& view, const Principal& principal,
                                                                  const PackageName& name, Right right,
                                                                  const std::optional<std::string>& rev,
                                                                  const Plan& plan,
                                                                  PackumentUpdates::Announcement* announcement) {
  ASSIGN_OR_RETURN(const Stored<PackageRecord> package, ReadPackage(view, name));
  if (!package.record) {
    RETURN_IF_ERROR(CheckMayChangePackages(principal));
    return NotFound(std::string(kNotFoundText));
  }
  ASSIGN_OR_RETURN(const ScopeState scope, ReadScope(view, principal, name));
  if (right == Right::kTrustedTag) {
    RETURN_IF_ERROR(CheckTrusted(*principal.trusted, name, TrustedAct::kTag));
  } else {
    RETURN_IF_ERROR(Decide(principal, name, &*package.record, scope, ActionOf(right)));
  }
  if (right == Right::kWrite || right == Right::kManage) {
    RETURN_IF_ERROR(second_factors_->Check(principal, SecondFactorAct::kWrite, &*package.record));
  }
  if (rev) RETURN_IF_ERROR(CheckRevision(*package.record, *rev));
  ASSIGN_OR_RETURN(PlannedChange change, plan(view, *package.record));
  if (!change.next) return PlannedWrite<WriteAnswer>{std::nullopt, {name.full(), package.record->rev(), false}};

  const std::string previous_rev = package.record->rev();
  change.next->Advance(NewRevHash(), clock_->NowMs());
  const std::string package_key = engine::NameKey(name.full());
  Mutation mutation;
  mutation.event = {.kind = change.kind,
                    .package = name.full(),
                    .version = std::move(change.version),
                    .actor = principal.user,
                    .idempotency_key = {}};
  mutation.preconditions.push_back({Family::kPackage, package_key, package.raw});
  const bool only_head = change.versions.empty();
  mutation.changes = std::move(change.versions);
  mutation.changes.push_back({Family::kPackage, package_key, Encode(*change.next)});
  if (only_head && updates_->Wanted(name.full())) {
    PackumentUpdates::Update update{previous_rev, std::nullopt, {}};
    ASSIGN_OR_RETURN(update.head, ReadPackumentHead(view, name, *change.next));
    *announcement = updates_->Announce(std::move(update));
  }
  return PlannedWrite<WriteAnswer>{std::move(mutation), {name.full(), change.next->rev(), false}};
}

}  // namespace tarn::registry
