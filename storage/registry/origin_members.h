#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/packument_head.h"
#include "storage/registry/records.h"

// What an imported package's document said at its top and no field of ours holds: kept byte for byte, and served as it was
// for as long as nobody changed here what it is about. Pure functions. Threads: any.
namespace tarn::registry {

struct OriginMembers {
  std::string document;     // A JSON object: members of the packument's top, maintainers and users among them.
  std::string unpublished;  // The value of time.unpublished; empty: none.
};
void SetOrigin(const OriginMembers& members, ImportedPackage* imported);
// kCorruption when they cannot be read.
Result<OriginMembers> OriginOf(const ImportedPackage& imported);

// The maintainers that an origin's list names: objects with a name, and "name <address>" of very old clients. What names
// nobody (roles, empty objects) is left out.
std::vector<Maintainer> MaintainersOfOrigin(std::string_view raw_list);
// The users that an origin's `users` names with a value that JavaScript takes for true; sorted.
std::vector<std::string> StarsOfOrigin(std::string_view raw_users);
// The member as typed fields, as far as they are there; nullopt when `raw` is no object or has no time.
std::optional<Unpublished> UnpublishedOfOrigin(std::string_view raw);

// Puts the origin's members into `head`, in the place of what was made from ours where both mean the same.
//   hoisted  members taken from `latest` as it is now; served when `latest` is another version than it was at the origin.
Status ApplyOrigin(const PackageRecord& package, std::string_view hoisted, PackumentHead* head);

}  // namespace tarn::registry
