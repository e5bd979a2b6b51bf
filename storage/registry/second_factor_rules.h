#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/registry/records.h"

// When a one-time password is asked for, and what recovery codes look like (contract 11.3, 11.6). Pure. Threads: any.
namespace tarn::registry {

enum class SecondFactorAct : uint8_t {
  kAccount,  // A change of the profile, of tokens, of the second factor itself.
  kWrite,    // A change of a package; stars and tags other than `latest` are none.
  kApprove,  // The last word on a staged version: a person's, so no token is spared, in either mode.
};

struct SecondFactorFacts {
  SecondFactorMode mode = SecondFactorMode::kOff;  // Of the account; a pending one counts as off.
  bool token_bypasses = false;
  bool package_requires = false;
  bool automation_bypasses = false;
};

enum class SecondFactorVerdict : uint8_t {
  kNotNeeded,
  kNeeded,
  kEnrolFirst,  // The package wants one, and the account has none.
};
// A token for machines spares its owner the code for writes, never for the account: whoever finds it in a build log must
// not be able to make more of them. Where the package itself asks for a code, it has the last word.
SecondFactorVerdict DecideSecondFactor(SecondFactorAct act, const SecondFactorFacts& facts);

// "auth-only", "auth-and-writes"; "" for kOff.
std::string_view SecondFactorModeName(SecondFactorMode mode);
// kInvalidArgument for any other word.
Result<SecondFactorMode> ParseSecondFactorMode(std::string_view name);

// limits::kRecoveryCodesPerUser fresh ones of 80 random bits, "abcd-efgh-ijkl-mnop".
std::vector<std::string> MakeRecoveryCodes(Random* random);
// What is stored of one, in hex; nullopt when `code` has not their form. Case and dashes do not count.
std::optional<std::string> HashRecoveryCode(std::string_view code);

}  // namespace tarn::registry
