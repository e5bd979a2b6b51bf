#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace tarn::migrate {

struct FilteredPackument {
  std::string text;
  std::vector<std::string> absent;  // Of those that are wanted.
};

// The packument with only these of its versions: `versions`, `time` and `dist-tags` name no others, so that the rest counts
// as never having been here. Where `latest` falls away, it is the highest that is left. All else stays byte for byte.
// kInvalidArgument: no JSON object.
Result<FilteredPackument> FilterPackument(std::string_view packument, const std::set<std::string>& wanted);

}  // namespace tarn::migrate
