#include "storage/registry/change_detail.h"

#include <algorithm>

#include "storage/engine/keys.h"
#include "storage/registry/records.h"

namespace tarn::registry {
namespace {

using engine::EventKind;
using engine::Family;

// Written to disk since format 1: each entry is one of these letters and a name, and 0x00 ends it.
constexpr char kTagSet = 'T';
constexpr char kTagRemoved = 't';
constexpr char kOwnerAdded = 'O';
constexpr char kOwnerRemoved = 'o';

void Append(char what, const std::vector<std::string>& names, std::string* payload) {
  for (const std::string& name : names) {
    payload->push_back(what);
    payload->append(name);
    payload->push_back('\0');
  }
}

ChangeDetail Compare(const PackageRecord& before, const PackageRecord& after) {
  ChangeDetail detail;
  for (const auto& [tag, version] : after.dist_tags) {
    const std::string* old = before.FindTag(tag);
    if (old == nullptr || *old != version) detail.tags_set.push_back(tag);
  }
  for (const auto& [tag, version] : before.dist_tags) {
    if (after.FindTag(tag) == nullptr) detail.tags_removed.push_back(tag);
  }
  for (const Maintainer& owner : after.maintainers) {
    if (!before.IsMaintainer(owner.name)) detail.owners_added.push_back(owner.name);
  }
  for (const Maintainer& owner : before.maintainers) {
    if (!after.IsMaintainer(owner.name)) detail.owners_removed.push_back(owner.name);
  }
  return detail;
}

}  // namespace

std::string Encode(const ChangeDetail& detail) {
  std::string payload;
  Append(kTagSet, detail.tags_set, &payload);
  Append(kTagRemoved, detail.tags_removed, &payload);
  Append(kOwnerAdded, detail.owners_added, &payload);
  Append(kOwnerRemoved, detail.owners_removed, &payload);
  return payload;
}

Result<ChangeDetail> DecodeChangeDetail(std::string_view payload) {
  ChangeDetail detail;
  while (!payload.empty()) {
    const size_t end = payload.find('\0');
    if (end == std::string_view::npos || end < 2)
      return Corruption("a row of what changed does not end where it should");
    std::vector<std::string>* list = nullptr;
    switch (payload.front()) {
      case kTagSet: list = &detail.tags_set; break;
      case kTagRemoved: list = &detail.tags_removed; break;
      case kOwnerAdded: list = &detail.owners_added; break;
      case kOwnerRemoved: list = &detail.owners_removed; break;
      default: return Corruption("a row of what changed has an entry of an unknown kind");
    }
    list->emplace_back(payload.substr(1, end - 1));
    payload.remove_prefix(end + 1);
  }
  return detail;
}

Status DeriveChangeDetail(const engine::LogRecord& record, const engine::ReadView& before,
                          std::vector<engine::Change>* derived) {
  if (record.event.kind != EventKind::kSetDistTags && record.event.kind != EventKind::kSetOwners) return OkStatus();
  for (const engine::Change& change : record.changes) {
    if (change.family != Family::kPackage || change.key != record.event.package || !change.value) continue;
    ASSIGN_OR_RETURN(const auto old_value, before.Get(Family::kPackage, change.key));
    PackageRecord old_package;
    if (old_value) {
      ASSIGN_OR_RETURN(old_package, Decode<PackageRecord>(*old_value));
    }
    ASSIGN_OR_RETURN(const PackageRecord package, Decode<PackageRecord>(*change.value));
    derived->push_back({Family::kChange, engine::ChangeDetailKey(record.lsn), Encode(Compare(old_package, package))});
  }
  return OkStatus();
}

Result<ChangeDetail> ReadChangeDetail(const engine::ReadView& view, Lsn lsn) {
  ASSIGN_OR_RETURN(const auto row, view.Get(Family::kChange, engine::ChangeDetailKey(lsn)));
  if (!row) return ChangeDetail();
  return DecodeChangeDetail(*row);
}

}  // namespace tarn::registry
