#include "storage/registry/org_records.h"

#include <algorithm>

#include "storage/engine/keys.h"
#include "storage/registry/flat_fields.h"
#include "storage/schema/grant_generated.h"
#include "storage/schema/org_generated.h"
#include "storage/schema/team_generated.h"

namespace tarn::registry {

using namespace flat;  // NOLINT: the helpers exist for these files.

bool TeamRecord::IsMember(std::string_view user) const {
  return std::binary_search(members.begin(), members.end(), user);
}

bool TeamRecord::Add(std::string_view user) {
  const auto place = std::lower_bound(members.begin(), members.end(), user);
  if (place != members.end() && *place == user) return false;
  members.emplace(place, user);
  return true;
}

bool TeamRecord::Remove(std::string_view user) {
  const auto place = std::lower_bound(members.begin(), members.end(), user);
  if (place == members.end() || *place != user) return false;
  members.erase(place);
  return true;
}

namespace {

// The first entry whose team is not less than `team`.
template <typename Grants>
auto GrantPosition(Grants& grants, std::string_view team) {
  return std::lower_bound(grants.begin(), grants.end(), team,
                          [](const auto& entry, std::string_view key) { return entry.first < key; });
}

}  // namespace

std::optional<TeamPermission> GrantRecord::Find(std::string_view team) const {
  const auto place = GrantPosition(grants, team);
  if (place == grants.end() || place->first != team) return std::nullopt;
  return place->second;
}

void GrantRecord::Set(std::string_view team, TeamPermission permission) {
  const auto place = GrantPosition(grants, team);
  if (place != grants.end() && place->first == team) {
    place->second = permission;
  } else {
    grants.emplace(place, team, permission);
  }
}

bool GrantRecord::Remove(std::string_view team) {
  const auto place = GrantPosition(grants, team);
  if (place == grants.end() || place->first != team) return false;
  grants.erase(place);
  return true;
}

std::string TeamId(std::string_view org, std::string_view team) { return std::string(org) + ":" + std::string(team); }

OrgAndTeam SplitTeamId(std::string_view id) {
  const size_t colon = id.find(':');
  if (colon == std::string_view::npos) return {id, {}};
  return {id.substr(0, colon), id.substr(colon + 1)};
}

std::string TeamKey(std::string_view org, std::string_view team) { return engine::NameAndRestKey(org, team); }

bool IsTeamKey(std::string_view key) { return key.find('\0') != std::string_view::npos; }

std::string Encode(const TeamRecord& record) {
  FlatBufferBuilder builder;
  const auto org = Text(builder, record.org);
  const auto name = Text(builder, record.name);
  const auto description = Text(builder, record.description);
  const auto members = Texts(builder, record.members);
  schema::FinishTeamRecordBuffer(builder, schema::CreateTeamRecord(builder, org, name, description, record.created_ms,
                                                                   members, record.package_count));
  return Take(builder);
}

template <>
Result<TeamRecord> Decode<TeamRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::TeamRecord>(payload, schema::TeamRecordIdentifier()));
  return TeamRecord{Text(root->org()),  Text(root->name()),     Text(root->description()),
                    root->created_ms(), Texts(root->members()), root->package_count()};
}

std::string Encode(const GrantRecord& record) {
  FlatBufferBuilder builder;
  const auto grants = Tables<schema::TeamGrant>(builder, record.grants, [&](const auto& grant) {
    const auto team = Text(builder, grant.first);
    return schema::CreateTeamGrant(builder, team, static_cast<schema::TeamPermission>(grant.second));
  });
  schema::FinishGrantRecordBuffer(builder, schema::CreateGrantRecord(builder, grants));
  return Take(builder);
}

template <>
Result<GrantRecord> Decode<GrantRecord>(std::string_view payload) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::GrantRecord>(payload, schema::GrantRecordIdentifier()));
  GrantRecord record;
  if (root->grants() == nullptr) return record;
  for (const schema::TeamGrant* grant : *root->grants()) {
    record.grants.emplace_back(Text(grant->team()), static_cast<TeamPermission>(grant->permission()));
  }
  return record;
}

namespace {

std::string_view View(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view() : std::string_view(text->c_str(), text->size());
}

// The item of a sorted vector whose name is `wanted`; nullptr when there is none.
template <typename Item, typename NameOf>
const Item* FindSorted(const Vector<Offset<Item>>* items, std::string_view wanted, const NameOf& name_of) {
  if (items == nullptr) return nullptr;
  flatbuffers::uoffset_t begin = 0;
  flatbuffers::uoffset_t end = items->size();
  while (begin < end) {
    const flatbuffers::uoffset_t middle = begin + (end - begin) / 2;
    const std::string_view name = name_of(items->Get(middle));
    if (name == wanted) return items->Get(middle);
    if (name < wanted) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return nullptr;
}

}  // namespace

Result<std::optional<OrgRole>> DecodeRole(std::string_view org_payload, std::string_view user) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::OrgRecord>(org_payload, schema::OrgRecordIdentifier()));
  const auto* member =
      FindSorted(root->members(), user, [](const schema::OrgMember* entry) { return View(entry->user()); });
  if (member == nullptr) return std::optional<OrgRole>();
  return std::optional<OrgRole>(static_cast<OrgRole>(member->role()));
}

Result<bool> DecodeIsInTeam(std::string_view team_payload, std::string_view user) {
  ASSIGN_OR_RETURN(const auto* root, Root<schema::TeamRecord>(team_payload, schema::TeamRecordIdentifier()));
  return FindSorted(root->members(), user, [](const flatbuffers::String* entry) { return View(entry); }) != nullptr;
}

}  // namespace tarn::registry
