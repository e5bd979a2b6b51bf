#include "http/net/response_stamp.h"

#include <algorithm>

namespace tarn::http {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kDateName = "date: ";
constexpr size_t kDateBytes = 29;  // "Tue, 24 Nov 2026 01:54:52 GMT"
constexpr std::string_view kIdName = "\r\nx-request-id: ";
constexpr size_t kIdOffset = kDateName.size() + kDateBytes + kIdName.size();

constexpr std::string_view kEnds[] = {
    "\r\n\r\n",
    "\r\nconnection: keep-alive\r\n\r\n",
    "\r\nconnection: close\r\n\r\n",
};

void WriteHex(uint64_t value, size_t digits, char* out) {
  for (size_t i = digits; i > 0; --i, value >>= 4) out[i - 1] = kHex[value & 15];
}

}  // namespace

ResponseStamp::ResponseStamp(Clock& clock, uint32_t run, uint8_t core) : clock_(clock) {
  WriteHex(run, 8, next_id_.data());
  WriteHex(core, 2, next_id_.data() + 8);
  WriteHex(0, 10, next_id_.data() + 10);
  text_.append(kDateName).append(kDateBytes, ' ').append(kIdName).append(kRequestIdBytes, '0');
}

RequestId ResponseStamp::NextId() {
  for (size_t i = kRequestIdBytes; i > 10; --i) {  // Counts in place, in hex.
    char& digit = next_id_[i - 1];
    digit = digit == 'f' ? '0' : digit == '9' ? 'a' : static_cast<char>(digit + 1);
    if (digit != '0') break;
  }
  return next_id_;
}

std::string_view ResponseStamp::End(uint64_t now_ms, const RequestId& id, ConnectionHeader connection) {
  if (now_ms >= date_until_ms_) RefreshDate(now_ms);
  std::copy(id.begin(), id.end(), text_.begin() + static_cast<std::ptrdiff_t>(kIdOffset));
  text_.resize(kIdOffset + kRequestIdBytes);
  text_.append(kEnds[static_cast<size_t>(connection)]);
  return text_;
}

void ResponseStamp::RefreshDate(uint64_t now_ms) {
  const uint64_t wall_ms = clock_.NowMs();
  text_.replace(kDateName.size(), kDateBytes, FormatHttpDate(wall_ms));
  date_until_ms_ = now_ms + (1000 - wall_ms % 1000);
}

}  // namespace tarn::http
