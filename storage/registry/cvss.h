#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/registry/advisory.h"

namespace tarn::registry {

// The base score, in tenths (98 for 9.8), of a vector such as "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".
// Source: CVSS v3.1 specification, section 7.1 (3.0 differs only where floating point does). nullopt: another version, or a
// base metric is missing, repeated or unknown. Temporal and environmental metrics are passed over.
std::optional<uint8_t> CvssBaseTenths(std::string_view vector);

// The rating of the specification's section 5 in npm's words; 0 is "info".
Severity SeverityOfCvss(uint8_t tenths);

}  // namespace tarn::registry
