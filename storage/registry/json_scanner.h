#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/limits.h"
#include "storage/base/result.h"

namespace tarn::registry {

// What a JsonScanner tells. `offset` is the position in the stream of the token's first byte; for
// OnStringEnd and the ends of containers, of the closing byte. Views are valid during the call
// only. An error returned from here stops the scanner and is what Append returns. What is not
// overridden is ignored.
class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  virtual Status OnBeginObject(uint64_t /*offset*/) { return OkStatus(); }
  virtual Status OnEndObject(uint64_t /*offset*/) { return OkStatus(); }
  virtual Status OnBeginArray(uint64_t /*offset*/) { return OkStatus(); }
  virtual Status OnEndArray(uint64_t /*offset*/) { return OkStatus(); }
  // The whole key, unescaped.
  virtual Status OnKey(std::string_view /*key*/, uint64_t /*offset*/) { return OkStatus(); }
  // A string value: begin, any number of pieces (unescaped UTF-8, cut anywhere), end.
  virtual Status OnStringBegin(uint64_t /*offset*/) { return OkStatus(); }
  virtual Status OnStringPiece(std::string_view /*piece*/) { return OkStatus(); }
  virtual Status OnStringEnd(uint64_t /*offset*/) { return OkStatus(); }
  // The number as it was written.
  virtual Status OnNumber(std::string_view /*text*/, uint64_t /*offset*/) { return OkStatus(); }
  // "true", "false" or "null".
  virtual Status OnLiteral(std::string_view /*text*/, uint64_t /*offset*/) { return OkStatus(); }
};

// A tokenizer for one JSON document of any size that arrives in pieces of any size. It holds at
// most one key or number (bounded), never a string value: a base64 string of 1 GiB passes through
// at memory speed.
//
// Strict RFC 8259 and strict UTF-8; no byte order mark, no trailing comma. A lone surrogate escape,
// which the RFC allows and JSON.stringify writes, is reported as U+FFFD.
//   Append  bytes in order; the visitor is called from inside. The first error is final.
//   Finish  after the last byte: OK when the document is complete.
// Errors: kInvalidArgument with the byte offset; kTooLarge for a key or number over its limit; what
// the visitor returned.
// Threads: one at a time.
class JsonScanner {
 public:
  struct Limits {
    size_t depth_max = limits::kJsonDepthMax;  // Containers open at once.
    size_t key_bytes_max = limits::kJsonKeyBytesMax;
    size_t number_bytes_max = limits::kJsonNumberBytesMax;
  };

  // `visitor` outlives the scanner.
  explicit JsonScanner(JsonVisitor* visitor);
  JsonScanner(JsonVisitor* visitor, const Limits& limits);

  [[nodiscard]] Status Append(std::string_view bytes);
  [[nodiscard]] Status Finish();

  // Bytes appended so far.
  uint64_t offset() const { return offset_; }

 private:
  enum class State : uint8_t {
    kValue,       // A value must follow.
    kValueOrEnd,  // The first element of an array, or its end.
    kKeyOrEnd,    // The first key of an object, or its end.
    kKey,         // A key must follow.
    kColon,
    kCommaOrEnd,
    kDone,     // Only white space may follow.
    kString,   // Inside a string, key or value.
    kEscape,   // After a backslash.
    kUnicode,  // Inside the four digits of \u.
    kNumber,
    kLiteral,
  };
  // The part of a number that was read last.
  enum class NumberPart : uint8_t {
    kMinus,
    kZero,
    kInteger,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits,
  };

  // Each takes what it can off the front of `rest`: at least one byte, or it changes the state.
  Status Scan(std::string_view* rest);
  Status ScanStructure(std::string_view* rest);
  Status ScanString(std::string_view* rest);
  Status ScanEscape(std::string_view* rest);
  Status ScanUnicode(std::string_view* rest);
  Status ScanNumber(std::string_view* rest);
  Status ScanLiteral(std::string_view* rest);

  Status BeginValue(char c);
  Status BeginString(bool is_key);
  Status EndString();
  Status OpenContainer(char kind);
  Status CloseContainer(char kind);
  void ValueDone();
  Status EmitText(std::string_view text);
  Status EmitCodePoint(uint32_t code_point);
  Status EmitLoneSurrogate();
  bool TakeUtf8(unsigned char byte);
  bool TakeNumber(char c);
  bool NumberIsComplete() const;
  Status EmitNumber(std::string_view text);

  void Advance(std::string_view* rest, size_t bytes) {
    rest->remove_prefix(bytes);
    offset_ += bytes;
  }
  Status Error(std::string_view what) const;

  JsonVisitor* const visitor_;
  const Limits limits_;

  State state_ = State::kValue;
  std::string stack_;          // One '{' or '[' per open container.
  uint64_t offset_ = 0;        // Of the byte being looked at.
  uint64_t token_offset_ = 0;  // Where the current token began.
  std::string text_;           // A key so far, or a number that continues in the next piece.
  bool is_key_ = false;        // The current string.

  // UTF-8: continuation bytes that must still come, and the bounds of the next one.
  unsigned char utf8_missing_ = 0;
  unsigned char utf8_low_ = 0;
  unsigned char utf8_high_ = 0;
  uint32_t unicode_ = 0;  // Of the \u being read.
  int unicode_digits_ = 0;
  uint32_t high_surrogate_ = 0;  // Waits for its other half; 0: none.

  NumberPart number_part_ = NumberPart::kMinus;
  std::string_view literal_;  // What must still come of it.
  std::string_view literal_text_;
  Status error_;
};

}  // namespace tarn::registry
