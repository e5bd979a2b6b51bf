#include "storage/base/clock.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace tarn {
namespace {

class MachineClock final : public Clock {
 public:
  uint64_t NowMs() override { return Microseconds(CLOCK_REALTIME) / 1000; }
  uint64_t MonotonicMs() override { return Microseconds(CLOCK_BOOTTIME) / 1000; }
  uint64_t MonotonicUs() override { return Microseconds(CLOCK_BOOTTIME); }

 private:
  static uint64_t Microseconds(clockid_t id) {
    timespec now{};
    clock_gettime(id, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
  }
};

constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::tm ToUtc(uint64_t time_ms) {
  const auto seconds = static_cast<time_t>(time_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return utc;
}

// kInvalidArgument for a date that does not exist, such as 30 February.
Result<uint64_t> FromUtc(int year, int month, int day, int hour, int minute, int second, std::string_view text) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || hour > 23 || minute > 59 || second > 60) {
    return InvalidArgument("not a time: " + std::string(text));
  }
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return (static_cast<uint64_t>(days) * 86400 + static_cast<uint64_t>(hour * 3600 + minute * 60 + second)) * 1000;
}

}  // namespace

Clock& SystemClock() {
  static MachineClock clock;
  return clock;
}

std::string FormatIsoTime(uint64_t time_ms) {
  const std::tm utc = ToUtc(time_ms);
  char text[40];
  const int size =
      std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                    utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(time_ms % 1000));
  return std::string(text, static_cast<size_t>(size));
}

Result<uint64_t> ParseIsoTime(std::string_view text) {
  const std::string copy(text.substr(0, 40));
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, end = 0;
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &end) != 6) {
    return InvalidArgument("not an ISO 8601 time: " + copy);
  }
  auto position = static_cast<size_t>(end);
  uint64_t millis = 0;
  if (position < copy.size() && copy[position] == '.') {
    uint64_t scale = 100;
    for (++position; position < copy.size() && copy[position] >= '0' && copy[position] <= '9'; ++position) {
      millis += scale * static_cast<uint64_t>(copy[position] - '0');
      scale /= 10;
    }
  }
  if (copy.substr(position) != "Z") return InvalidArgument("not an ISO 8601 time in UTC: " + copy);
  ASSIGN_OR_RETURN(const uint64_t base, FromUtc(year, month, day, hour, minute, second, text));
  return base + millis;
}

std::string FormatHttpDate(uint64_t time_ms) {
  const std::tm utc = ToUtc(time_ms);
  char text[48];
  const int size = std::snprintf(
      text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[static_cast<size_t>(utc.tm_wday)], utc.tm_mday,
      kMonths[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return std::string(text, static_cast<size_t>(size));
}

Result<uint64_t> ParseHttpDate(std::string_view text) {
  const std::string copy(text.substr(0, 48));
  char month_name[4] = {};
  int day = 0, year = 0, hour = 0, minute = 0, second = 0, end = 0;
  if (std::sscanf(copy.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &day, month_name, &year, &hour, &minute, &second,
                  &end) != 6 ||
      static_cast<size_t>(end) != copy.size()) {
    return InvalidArgument("not an HTTP date: " + copy);
  }
  for (size_t month = 0; month < kMonths.size(); ++month) {
    if (std::string_view(kMonths[month]) == month_name) {
      return FromUtc(year, static_cast<int>(month) + 1, day, hour, minute, second, text);
    }
  }
  return InvalidArgument("not an HTTP date: " + copy);
}

}  // namespace tarn
