#pragma once

#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/registry/json_text.h"

namespace tarn::migrate {

// The members of a document that comes as a whole, validated as dumps are while they are read: nested deeper than what may be
// published, and with repeated keys, of which the last counts. kInvalidArgument: no JSON object; kTooLarge: nested deeper
// than limits::kImportDepthMax.
Result<std::vector<registry::JsonMember>> ParseDocument(std::string_view text);

}  // namespace tarn::migrate
