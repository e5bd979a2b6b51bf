#pragma once

#include <cstddef>

// The limits of organisations, teams and grants; as limits.h, but few files need them.
namespace tarn::limits {

inline constexpr size_t kOrgMembersMax = 10'000;  // A record of some 300 KB, written anew when somebody joins.
inline constexpr size_t kTeamsPerOrgMax = 1000;   // Read one by one when a member leaves.
inline constexpr size_t kTeamNameBytesMax = 64;   // As user names.
inline constexpr size_t kTeamDescriptionBytesMax = 1024;
inline constexpr size_t kPackagesPerTeamMax = 10'000;  // Destroying a team takes all its grants in one commit.
inline constexpr size_t kTeamsPerPackageMax = 50;      // Looked through for each read of a restricted package.

}  // namespace tarn::limits
