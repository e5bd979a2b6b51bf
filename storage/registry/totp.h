#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"

// Time-based one-time passwords as every authenticator application makes them: RFC 6238 over HMAC-SHA-1, six digits,
// steps of 30 seconds. Pure functions. Threads: any.
namespace tarn::registry {

// RFC 4648 base32 without padding, as authenticators take secrets.
std::string Base32Encode(std::string_view bytes);
// Either case; padding may be missing. kInvalidArgument for any other character or an impossible length.
Result<std::string> Base32Decode(std::string_view text);

// The step that holds this time.
uint64_t TotpStepAt(uint64_t time_ms);
// Six digits, leading zeros included. `secret` is the raw key.
std::string TotpCode(std::string_view secret, uint64_t step);
// The step among those around `time_ms` (limits::kTotpStepsAround on either side) whose code this is. Takes as long
// whatever the code is.
std::optional<uint64_t> FindTotpStep(std::string_view secret, std::string_view code, uint64_t time_ms);

// "otpauth://totp/…": what authenticators read from a QR code. `issuer` is the name the entry gets there.
std::string OtpauthUrl(std::string_view issuer, std::string_view user, std::string_view base32_secret);

}  // namespace tarn::registry
