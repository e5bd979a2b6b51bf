#include "storage/base/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

#include "storage/base/clock.h"

namespace tarn {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};

constexpr std::string_view kLevelNames[] = {"debug", "info", "warning", "error"};

// Synchronous and unbuffered: a line must be out before an abort that it explains.
spdlog::logger& Sink() {
  static spdlog::logger logger = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    spdlog::logger made("tarn", sink);
    made.set_pattern("%v");
    made.set_level(spdlog::level::trace);
    made.flush_on(spdlog::level::trace);
    return made;
  }();
  return logger;
}

// Length of the UTF-8 sequence that begins at text[i], 0 if it is not valid.
size_t Utf8Length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
  const uint8_t first = byte(i);
  size_t length = 0;
  uint32_t minimum = 0;
  uint32_t code = 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf)
    length = 2, minimum = 0x80, code = first & 0x1fu;
  else if (first >= 0xe0 && first <= 0xef)
    length = 3, minimum = 0x800, code = first & 0x0fu;
  else if (first >= 0xf0 && first <= 0xf4)
    length = 4, minimum = 0x10000, code = first & 0x07u;
  else
    return 0;
  if (i + length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i + k) & 0x3fu);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < minimum || code > 0x10ffff || surrogate ? 0 : length;
}

void AppendEscaped(std::string* out, uint8_t c) {
  switch (c) {
    case '"': out->append("\\\""); return;
    case '\\': out->append("\\\\"); return;
    case '\n': out->append("\\n"); return;
    case '\r': out->append("\\r"); return;
    case '\t': out->append("\\t"); return;
    default: break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  out->append("\\u00");
  out->push_back(kHex[c >> 4]);
  out->push_back(kHex[c & 15]);
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view text) {
  out->push_back('"');
  size_t i = 0;
  while (i < text.size()) {
    const auto c = static_cast<uint8_t>(text[i]);
    if (c < 0x20 || c == '"' || c == '\\') {
      AppendEscaped(out, c);
      ++i;
      continue;
    }
    const size_t length = Utf8Length(text, i);
    if (length == 0) {
      out->append("\xef\xbf\xbd");
      ++i;
      continue;
    }
    out->append(text.substr(i, length));
    i += length;
  }
  out->push_back('"');
}

std::string JsonString(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  AppendJsonString(&out, text);
  return out;
}

void SetLogLevel(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }
bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  std::string line = "{\"time\":\"" + FormatIsoTime(SystemClock().NowMs()) + "\",\"level\":\"";
  line += kLevelNames[static_cast<size_t>(level)];
  line += "\",\"message\":";
  AppendJsonString(&line, message);
  for (const LogField& field : fields) {
    line += ',';
    AppendJsonString(&line, field.key);
    line += ':';
    if (field.is_literal)
      line += field.value;
    else
      AppendJsonString(&line, field.value);
  }
  line += '}';
  LogRawLine(line);
}

void LogRawLine(std::string_view json_line) {
  Sink().log(spdlog::level::info, spdlog::string_view_t(json_line.data(), json_line.size()));
}

}  // namespace tarn
