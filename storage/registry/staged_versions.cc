#include "storage/registry/staged_versions.h"

#include <algorithm>

#include "storage/engine/keys.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/integrity.h"
#include "storage/registry/package_writer.h"
#include "storage/registry/publish_rules.h"
#include "storage/registry/staged_state.h"
#include "storage/registry/upload.h"

namespace tarn::registry {
namespace {

using engine::Family;
using engine::Mutation;

constexpr size_t kIdBytes = 16;

engine::Event EventOf(std::string package, std::string version, std::string actor) {
  return {.kind = engine::EventKind::kPutSetting,
          .package = std::move(package),
          .version = std::move(version),
          .actor = std::move(actor),
          .idempotency_key = {}};
}

}  // namespace

Result<std::unique_ptr<PackageUpload>> StagedVersions::BeginStage(const Principal& principal, const PackageName& name) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto package, ReadPackage(*view, name));
  ASSIGN_OR_RETURN(const ScopeState scope, ReadScope(*view, principal, name));
  RETURN_IF_ERROR(CheckMayStage(principal, name, package.record, scope, first_versions()));
  RETURN_IF_ERROR(store_->CanCommit());
  return std::unique_ptr<PackageUpload>(
      std::make_unique<PackageUploadImpl>(&store_->blobs(), this, options_, principal, name));
}

Result<WriteAnswer> StagedVersions::Stage(const Principal& principal, const PackageName& name,
                                          const NewVersion& candidate,
                                          const std::vector<std::shared_ptr<engine::StagedBlob>>& blobs) {
  const std::string id = FormatUuid(random_->Bytes(kIdBytes));
  return CommitWithRetries<WriteAnswer>(store_, [&](const engine::ReadView& view) -> Result<PlannedWrite<WriteAnswer>> {
    const StagedTerm term = Term();
    ASSIGN_OR_RETURN(const auto package, ReadPackage(view, name));
    PublishState state;
    state.package = package.record;
    ASSIGN_OR_RETURN(state.scope, ReadScope(view, principal, name));
    ASSIGN_OR_RETURN(state.version, ReadVersion(view, name, candidate.version));
    ASSIGN_OR_RETURN(state.tombstone, ReadTombstone(view, name, candidate.version));
    RETURN_IF_ERROR(CheckMayStage(principal, name, package.record, state.scope, first_versions()));
    ASSIGN_OR_RETURN(const Maintainer publisher, ReadMaintainer(view, principal));
    // Whatever would be refused now is not worth anybody's review.
    const auto plan = PlanPublish(name, candidate, state, WithoutTokenLimits(principal), publisher,
                                  PublishPolicyOf(options_), term.now_ms);
    if (!plan.ok()) return AsStagingConflict(plan.status());
    if (plan->repeats) return Conflict(name.full() + "@" + candidate.record.version + " is published already.");

    const std::string owner = StagedOwner(principal, name, package.record, state.scope);
    ASSIGN_OR_RETURN(StagedLists lists, StagedLists::Read(view, name, package.record, principal.user, term));
    RETURN_IF_ERROR(CheckRoomForStaged(name, lists.All(), candidate.version));
    lists.Add(owner, {.id = id,
                      .version = candidate.record.version,
                      .dist_tag = candidate.dist_tag,
                      .access = candidate.access,
                      .created_ms = term.now_ms,
                      .actor = principal.user,
                      .staged_by = principal.trusted ? StagedBy::kTrustedAutomation : StagedBy::kUser,
                      .sha1 = candidate.record.tarball.sha1});
    StagedVersionRecord record{name.full(), owner, candidate.record};
    record.version.publisher = publisher;
    record.version.trusted_publisher = plan->version.trusted_publisher;
    Mutation mutation;
    mutation.event = EventOf(name.full(), candidate.record.version, principal.user);
    mutation.preconditions.push_back({Family::kPackage, engine::NameKey(name.full()), package.raw});
    lists.AddTo(&mutation);
    mutation.changes.push_back({Family::kSetting, StagedIdKey(id), Encode(record)});
    mutation.blobs = blobs;
    return PlannedWrite<WriteAnswer>{std::move(mutation), {name.full(), std::string(), true, id}};
  });
}

StagedItem StagedVersions::ItemOf(const PackageName& name, const StagedEntry& entry,
                                  const std::optional<PackageRecord>& package, const StagedTerm& term) const {
  const bool is_restricted_default = options_.scoped_default == RegistryOptions::ScopedDefault::kRestricted;
  return {.id = entry.id,
          .package = name.full(),
          .version = entry.version,
          .dist_tag = entry.dist_tag,
          .actor = entry.actor,
          .staged_by = entry.staged_by,
          .is_public = IsStagedPublic(name, entry, package, is_restricted_default),
          .shasum = FormatShasum(entry.sha1),
          .created_ms = entry.created_ms,
          .expires_ms = term.ExpiryOf(entry)};
}

Status StagedVersions::AppendItems(const engine::ReadView& view, const Principal& principal, std::string_view key,
                                   std::string_view value, const StagedTerm& term,
                                   std::vector<StagedItem>* items) const {
  ASSIGN_OR_RETURN(const StagedPlace place, ParseStagedPackageKey(key));
  ASSIGN_OR_RETURN(const PackageName name, PackageName::Parse(place.package));
  ASSIGN_OR_RETURN(const auto package, ReadPackage(view, name));
  ASSIGN_OR_RETURN(const ScopeState scope, ReadScope(view, principal, name));
  if (!MaySeeStaged(principal, name, place.owner, package.record, scope)) return OkStatus();
  ASSIGN_OR_RETURN(const auto list, Decode<StagedPackageRecord>(value));
  for (const StagedEntry& entry : list.entries) {
    if (!term.HasExpired(entry)) items->push_back(ItemOf(name, entry, package.record, term));
  }
  return OkStatus();
}

Result<StagedVersions::Page> StagedVersions::List(const Principal& principal, const std::optional<PackageName>& package,
                                                  uint64_t page, uint64_t per_page) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  const StagedTerm term = Term();
  const std::string prefix = package ? engine::NamePrefix(std::string(kStagedPackagePrefix) + package->full())
                                     : std::string(kStagedPackagePrefix);
  std::vector<StagedItem> items;
  Status failed;
  RETURN_IF_ERROR(view->ScanPrefix(Family::kSetting, prefix, [&](std::string_view key, std::string_view value) {
    failed = AppendItems(*view, principal, key, value, term, &items);
    return failed.ok();
  }));
  RETURN_IF_ERROR(failed);
  std::sort(items.begin(), items.end(), [](const StagedItem& a, const StagedItem& b) {
    return a.created_ms != b.created_ms ? a.created_ms > b.created_ms : a.id < b.id;
  });
  Page result;
  result.total = items.size();
  const uint64_t begin = page > items.size() ? items.size() : std::min<uint64_t>(page * per_page, items.size());
  const uint64_t end = std::min<uint64_t>(begin + per_page, items.size());
  result.items.assign(std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(begin)),
                      std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(end)));
  return result;
}

Result<StagedItem> StagedVersions::View(const Principal& principal, std::string_view id) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  const StagedTerm term = Term();
  ASSIGN_OR_RETURN(const StagedVersion staged, FindStaged(*view, principal, id, term));
  return ItemOf(staged.name, staged.entry, staged.package.record, term);
}

Result<TarballAnswer> StagedVersions::OpenTarball(const Principal& principal, std::string_view id) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const StagedVersion staged, FindStaged(*view, principal, id, Term()));
  auto reader = store_->blobs().Open(staged.version.tarball.sha512);
  if (reader.code() == Code::kNotFound) {
    return Corruption("the tarball of the staged " + staged.name.full() + "@" + staged.entry.version +
                      " is missing from the blob store");
  }
  RETURN_IF_ERROR(reader.status());
  return TarballAnswer{std::move(reader).value(), nullptr, true};
}

Result<WriteAnswer> StagedVersions::Approve(const Principal& principal, std::string_view id) {
  return writer_->ApproveStaged(principal, id);
}

Status StagedVersions::Reject(const Principal& principal, std::string_view id) {
  RETURN_IF_ERROR(CheckMayChangePackages(principal));
  struct Done {};
  const auto done = CommitWithRetries<Done>(store_, [&](const engine::ReadView& view) -> Result<PlannedWrite<Done>> {
    ASSIGN_OR_RETURN(StagedVersion staged, FindStaged(view, principal, id, Term()));
    RETURN_IF_ERROR(CheckMayDecideStaged(principal, staged.name));
    const std::optional<PackageRecord>& package = staged.package.record;
    RETURN_IF_ERROR(second_factors_->Check(principal, SecondFactorAct::kApprove, package ? &*package : nullptr));
    Mutation mutation;
    mutation.event = EventOf(staged.name.full(), staged.entry.version, principal.user);
    staged.lists.Remove(staged.entry.id);
    staged.lists.AddTo(&mutation);
    return PlannedWrite<Done>{std::move(mutation), {}};
  });
  return done.status();
}

Status StagedVersions::Sweep() {
  std::vector<std::string> keys;
  {
    ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
    const StagedTerm term = Term();
    Status failed;
    RETURN_IF_ERROR(
        view->ScanPrefix(Family::kSetting, kStagedPackagePrefix, [&](std::string_view key, std::string_view value) {
          const auto place = ParseStagedPackageKey(key);
          const auto list = Decode<StagedPackageRecord>(value);
          if (!place.ok() || !list.ok()) {
            failed = place.ok() ? list.status() : place.status();
            return false;
          }
          const bool has_expired = std::any_of(list->entries.begin(), list->entries.end(),
                                               [&](const StagedEntry& entry) { return term.HasExpired(entry); });
          if (has_expired || !place->owner.empty()) keys.emplace_back(key);
          return true;
        }));
    RETURN_IF_ERROR(failed);
  }
  for (const std::string& key : keys) RETURN_IF_ERROR(SweepList(key));
  return OkStatus();
}

Status StagedVersions::SweepList(const std::string& key) {
  struct Done {};
  const auto done = CommitWithRetries<Done>(store_, [&](const engine::ReadView& view) -> Result<PlannedWrite<Done>> {
    ASSIGN_OR_RETURN(const StagedPlace place, ParseStagedPackageKey(key));
    ASSIGN_OR_RETURN(const auto package, view.Get(Family::kPackage, engine::NameKey(place.package)));
    ASSIGN_OR_RETURN(const auto stored, ReadRecord<StagedPackageRecord>(view, Family::kSetting, key));
    if (!stored.record) return PlannedWrite<Done>{std::nullopt, {}};
    const StagedTerm term = Term();
    const bool is_forgotten = package && !place.owner.empty();
    Mutation mutation;
    mutation.event = EventOf(std::string(place.package), std::string(), std::string());
    mutation.preconditions.push_back({Family::kSetting, key, stored.raw});
    StagedPackageRecord kept;
    for (const StagedEntry& entry : stored.record->entries) {
      if (is_forgotten || term.HasExpired(entry)) {
        mutation.changes.push_back({Family::kSetting, StagedIdKey(entry.id), std::nullopt});
      } else {
        kept.entries.push_back(entry);
      }
    }
    if (mutation.changes.empty()) return PlannedWrite<Done>{std::nullopt, {}};
    std::optional<std::string> value;
    if (!kept.entries.empty()) value = Encode(kept);
    mutation.changes.push_back({Family::kSetting, key, std::move(value)});
    return PlannedWrite<Done>{std::move(mutation), {}};
  });
  return done.status();
}

}  // namespace tarn::registry
