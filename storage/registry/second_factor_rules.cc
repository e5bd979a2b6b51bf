#include "storage/registry/second_factor_rules.h"

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/registry/totp.h"

namespace tarn::registry {
namespace {

constexpr size_t kRecoveryBytes = 10;       // 80 bits: out of reach even for whoever has the hashes.
constexpr size_t kRecoveryCharacters = 16;  // The same in base32.
constexpr size_t kRecoveryGroup = 4;

}  // namespace

SecondFactorVerdict DecideSecondFactor(SecondFactorAct act, const SecondFactorFacts& facts) {
  using enum SecondFactorVerdict;
  const bool is_enrolled = facts.mode != SecondFactorMode::kOff;
  if (act == SecondFactorAct::kAccount) return is_enrolled ? kNeeded : kNotNeeded;
  if (act == SecondFactorAct::kApprove) {
    if (is_enrolled) return kNeeded;
    return facts.package_requires ? kEnrolFirst : kNotNeeded;
  }
  if (facts.package_requires) {
    if (facts.token_bypasses && facts.automation_bypasses) return kNotNeeded;
    return is_enrolled ? kNeeded : kEnrolFirst;
  }
  return facts.mode == SecondFactorMode::kAuthAndWrites && !facts.token_bypasses ? kNeeded : kNotNeeded;
}

std::string_view SecondFactorModeName(SecondFactorMode mode) {
  switch (mode) {
    case SecondFactorMode::kOff: break;
    case SecondFactorMode::kAuthOnly: return "auth-only";
    case SecondFactorMode::kAuthAndWrites: return "auth-and-writes";
  }
  return "";
}

Result<SecondFactorMode> ParseSecondFactorMode(std::string_view name) {
  for (const auto mode : {SecondFactorMode::kAuthOnly, SecondFactorMode::kAuthAndWrites}) {
    if (name == SecondFactorModeName(mode)) return mode;
  }
  return InvalidArgument("the mode of the second factor must be auth-only or auth-and-writes");
}

std::vector<std::string> MakeRecoveryCodes(Random* random) {
  std::vector<std::string> codes;
  for (size_t i = 0; i < limits::kRecoveryCodesPerUser; ++i) {
    const std::string plain = Base32Encode(random->Bytes(kRecoveryBytes));
    std::string code;
    for (const char c : plain) {
      if (code.size() % (kRecoveryGroup + 1) == kRecoveryGroup) code += '-';
      code += c >= 'A' ? static_cast<char>(c | 0x20) : c;
    }
    codes.push_back(std::move(code));
  }
  return codes;
}

std::optional<std::string> HashRecoveryCode(std::string_view code) {
  std::string plain;
  for (const char c : code) {
    if (c == '-') continue;
    plain += c >= 'A' ? static_cast<char>(c | 0x20) : c;
    if (plain.size() > kRecoveryCharacters) return std::nullopt;
  }
  if (plain.size() != kRecoveryCharacters || !Base32Decode(plain).ok()) return std::nullopt;
  return HexEncode(Sha256(plain).view());
}

}  // namespace tarn::registry
