#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

// JSON that is passed on as it came: cut into members and put together again without touching the
// bytes in between. No tree is built. Threads: any.
namespace tarn::registry {

// One member of an object. The views point into the text that was cut.
struct JsonMember {
  std::string key;             // Unescaped.
  std::string_view raw_key;    // With its quotes.
  std::string_view raw_value;  // No space around it.
};

// OK when `json` is one JSON document, nested at most limits::kJsonDepthMax deep. kInvalidArgument
// names the offset. 1 to 4 ns per byte.
Status ValidateJson(std::string_view json);

// The members of the object `json`, in order; the elements of the array `json`.
//   Parse  validates all of it first: for text from outside.
//   Split  for text that was validated already (what a PublishDocumentParser or a record of ours
//          holds): a third of the cost; looks at nothing within the values, and never beyond the
//          text.
// kInvalidArgument: not JSON (as far as looked at), not an object or array, or a key occurs twice
// among the members, because readers would disagree which counts. kTooLarge: more than
// limits::kJsonMembersMax.
Result<std::vector<JsonMember>> ParseJsonObject(std::string_view json);
Result<std::vector<JsonMember>> SplitJsonObject(std::string_view json);
// As Split, but repeated keys are kept: files that people write have them, and the last one counts.
Result<std::vector<JsonMember>> SplitJsonObjectWithRepeats(std::string_view json);
Result<std::vector<std::string_view>> ParseJsonArray(std::string_view json);
Result<std::vector<std::string_view>> SplitJsonArray(std::string_view json);

// What a JSON text without space around it is, by its first byte; it must be valid.
enum class JsonKind : uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };
JsonKind KindOfJson(std::string_view raw_value);

// The text of a JSON string given with its quotes. Lone surrogates become U+FFFD. kInvalidArgument:
// not a JSON string.
Result<std::string> DecodeJsonString(std::string_view raw_value);

// The same for text that was validated already; empty when the value is no string.
std::string TextOfJson(std::string_view raw_value);

}  // namespace tarn::registry
