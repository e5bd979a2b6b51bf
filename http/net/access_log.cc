#include "http/net/access_log.h"

#include <charconv>

#include "storage/base/logging.h"

namespace tarn::http {
namespace {

constexpr size_t kBatchBytes = 16 * limits::kKiB;  // Written at the latest then; also on every tick of the core.

void AppendNumber(std::string* out, std::string_view key, uint64_t value) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
  out->append(key).append(digits, static_cast<size_t>(end - digits));
}

}  // namespace

// Most lines of a busy server share their millisecond with the one before.
void AccessLog::AppendTime() {
  const uint64_t now_ms = clock_.NowMs();
  if (now_ms != time_ms_) {
    time_ms_ = now_ms;
    time_ = FormatIsoTime(now_ms);
  }
  lines_.append(time_);
}

void AccessLog::Add(const RequestSummary& summary) {
  if (!LogEnabled(LogLevel::kInfo)) return;
  if (!lines_.empty()) lines_ += '\n';
  lines_.append(R"({"time":")");
  AppendTime();
  lines_.append(R"(","level":"info","message":"request","id":")").append(summary.id).append(R"(","peer":)");
  AppendJsonString(&lines_, summary.peer->is_unix_socket ? std::string_view("unix") : summary.peer->address);
  if (summary.head != nullptr) {
    lines_.append(R"(,"method":)");
    AppendJsonString(&lines_, summary.head->method_name);
    lines_.append(R"(,"target":)");
    target_.clear();
    handler_.AppendLoggableTarget(*summary.head, &target_);
    AppendJsonString(&lines_, target_);
  }
  AppendNumber(&lines_, R"(,"status":)", summary.status);
  AppendNumber(&lines_, R"(,"received":)", summary.received_bytes);
  AppendNumber(&lines_, R"(,"sent":)", summary.sent_bytes);
  AppendNumber(&lines_, R"(,"duration_us":)", summary.duration_us);
  if (!summary.complete) lines_.append(R"(,"complete":false)");
  if (summary.head != nullptr && summary.head->Has(KnownHeader::kUserAgent)) {
    lines_.append(R"(,"user_agent":)");
    AppendJsonString(&lines_, summary.head->Get(KnownHeader::kUserAgent));
  }
  lines_ += '}';
  if (lines_.size() >= kBatchBytes) Flush();
}

void AccessLog::Flush() {
  if (lines_.empty()) return;
  LogRawLine(lines_);
  lines_.clear();
}

}  // namespace tarn::http
