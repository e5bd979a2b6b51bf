#include "http/cli/table.h"

#include <algorithm>

namespace tarn::cli {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Characters of UTF-8 text, which is close enough to columns.
size_t WidthOf(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

std::string ForTerminal(std::string_view text) {
  if (text.empty()) return "-";
  std::string shown;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const unsigned char next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;  // U+0080 to U+009F.
    if (is_c1) ++i;
    if (is_c1 || byte < 0x20 || byte == 0x7f)
      shown += '?';
    else
      shown += text[i];
  }
  return shown;
}

}  // namespace

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(ForTerminal(row[i])));
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string cell = ForTerminal(row[i]);
      out += cell;
      // Nothing is added to the last cell: lines end where they end.
      if (i + 1 < row.size()) out.append(widths[i] - WidthOf(cell) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

std::string ShortTime(std::string_view iso_time) {
  std::string text(iso_time);
  if (text.size() != 24 || text[10] != 'T' || text[23] != 'Z') return text;
  text[10] = ' ';
  return text.substr(0, 16);
}

}  // namespace tarn::cli
