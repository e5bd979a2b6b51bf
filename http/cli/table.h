#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tarn::cli {

// A list for a person: the first row is the heading, columns are as wide as their widest cell, two spaces between them. An
// empty cell is shown as "-".
//
// Cells may hold what users of the registry wrote (token names, addresses): control characters are shown as "?", so that
// nobody writes to the operator's terminal.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// "2026-11-24T01:54:52.123Z" → "2026-11-24 01:54". Anything else, and the empty text, stays as it is.
std::string ShortTime(std::string_view iso_time);

}  // namespace tarn::cli
