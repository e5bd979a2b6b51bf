#include "storage/registry/legacy_import.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/engine/keys.h"
#include "storage/registry/manifest_summary.h"
#include "storage/registry/semver.h"
#include "storage/registry/signing_keys.h"

namespace tarn::registry {
namespace {

using engine::Change;
using engine::Family;
using engine::Mutation;

constexpr std::string_view kCheckpointPrefix = "import/";  // Keys in family `setting`.

std::string CheckpointKey(std::string_view origin) {
  // Any text, of any length: its digest names it.
  return engine::NameKey(std::string(kCheckpointPrefix) + HexEncode(Sha256(origin).view()));
}

// Each version under its number where it has one of its own, else under its bytes. The first of equal ones has the number.
std::vector<std::string> KeysOf(const PackageName& name, const std::vector<VersionRecord>& versions) {
  std::vector<std::string> keys;
  std::set<std::string> taken;
  // Exact spellings first, so that "1.0.0" has its number even where "1.0.0+a" came before.
  const auto number_of = [](const VersionRecord& record) -> std::optional<Version> {
    auto version = Version::Parse(record.version);
    if (!version.ok() || version->ToString() != record.version) return std::nullopt;
    return std::move(version).value();
  };
  for (const VersionRecord& record : versions) {
    const auto version = number_of(record);
    if (version && version->build().empty()) taken.insert(VersionKey(name, *version));
  }
  for (const VersionRecord& record : versions) {
    const auto version = number_of(record);
    std::string key = version ? VersionKey(name, *version) : std::string();
    const bool has_number = version && (version->build().empty() || taken.insert(key).second);
    keys.push_back(has_number ? std::move(key) : OddVersionKey(name, record.version));
  }
  return keys;
}

std::string TombstoneKeyOf(const PackageName& name, const TombstoneRecord& tombstone) {
  const auto version = Version::Parse(tombstone.version);
  return version.ok() ? VersionKey(name, *version) : OddVersionKey(name, tombstone.version);
}

// What a commit occupies until it is durable; blobs beyond the limit are on disk already.
uint64_t MemoryBytes(const Mutation& mutation) {
  uint64_t bytes = 0;
  for (const auto& blob : mutation.blobs) {
    if (blob->info().size_bytes <= limits::kSharedBlobBytesMax) bytes += blob->info().size_bytes;
  }
  for (const Change& change : mutation.changes) bytes += change.value ? change.value->size() : 0;
  return bytes;
}

}  // namespace

LegacyImport::~LegacyImport() {
  HandOver();
  MutexLock lock(mutex_);
  while (!under_way_.empty()) committed_.Wait(mutex_);
}

uint64_t LegacyImport::NewRevHash() { return LoadLittleEndian<uint64_t>(random_->Bytes(sizeof(uint64_t)).data()); }

// Until what was committed of it is visible.
Status LegacyImport::WaitFor(const std::string& package) {
  {
    MutexLock lock(mutex_);
    if (!IsUnderWay(package)) return error_;
  }
  HandOver();
  MutexLock lock(mutex_);
  while (IsUnderWay(package)) committed_.Wait(mutex_);
  return error_;
}

Result<LegacyImport::Standing> LegacyImport::Find(const PackageName& name, WithVersions with_versions) {
  RETURN_IF_ERROR(WaitFor(name.full()));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto package, ReadPackage(*view, name));
  Standing standing;
  if (!package.record) return standing;
  const auto& imported = package.record->imported;
  standing.kind = imported && imported->modified_ms == package.record->modified_ms ? Standing::Kind::kImported
                                                                                   : Standing::Kind::kOurs;
  if (imported) {
    standing.origin_rev = imported->origin_rev;
    standing.finding_count = imported->finding_count;
  }
  // Without its bytes no version is imported without a finding.
  const bool may_miss = standing.kind == Standing::Kind::kImported && standing.finding_count > 0;
  if (with_versions == WithVersions::kNo && !may_miss) return standing;
  ASSIGN_OR_RETURN(const auto slots, ListVersions(*view, name));
  for (const VersionSlot& slot : slots) {
    if (with_versions == WithVersions::kYes) standing.versions.push_back(slot.version);
    if (!may_miss) continue;
    ASSIGN_OR_RETURN(const auto version, ReadRecord<VersionRecord>(*view, Family::kVersion, slot.key));
    if (version.record && version.record->tarball.state == TarballState::kMissing) ++standing.missing_tarballs;
  }
  return standing;
}

Result<std::optional<TarballRecord>> LegacyImport::FindTarball(const PackageName& name, std::string_view version) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  const auto number = Version::Parse(version);
  for (const std::string& key :
       {number.ok() ? VersionKey(name, *number) : std::string(), OddVersionKey(name, version)}) {
    if (key.empty()) continue;
    ASSIGN_OR_RETURN(const auto stored, ReadRecord<VersionRecord>(*view, Family::kVersion, key));
    if (!stored.record || stored.record->version != version) continue;
    if (stored.record->tarball.state == TarballState::kMissing) return std::optional<TarballRecord>();
    return std::optional<TarballRecord>(stored.record->tarball);
  }
  return std::optional<TarballRecord>();
}

Status LegacyImport::Keep(std::unique_ptr<engine::StagedBlob> blob) {
  kept_bytes_ += blob->info().size_bytes;
  kept_.push_back(std::move(blob));
  if (kept_bytes_ < limits::kImportStagedBytes && kept_.size() < limits::kImportStagedBlobs) return OkStatus();
  return StoreKept();
}

void LegacyImport::DropKept() {
  kept_.clear();
  kept_bytes_ = 0;
}

// Blobs before anything refers to them. A run that ends here leaves them without a reference, and its next attempt finds
// equal bytes stored.
Status LegacyImport::StoreKept() {
  Mutation mutation;
  mutation.event.kind = engine::EventKind::kImport;
  mutation.blobs = std::move(kept_);
  kept_.clear();
  kept_bytes_ = 0;
  return mutation.blobs.empty() ? OkStatus() : Commit(std::move(mutation), {});
}

Result<LegacyImport::Before> LegacyImport::ReadBefore(const ReadView& view, const PackageName& name) const {
  Before before;
  ASSIGN_OR_RETURN(before.package, ReadPackage(view, name));
  ASSIGN_OR_RETURN(before.versions, ListVersions(view, name));
  RETURN_IF_ERROR(ScanTombstones(view, name, [&](TombstoneRecord tombstone) {
    before.tombstones.push_back(std::move(tombstone));
    return true;
  }));
  return before;
}

Status LegacyImport::Put(LegacyPackage package, Vanished vanished) {
  ASSIGN_OR_RETURN(const Standing standing, Find(package.name, WithVersions::kNo));
  if (standing.kind == Standing::Kind::kOurs) {
    return FailedPrecondition(package.name.full() + " was published or changed here");
  }
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  return PutFrom(*view, std::move(package), vanished);
}

Status LegacyImport::PutFrom(const ReadView& view, LegacyPackage package, Vanished vanished) {
  const PackageName& name = package.name;
  ASSIGN_OR_RETURN(const Before before, ReadBefore(view, name));
  std::map<std::string, uint32_t> ordinals;  // By text; a version keeps its own.
  for (const VersionSlot& slot : before.versions) ordinals.emplace(slot.version, slot.ordinal);
  for (const TombstoneRecord& tombstone : before.tombstones) ordinals.emplace(tombstone.version, tombstone.ordinal);

  PackageRecord& record = package.package;
  if (before.package.record) {
    const PackageRecord& old = *before.package.record;
    record.rev_counter = old.rev_counter;
    record.rev_hash = old.rev_hash;
    record.earlier_rev_hashes = old.earlier_rev_hashes;
    record.next_ordinal = old.next_ordinal;
    record.access = old.access;
    record.requires_second_factor = old.requires_second_factor;
    record.automation_bypasses_second_factor = old.automation_bypasses_second_factor;
  }
  for (const VersionSlot& slot : before.versions) {
    record.next_ordinal = std::max(record.next_ordinal, slot.ordinal + 1);  // Of an attempt that did not end.
  }
  const auto ordinal_of = [&](const std::string& version) {
    const auto known = ordinals.find(version);
    return known != ordinals.end() ? known->second : record.next_ordinal++;
  };

  std::vector<Change> changes;
  uint64_t bytes = 0;
  std::set<std::string> live;
  std::set<std::string> dead;
  const std::vector<std::string> keys = KeysOf(name, package.versions);
  for (size_t i = 0; i < keys.size(); ++i) {
    VersionRecord& version = package.versions[i];
    version.ordinal = ordinal_of(version.version);
    live.insert(keys[i]);
    std::string value = Encode(version);
    bytes += value.size();
    changes.push_back({Family::kVersion, keys[i], std::move(value)});
    if (bytes >= limits::kImportRecordBytes) RETURN_IF_ERROR(CommitVersions(&changes, &bytes));
  }
  for (TombstoneRecord& tombstone : package.tombstones) {
    const std::string key = TombstoneKeyOf(name, tombstone);
    if (live.contains(key) || !dead.insert(key).second) continue;
    tombstone.ordinal = ordinal_of(tombstone.version);
    changes.push_back({Family::kTombstone, key, Encode(tombstone)});
  }
  for (const VersionSlot& slot : before.versions) {
    if (live.contains(slot.key)) continue;
    changes.push_back({Family::kVersion, slot.key, std::nullopt});
    if (vanished == Vanished::kForget || !dead.insert(slot.key).second) continue;
    const TombstoneRecord gone{slot.version, slot.ordinal, slot.time_ms, clock_->NowMs(), {}};
    changes.push_back({Family::kTombstone, slot.key, Encode(gone)});
  }
  for (const TombstoneRecord& tombstone : before.tombstones) {
    const std::string key = TombstoneKeyOf(name, tombstone);
    if (live.contains(key)) changes.push_back({Family::kTombstone, key, std::nullopt});
  }

  record.version_count = static_cast<uint32_t>(package.versions.size());
  const uint64_t modified_ms = record.modified_ms;
  record.Advance(NewRevHash(), modified_ms);
  record.imported->modified_ms = record.modified_ms;
  const std::string package_key = engine::NameKey(name.full());
  Mutation mutation;
  mutation.event.kind = engine::EventKind::kImport;
  mutation.event.package = name.full();
  mutation.preconditions.push_back({Family::kPackage, package_key, before.package.raw});
  changes.push_back({Family::kPackage, package_key, Encode(record)});
  mutation.changes = std::move(changes);
  mutation.blobs = std::move(kept_);
  kept_.clear();
  kept_bytes_ = 0;
  return Commit(std::move(mutation), name.full());
}

Result<std::vector<std::string>> LegacyImport::Compare(LegacyPackage package) {
  const PackageName& name = package.name;
  std::vector<std::string> differences;
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const Before before, ReadBefore(*view, name));
  if (!before.package.record) return std::vector<std::string>{"is not here"};
  const PackageRecord& here = *before.package.record;
  if (!here.imported || here.imported->modified_ms != here.modified_ms) differences.push_back("was changed here");
  PackageRecord wanted = std::move(package.package);
  if (here.imported && here.imported->origin_rev != wanted.imported->origin_rev) {
    differences.push_back("is here from revision " + here.imported->origin_rev);
  }
  if (here.dist_tags != wanted.dist_tags) differences.push_back("has other dist-tags here");
  if (here.maintainers != wanted.maintainers || here.stars != wanted.stars) {
    differences.push_back("has other maintainers or stars here");
  }
  if (here.imported &&
      (here.imported->origin != wanted.imported->origin || here.imported->files != wanted.imported->files)) {
    differences.push_back("has other fields or files here");
  }
  std::set<std::string> expected;
  const std::vector<std::string> keys = KeysOf(name, package.versions);
  for (size_t i = 0; i < keys.size(); ++i) {
    VersionRecord& version = package.versions[i];
    expected.insert(keys[i]);
    ASSIGN_OR_RETURN(const auto stored, ReadRecord<VersionRecord>(*view, Family::kVersion, keys[i]));
    if (!stored.record) {
      differences.push_back("version " + version.version + " is not here");
      continue;
    }
    version.ordinal = stored.record->ordinal;
    version.signatures = stored.record->signatures;
    if (version.tarball.sha512 != stored.record->tarball.sha512) {
      differences.push_back("version " + version.version + " has another tarball here");
    } else if (!(version == *stored.record)) {
      differences.push_back("version " + version.version + " is not the same here");
    }
    if (version.tarball.state == TarballState::kMissing) continue;
    const Status readable = store_->blobs().Verify(version.tarball.sha512, engine::BlobStore::Depth::kChecksums);
    if (!readable.ok()) {
      differences.push_back("version " + version.version + ", tarball: " + std::string(readable.message()));
    }
  }
  for (const VersionSlot& slot : before.versions) {
    if (!expected.contains(slot.key)) differences.push_back("version " + slot.version + " is here alone");
  }
  return differences;
}

// Versions of a package that is not visible yet, or that get a new text under their old key.
Status LegacyImport::CommitVersions(std::vector<Change>* changes, uint64_t* bytes) {
  RETURN_IF_ERROR(StoreKept());
  Mutation mutation;
  mutation.event.kind = engine::EventKind::kImport;
  mutation.changes = std::move(*changes);
  changes->clear();
  *bytes = 0;
  return Commit(std::move(mutation), {});
}

Status LegacyImport::Remove(const PackageName& name, std::string_view origin_rev) {
  ASSIGN_OR_RETURN(const Standing standing, Find(name, WithVersions::kNo));
  if (standing.kind == Standing::Kind::kFree) return OkStatus();
  if (standing.kind == Standing::Kind::kOurs) {
    return FailedPrecondition(name.full() + " was published or changed here");
  }
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const Before before, ReadBefore(*view, name));
  PackageRecord record = *before.package.record;
  const uint64_t now_ms = std::max(clock_->NowMs(), record.modified_ms);
  if (!record.unpublished) {
    Unpublished unpublished;
    unpublished.time_ms = now_ms;
    unpublished.dist_tags = record.dist_tags;
    unpublished.maintainers = record.maintainers;
    if (record.latest) unpublished.description = record.latest->description;
    for (const VersionSlot& slot : before.versions) unpublished.versions.push_back(slot.version);
    record.unpublished = std::move(unpublished);
  }
  record.dist_tags.clear();
  record.latest.reset();
  record.version_count = 0;
  record.Advance(NewRevHash(), now_ms);
  record.imported->origin_rev = origin_rev;
  record.imported->modified_ms = record.modified_ms;
  record.imported->files.clear();
  Mutation mutation;
  mutation.event.kind = engine::EventKind::kImport;
  mutation.event.package = name.full();
  const std::string package_key = engine::NameKey(name.full());
  mutation.preconditions.push_back({Family::kPackage, package_key, before.package.raw});
  mutation.changes.push_back({Family::kPackage, package_key, Encode(record)});
  for (const VersionSlot& slot : before.versions) {
    const TombstoneRecord gone{slot.version, slot.ordinal, slot.time_ms, now_ms, {}};
    mutation.changes.push_back({Family::kVersion, slot.key, std::nullopt});
    mutation.changes.push_back({Family::kTombstone, slot.key, Encode(gone)});
  }
  return Commit(std::move(mutation), name.full());
}

Result<std::string> LegacyImport::ReadCheckpoint(std::string_view origin) {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(auto position, view->Get(Family::kSetting, CheckpointKey(origin)));
  return position ? std::move(*position) : std::string();
}

Status LegacyImport::WriteCheckpoint(std::string_view origin, std::string_view position) {
  RETURN_IF_ERROR(Wait());
  Mutation mutation;
  mutation.event.kind = engine::EventKind::kPutSetting;
  mutation.changes.push_back({Family::kSetting, CheckpointKey(origin), std::string(position)});
  return store_->Commit(std::move(mutation)).status();
}

Status LegacyImport::RequestSignatures() {
  RETURN_IF_ERROR(Wait());
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  const std::string key = engine::NameKey(kSigningKeysSetting);
  ASSIGN_OR_RETURN(auto stored, ReadRecord<SigningKeysRecord>(*view, Family::kSetting, key));
  if (!stored.record || !stored.record->old_versions_signed) return OkStatus();
  stored.record->old_versions_signed = false;
  Mutation mutation;
  mutation.event.kind = engine::EventKind::kPutSetting;
  mutation.preconditions.push_back({Family::kSetting, key, std::move(stored.raw)});
  mutation.changes.push_back({Family::kSetting, key, Encode(*stored.record)});
  return store_->Commit(std::move(mutation)).status();
}

// One sync is for a group, so commits wait here until they make one; whoever has to know their end has them handed over.
Status LegacyImport::Commit(Mutation mutation, const std::string& package) {
  const uint64_t bytes = MemoryBytes(mutation);
  if (group_bytes_ + bytes > limits::kImportGroupBytes) HandOver();
  if (!HasRoom(bytes)) HandOver();
  {
    MutexLock lock(mutex_);
    while (!HasRoomLocked(bytes)) committed_.Wait(mutex_);
    RETURN_IF_ERROR(error_);
    under_way_.push_back({package, bytes});
  }
  group_bytes_ += bytes;
  group_.push_back({std::move(mutation), [this, package, bytes](const Result<engine::CommitInfo>& info) {
                      Committed(package, bytes, info.status());
                    }});
  if (group_bytes_ >= limits::kImportGroupBytes || group_.size() >= limits::kImportGroupCommits) HandOver();
  return OkStatus();
}

void LegacyImport::HandOver() {
  group_bytes_ = 0;
  if (!group_.empty()) store_->CommitAllAsync(std::exchange(group_, {}));
}

void LegacyImport::Committed(const std::string& package, uint64_t bytes, const Status& status) {
  MutexLock lock(mutex_);
  if (!status.ok() && error_.ok()) error_ = status;
  under_way_.erase(std::find_if(under_way_.begin(), under_way_.end(), [&](const UnderWay& commit) {
    return commit.package == package && commit.bytes == bytes;
  }));
  committed_.NotifyAll();
}

bool LegacyImport::HasRoom(uint64_t bytes) {
  MutexLock lock(mutex_);
  return HasRoomLocked(bytes);
}

bool LegacyImport::HasRoomLocked(uint64_t bytes) const {
  if (under_way_.empty()) return true;
  for (const UnderWay& commit : under_way_) bytes += commit.bytes;
  return under_way_.size() < limits::kImportCommitsMax && bytes <= limits::kImportStagedBytes;
}

bool LegacyImport::IsUnderWay(const std::string& package) const {
  return std::any_of(under_way_.begin(), under_way_.end(),
                     [&](const UnderWay& commit) { return commit.package == package; });
}

Status LegacyImport::Wait() {
  DropKept();
  HandOver();
  MutexLock lock(mutex_);
  while (!under_way_.empty()) committed_.Wait(mutex_);
  return error_;
}

}  // namespace tarn::registry
