#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.h"

// Days of download counts: whole days of UTC, as days since 1970. Pure. Threads: any.
namespace tarn::registry {

constexpr uint32_t DayOf(uint64_t time_ms) { return static_cast<uint32_t>(time_ms / (24 * 3'600'000)); }
// "2026-11-24".
std::string FormatDay(uint32_t day);
// kInvalidArgument: not such a date.
Result<uint32_t> ParseDay(std::string_view text);

struct DownloadPeriod {
  uint32_t first_day = 0;  // Both included.
  uint32_t last_day = 0;

  uint32_t day_count() const { return last_day - first_day + 1; }
};
// "last-day", "last-week", "last-month", "last-year", "2026-11-24", "2026-11-01:2026-11-24" (contract 12.6). The last day
// there is is today, for counts are current. kInvalidArgument: something else, or a period that ends before it begins.
// A period that begins before what is kept is cut to what is kept.
Result<DownloadPeriod> ParseDownloadPeriod(std::string_view text, uint32_t today);

}  // namespace tarn::registry
