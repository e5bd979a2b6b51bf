#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/clock.h"

namespace tarn::http {

// X-Request-Id: 8 hex digits of this run of the process, 2 of the core, 10 of a counter. Unique without coordination.
inline constexpr size_t kRequestIdBytes = 20;
using RequestId = std::array<char, kRequestIdBytes>;

// How the connection goes on, as the client has to be told.
enum class ConnectionHeader : uint8_t {
  kNone,       // HTTP/1.1 keep-alive.
  kKeepAlive,  // HTTP/1.0 keep-alive.
  kClose,
};

// The end of every head on one core: "date: …\r\nx-request-id: …\r\n[connection: …\r\n]\r\n". Kept ready; an answer costs a
// copy of the id, and once a second a new date.
// Threads: one core.
class ResponseStamp {
 public:
  ResponseStamp(Clock& clock, uint32_t run, uint8_t core);

  RequestId NextId();
  // `now_ms` is the clock's monotonic time. Valid until the next call.
  std::string_view End(uint64_t now_ms, const RequestId& id, ConnectionHeader connection);

 private:
  void RefreshDate(uint64_t now_ms);

  Clock& clock_;
  RequestId next_id_{};
  std::string text_;
  uint64_t date_until_ms_ = 0;  // Monotonic: when the next second begins.
};

}  // namespace tarn::http
