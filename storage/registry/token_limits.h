#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

// What a token allows at most, of what its user may do. Pure; threads: any.
namespace tarn::registry {

// Of packages and scopes, or of organisations. Written to disk since format 1 (schema/token.fbs).
enum class TokenPermission : uint8_t {
  kNone = 1,
  kRead = 2,
  kWrite = 3,    // Reading included.
  kPublish = 4,  // New versions of packages, and nothing else: not even reading what not everybody may read.
  kStage = 5,    // Reading, and putting versions up for somebody else's approval.
};

// What somebody wants to do, and with what: the target of the question.
enum class TokenAct : uint8_t {
  kReadPackage,    // A package that not everybody may read.
  kPublish,        // A new version of a package.
  kStage,          // The same, once somebody approves.
  kChangePackage,  // Anything else about a package: tags, owners, access, deprecation, removal, stars.
  kReadOrg,        // Members and teams of an organisation.
  kChangeOrg,
  kAccount,  // The user's tokens, profile, password, second factor; an administrator's work. No target.
};

struct TokenLimits {
  bool all_packages = false;
  std::vector<std::string> packages;  // "left-pad", "@acme/web"; or, with one * at the end, "@acme/web-*".
  std::vector<std::string> scopes;    // "@acme", "@acme-*": all their packages.
  std::vector<std::string> orgs;      // "acme". What an organisation's packages allow is said by `scopes`.
  TokenPermission packages_permission = TokenPermission::kNone;  // Of the first three.
  TokenPermission orgs_permission = TokenPermission::kNone;
  bool bypasses_second_factor = false;  // For machines: writes need no one-time password (second_factor_rules.h).
  bool operator==(const TokenLimits&) const = default;

  // May this token do that? Whether its user may is another question, and both must be answered with yes.
  //   target  full name of the package, name of the organisation, or empty for kAccount, which no limited token may.
  bool Allows(TokenAct act, std::string_view target) const;
  // False when nothing could ever be changed with it.
  bool AllowsChanges() const;
};

// As clients write them, brought into the form above: "acme" and "@acme/*" to the scope "@acme", the package "*" to
// all_packages; sorted, each once. kInvalidArgument says what is wrong: no name or pattern, too many, permissions
// without anything they are for, or the reverse.
Result<TokenLimits> NormaliseTokenLimits(TokenLimits limits);

// As clients write them: "no-access", "read-only", "read-write", "read-write-stage-only", and "publish-only".
std::string_view TokenPermissionName(TokenPermission permission);
// kInvalidArgument lists the words that there are.
Result<TokenPermission> ParseTokenPermission(std::string_view name);

}  // namespace tarn::registry
