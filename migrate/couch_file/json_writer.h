#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "migrate/couch_file/term.h"

namespace tarn::couch_file {

// How an object stands in a term.
enum class ObjectShape : uint8_t {
  kWrapped,   // A tuple of one list of pairs: as everywhere inside of documents.
  kBareList,  // The list of pairs alone: the security object.
};

struct JsonNotes {
  uint64_t replaced = 0;  // Sequences that were no UTF-8 and became U+FFFD.
};

// Appends the JSON text of the object that `terms` reads next.
//
// Integers of any size are written digit for digit, floats as the shortest text that reads back the same (with ".0" if
// it would look like an integer), keys in their order. `first_members`, JSON members without a comma at either end, come
// first. The text is at most `bytes_max` long. Depth and numbers: storage/base/couch_file_limits.h. Nothing recurses.
// Errors: kCorruption (no JSON), kTooLarge (a limit); `out` then holds a part.
Status AppendJsonObject(TermReader* terms, ObjectShape shape, std::string_view first_members, size_t bytes_max,
                        std::string* out, JsonNotes* notes);

// Appends `text` as a JSON string, quotes included; bytes that are no UTF-8 become U+FFFD. The count of those.
uint64_t AppendJsonString(std::string_view text, std::string* out);

}  // namespace tarn::couch_file
