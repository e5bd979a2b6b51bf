#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/records.h"

// Teams and what they are granted, as plain values (storage/schema/team.fbs, grant.fbs). The organisation itself is in
// records.h. Threads: any.
namespace tarn::registry {

// Written to disk since format 1.
enum class TeamPermission : uint8_t { kRead = 1, kWrite = 2 };

// The team that every organisation has, cannot be without, and gets every new package of the scope granted to. While it
// has no record, everybody in the organisation is in it.
inline constexpr std::string_view kDevelopersTeam = "developers";

struct TeamRecord {
  std::string org;
  std::string name;
  std::string description;
  uint64_t created_ms = 0;
  std::vector<std::string> members;  // Sorted.
  uint32_t package_count = 0;
  bool operator==(const TeamRecord&) const = default;

  bool IsMember(std::string_view user) const;
  // False when that changes nothing.
  bool Add(std::string_view user);
  bool Remove(std::string_view user);
};

struct GrantRecord {
  std::vector<std::pair<std::string, TeamPermission>> grants;  // Sorted by team, "org:team".
  bool operator==(const GrantRecord&) const = default;

  // nullopt: none.
  std::optional<TeamPermission> Find(std::string_view team) const;
  void Set(std::string_view team, TeamPermission permission);
  bool Remove(std::string_view team);
};

// The name of a team in grants: "org:team".
std::string TeamId(std::string_view org, std::string_view team);
struct OrgAndTeam {
  std::string_view org, team;
};
// Of a TeamId.
OrgAndTeam SplitTeamId(std::string_view id);

// In family `org`.
std::string TeamKey(std::string_view org, std::string_view team);
// Is it the key of a team, or of an organisation?
bool IsTeamKey(std::string_view key);

std::string Encode(const TeamRecord& record);
std::string Encode(const GrantRecord& record);
template <>
Result<TeamRecord> Decode<TeamRecord>(std::string_view payload);
template <>
Result<GrantRecord> Decode<GrantRecord>(std::string_view payload);
// The role of one user in an OrgRecord, and whether one is in a TeamRecord; copy nothing.
Result<std::optional<OrgRole>> DecodeRole(std::string_view org_payload, std::string_view user);
Result<bool> DecodeIsInTeam(std::string_view team_payload, std::string_view user);

}  // namespace tarn::registry
