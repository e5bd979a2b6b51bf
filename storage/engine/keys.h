#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/ids.h"
#include "storage/base/result.h"

// Keys of all families, built and parsed here and nowhere else. Byte order is the order readers need: integers are
// fixed-width big-endian; a string that is not last ends in one 0x00, which no such string may contain (CHECKed).
// Layouts: column_families.h; worked examples: FORMAT.md, "Keys".
namespace tarn::engine {

// kPackage, kUser, kOrg, kGrant, kHook, kSetting.
std::string NameKey(std::string_view name);
// kVersion, kTombstone, kOrg (of a team), kCounter, kRendered: `rest` may hold any byte.
std::string NameAndRestKey(std::string_view name, std::string_view rest);
// The prefix that all NameAndRestKeys of `name` share, and no other name's.
std::string NamePrefix(std::string_view name);
struct NameAndRest {
  std::string_view name;
  std::string_view rest;
};
// kCorruption if there is no 0x00.
Result<NameAndRest> ParseNameAndRestKey(std::string_view key);

std::string DigestKey(const Digest& digest);     // kBlob, kLocation.
std::string TokenKey(const Sha256Digest& hash);  // kToken.
std::string ShasumKey(const Sha1Digest& sha1);   // kShasum.
std::string LsnKey(Lsn lsn);                     // kLog.
Result<Lsn> ParseLsnKey(std::string_view key);

// kByUser: what a user has, by kind. Written to disk since format 1. A team has things too; its name, "org:team", is no
// user's.
enum class ByUserKind : uint8_t {
  kMaintains = 1,  // Packages.
  kToken = 2,
  kStarred = 3,  // Packages.
  kMember = 4,   // Organisations.
  kGranted = 5,  // Packages; of a team.
};
std::string ByUserKey(std::string_view user, ByUserKind kind, std::string_view item);
std::string ByUserPrefix(std::string_view user, ByUserKind kind);
// The item of a ByUserKey; kCorruption if it is too short.
Result<std::string_view> ParseByUserItem(std::string_view key, std::string_view user);

// kChange: where each package last changed, in the order of the journal, and the way back. Written to disk since format 1.
// kDetail: what a change of owners or dist-tags was, which the record alone does not say.
enum class ChangeKind : uint8_t { kByLsn = 1, kByPackage = 2, kDetail = 3 };
// `package` may be empty: less than the key of any package at that LSN.
std::string ChangeKey(Lsn lsn, std::string_view package);
struct ChangePlace {
  Lsn lsn;
  std::string_view package;
};
// kCorruption: not a ChangeKey.
Result<ChangePlace> ParseChangeKey(std::string_view key);
// Of the row that holds the LSN of a package's last change, as in LsnKey.
std::string LastChangeKey(std::string_view package);
// Of the row that says what changed at this LSN.
std::string ChangeDetailKey(Lsn lsn);
// What all keys of one kind begin with.
std::string ChangePrefix(ChangeKind kind);

// The smallest key greater than every key that begins with `prefix`; empty when there is none.
std::string PrefixEnd(std::string_view prefix);

}  // namespace tarn::engine
