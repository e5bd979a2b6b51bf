#include "storage/registry/staged_state.h"

#include <algorithm>

#include "storage/base/check.h"

namespace tarn::registry {
namespace {

using engine::Family;

}  // namespace

Status StagedLists::ReadList(const engine::ReadView& view, std::string key, const StagedTerm& term) {
  List list;
  ASSIGN_OR_RETURN(Stored<StagedPackageRecord> stored, ReadRecord<StagedPackageRecord>(view, Family::kSetting, key));
  list.key = std::move(key);
  list.raw = std::move(stored.raw);
  if (stored.record) {
    for (StagedEntry& entry : stored.record->entries) {
      if (term.HasExpired(entry)) {
        list.expired.push_back(std::move(entry.id));
      } else {
        list.record.entries.push_back(std::move(entry));
      }
    }
  }
  lists_.push_back(std::move(list));
  return OkStatus();
}

Result<StagedLists> StagedLists::Read(const engine::ReadView& view, const PackageName& name,
                                      const std::optional<PackageRecord>& package, std::string_view owner,
                                      const StagedTerm& term) {
  StagedLists lists;
  lists.package_ = name.full();
  RETURN_IF_ERROR(lists.ReadList(view, StagedPackageKey(name.full(), ""), term));
  if (!package && !owner.empty()) {
    RETURN_IF_ERROR(lists.ReadList(view, StagedPackageKey(name.full(), owner), term));
  }
  return lists;
}

const StagedEntry* StagedLists::FindVersion(const Version& version) const {
  for (const List& list : lists_) {
    if (const StagedEntry* entry = list.record.FindVersion(version)) return entry;
  }
  return nullptr;
}

const StagedEntry* StagedLists::FindId(std::string_view id) const {
  for (const List& list : lists_) {
    if (const StagedEntry* entry = list.record.FindId(id)) return entry;
  }
  return nullptr;
}

StagedPackageRecord StagedLists::All() const {
  StagedPackageRecord all;
  for (const List& list : lists_) {
    all.entries.insert(all.entries.end(), list.record.entries.begin(), list.record.entries.end());
  }
  return all;
}

void StagedLists::Add(std::string_view owner, StagedEntry entry) {
  const std::string key = StagedPackageKey(package_, owner);
  for (List& list : lists_) {
    if (list.key != key) continue;
    list.record.entries.push_back(std::move(entry));
    list.has_changed = true;
    return;
  }
  CHECK(false);  // Not the owner that Read was given.
}

void StagedLists::Remove(std::string_view id) {
  for (List& list : lists_) {
    const size_t removed = std::erase_if(list.record.entries, [&](const StagedEntry& entry) { return entry.id == id; });
    if (removed == 0) continue;
    list.has_changed = true;
    removed_.emplace_back(id);
  }
}

void StagedLists::Adopt() {
  if (lists_.size() < 2 || !lists_[1].raw) return;
  std::vector<StagedEntry>& own = lists_[1].record.entries;
  std::vector<StagedEntry>& shared = lists_[0].record.entries;
  shared.insert(shared.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  std::stable_sort(shared.begin(), shared.end(),
                   [](const StagedEntry& a, const StagedEntry& b) { return a.created_ms < b.created_ms; });
  own.clear();
  lists_[0].has_changed = lists_[1].has_changed = true;
}

void StagedLists::AddTo(engine::Mutation* mutation) const {
  const auto remove = [mutation](const std::string& id) {
    mutation->changes.push_back({Family::kSetting, StagedIdKey(id), std::nullopt});
  };
  for (const List& list : lists_) {
    mutation->preconditions.push_back({Family::kSetting, list.key, list.raw});
    if (!list.has_changed) continue;
    std::optional<std::string> value;
    if (!list.record.entries.empty()) value = Encode(list.record);
    if (value || list.raw) mutation->changes.push_back({Family::kSetting, list.key, std::move(value)});
    for (const std::string& id : list.expired) remove(id);
  }
  for (const std::string& id : removed_) remove(id);
}

Result<StagedVersion> FindStaged(const engine::ReadView& view, const Principal& principal, std::string_view id,
                                 const StagedTerm& term) {
  const Status not_found = NotFound(std::string(kNotFoundText));
  const auto parsed = ParseStagedId(id);
  if (!parsed) return not_found;
  ASSIGN_OR_RETURN(Stored<StagedVersionRecord> stored,
                   ReadRecord<StagedVersionRecord>(view, Family::kSetting, StagedIdKey(*parsed)));
  if (!stored.record) return not_found;
  ASSIGN_OR_RETURN(PackageName name, PackageName::Parse(stored.record->package));
  ASSIGN_OR_RETURN(Stored<PackageRecord> package, ReadPackage(view, name));
  ASSIGN_OR_RETURN(ScopeState scope, ReadScope(view, principal, name));
  ASSIGN_OR_RETURN(StagedLists lists, StagedLists::Read(view, name, package.record, stored.record->owner, term));
  // With its package made, a version is the business of the package, or forgotten.
  const std::string owner = package.record ? std::string() : stored.record->owner;
  const StagedEntry* entry = lists.FindId(*parsed);
  if (entry == nullptr || !MaySeeStaged(principal, name, owner, package.record, scope)) return not_found;
  return StagedVersion{std::move(name), std::move(stored.record->version), *entry, std::move(package), std::move(scope),
                       std::move(lists)};
}

}  // namespace tarn::registry
