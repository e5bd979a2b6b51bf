#include "storage/registry/download_period.h"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/base/clock.h"
#include "storage/base/limits.h"

namespace tarn::registry {
namespace {

constexpr size_t kDayBytes = 10;
constexpr std::array<std::pair<std::string_view, uint32_t>, 4> kNamed = {
    {{"last-day", 1}, {"last-week", 7}, {"last-month", 30}, {"last-year", 365}}};

}  // namespace

std::string FormatDay(uint32_t day) { return FormatIsoTime(uint64_t{day} * 24 * 3'600'000).substr(0, kDayBytes); }

Result<uint32_t> ParseDay(std::string_view text) {
  const auto time_ms = ParseIsoTime(std::string(text) + "T00:00:00.000Z");
  // What does not come out as it went in, such as the 31st of February, is no day.
  if (text.size() != kDayBytes || !time_ms.ok() || FormatDay(DayOf(*time_ms)) != text) {
    return InvalidArgument("\"" + std::string(text.substr(0, 64)) + "\" is not a day such as 2026-11-24.");
  }
  return DayOf(*time_ms);
}

Result<DownloadPeriod> ParseDownloadPeriod(std::string_view text, uint32_t today) {
  DownloadPeriod period{today, today};
  const auto* named =
      std::find_if(kNamed.begin(), kNamed.end(), [&](const auto& entry) { return entry.first == text; });
  if (named != kNamed.end()) {
    period.first_day = today - (named->second - 1);
    return period;
  }
  const size_t colon = text.find(':');
  const auto first = ParseDay(text.substr(0, colon));
  const auto last = colon == std::string_view::npos ? first : ParseDay(text.substr(colon + 1));
  if (!first.ok() || !last.ok()) {
    return InvalidArgument(std::string((first.ok() ? last : first).status().message()) +
                           " Or ask for last-day, last-week, last-month or last-year.");
  }
  if (*first > *last) return InvalidArgument("The period ends before it begins.");
  period.first_day = std::max(*first, today - std::min(today, limits::kDownloadDaysKept - 1));
  period.last_day = std::max(period.first_day, std::min(*last, today));
  return period;
}

}  // namespace tarn::registry
