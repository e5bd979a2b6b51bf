#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tarn {

enum class LogLevel : uint8_t { kDebug = 0, kInfo, kWarning, kError };

// One key and value of a log line; values are written as JSON strings, numbers or booleans.
struct LogField {
  LogField(std::string_view key_in, std::string_view text) : key(key_in), value(text) {}
  LogField(std::string_view key_in, const char* text) : key(key_in), value(text) {}
  LogField(std::string_view key_in, const std::string& text) : key(key_in), value(text) {}
  LogField(std::string_view key_in, uint64_t number) : key(key_in), value(std::to_string(number)), is_literal(true) {}
  LogField(std::string_view key_in, int64_t number) : key(key_in), value(std::to_string(number)), is_literal(true) {}
  LogField(std::string_view key_in, int number) : key(key_in), value(std::to_string(number)), is_literal(true) {}
  LogField(std::string_view key_in, bool flag) : key(key_in), value(flag ? "true" : "false"), is_literal(true) {}

  std::string_view key;
  std::string value;
  bool is_literal = false;
};

// Writes one JSON line {"time","level","message",fields…} to standard error, whole. Lines below the level are dropped
// before they are formatted. Never a token, a password or a body.
// Threads: any; a line is one write.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);
// The same, for lines already formatted as JSON without the final newline (the access log).
void LogRawLine(std::string_view json_line);

// Appends `text` as a JSON string with quotes. Bytes that are not UTF-8 become U+FFFD, so the result is always valid JSON.
void AppendJsonString(std::string* out, std::string_view text);
std::string JsonString(std::string_view text);

}  // namespace tarn
