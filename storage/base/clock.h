#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace tarn {

// The two times there are. Passed in everywhere, so that tests decide what time it is.
class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since 1970-01-01 UTC. May jump either way: for records and people, never for waiting.
  virtual uint64_t NowMs() = 0;
  // Milliseconds since some start, never backwards: for deadlines and durations.
  virtual uint64_t MonotonicMs() = 0;
  // The same in microseconds, for durations of requests.
  virtual uint64_t MonotonicUs() { return MonotonicMs() * 1000; }
};

// The machine's clock. Lives for ever; the one mutable-free singleton there is.
Clock& SystemClock();

// "2026-11-24T01:54:52.123Z": ISO 8601 with milliseconds, the only form npm clients are sent.
std::string FormatIsoTime(uint64_t time_ms);
// Accepts what JavaScript's Date writes (milliseconds optional, Z required); kInvalidArgument otherwise.
Result<uint64_t> ParseIsoTime(std::string_view text);
// "Tue, 24 Nov 2026 01:54:52 GMT" (RFC 9110, section 5.6.7).
std::string FormatHttpDate(uint64_t time_ms);
// The form above only; kInvalidArgument otherwise.
Result<uint64_t> ParseHttpDate(std::string_view text);

}  // namespace tarn
