#include "storage/registry/json_scanner.h"

#include "storage/registry/byte_search.h"

namespace tarn::registry {
namespace {

constexpr uint32_t kReplacementCharacter = 0xfffd;

bool IsWhiteSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHighSurrogate(uint32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

// The character after a backslash; 0 for none of the simple escapes.
char SimpleEscape(char c) {
  switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '/': return '/';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

JsonScanner::JsonScanner(JsonVisitor* visitor) : JsonScanner(visitor, Limits()) {}

JsonScanner::JsonScanner(JsonVisitor* visitor, const Limits& limits) : visitor_(visitor), limits_(limits) {}

Status JsonScanner::Append(std::string_view bytes) {
  while (error_.ok() && !bytes.empty()) error_ = Scan(&bytes);
  return error_;
}

Status JsonScanner::Finish() {
  RETURN_IF_ERROR(error_);
  if (state_ == State::kNumber && stack_.empty() && NumberIsComplete()) {
    error_ = EmitNumber({});
  } else if (state_ != State::kDone) {
    error_ = InvalidArgument("JSON: the document ends too early, at offset " + std::to_string(offset_));
  }
  return error_;
}

Status JsonScanner::Scan(std::string_view* rest) {
  switch (state_) {
    case State::kString: return ScanString(rest);
    case State::kEscape: return ScanEscape(rest);
    case State::kUnicode: return ScanUnicode(rest);
    case State::kNumber: return ScanNumber(rest);
    case State::kLiteral: return ScanLiteral(rest);
    default: return ScanStructure(rest);
  }
}

Status JsonScanner::ScanStructure(std::string_view* rest) {
  const char c = rest->front();
  if (IsWhiteSpace(c)) {
    Advance(rest, 1);
    return OkStatus();
  }
  token_offset_ = offset_;
  Status status;
  switch (state_) {
    case State::kValueOrEnd: status = c == ']' ? CloseContainer('[') : BeginValue(c); break;
    case State::kValue: status = BeginValue(c); break;
    case State::kKeyOrEnd:
    case State::kKey:
      if (c == '"') {
        status = BeginString(/*is_key=*/true);
      } else if (c == '}' && state_ == State::kKeyOrEnd) {
        status = CloseContainer('{');
      } else {
        return Error("expected a key");
      }
      break;
    case State::kColon:
      if (c != ':') return Error("expected a colon");
      state_ = State::kValue;
      break;
    case State::kCommaOrEnd:
      if (c == ',') {
        state_ = stack_.back() == '{' ? State::kKey : State::kValue;
      } else if (c == '}') {
        status = CloseContainer('{');
      } else if (c == ']') {
        status = CloseContainer('[');
      } else {
        return Error("expected a comma or the end of the container");
      }
      break;
    default: return Error("something follows the document");
  }
  // Numbers and literals begin with their first character, which their own functions take.
  if (status.ok() && state_ != State::kNumber && state_ != State::kLiteral) Advance(rest, 1);
  return status;
}

Status JsonScanner::BeginValue(char c) {
  if (c == '{' || c == '[') return OpenContainer(c);
  if (c == '"') return BeginString(/*is_key=*/false);
  if (c == '-' || IsDigit(c)) {
    state_ = State::kNumber;
    // As if a minus had been read: what may follow it is what a number may begin with.
    number_part_ = NumberPart::kMinus;
    text_.clear();
    return OkStatus();
  }
  literal_text_ = c == 't' ? "true" : c == 'f' ? "false" : c == 'n' ? "null" : "";
  if (literal_text_.empty()) return Error("expected a value");
  literal_ = literal_text_;
  state_ = State::kLiteral;
  return OkStatus();
}

Status JsonScanner::OpenContainer(char kind) {
  if (stack_.size() >= limits_.depth_max) {
    return Error("nested deeper than " + std::to_string(limits_.depth_max));
  }
  stack_.push_back(kind);
  state_ = kind == '{' ? State::kKeyOrEnd : State::kValueOrEnd;
  return kind == '{' ? visitor_->OnBeginObject(offset_) : visitor_->OnBeginArray(offset_);
}

Status JsonScanner::CloseContainer(char kind) {
  if (stack_.back() != kind) return Error("the wrong bracket closes the container");
  stack_.pop_back();
  ValueDone();
  return kind == '{' ? visitor_->OnEndObject(offset_) : visitor_->OnEndArray(offset_);
}

void JsonScanner::ValueDone() { state_ = stack_.empty() ? State::kDone : State::kCommaOrEnd; }

Status JsonScanner::BeginString(bool is_key) {
  state_ = State::kString;
  is_key_ = is_key;
  text_.clear();
  return is_key ? OkStatus() : visitor_->OnStringBegin(offset_);
}

Status JsonScanner::ScanString(std::string_view* rest) {
  if (high_surrogate_ != 0 && rest->front() != '\\') RETURN_IF_ERROR(EmitLoneSurrogate());
  size_t size = 0;
  while (size < rest->size()) {
    const auto byte = static_cast<unsigned char>((*rest)[size]);
    if (utf8_missing_ == 0 && byte < 0x80) {
      // This is where a gigabyte of base64 goes through.
      const size_t plain = FindByte<NotPlain>(rest->substr(size));
      if (plain == 0) break;
      size += plain;
    } else if (TakeUtf8(byte)) {
      ++size;
    } else {
      // What came before counts, or an error would depend on how the text is cut.
      RETURN_IF_ERROR(EmitText(rest->substr(0, size)));
      Advance(rest, size);
      return Error("not UTF-8");
    }
  }
  RETURN_IF_ERROR(EmitText(rest->substr(0, size)));
  Advance(rest, size);
  if (rest->empty()) return OkStatus();
  const char c = rest->front();
  if (c == '"') {
    RETURN_IF_ERROR(EndString());
  } else if (c == '\\') {
    state_ = State::kEscape;
  } else {
    return Error("a control character within a string");
  }
  Advance(rest, 1);
  return OkStatus();
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. False: `byte` cannot stand
// here.
bool JsonScanner::TakeUtf8(unsigned char byte) {
  if (utf8_missing_ > 0) {
    if (byte < utf8_low_ || byte > utf8_high_) return false;
    --utf8_missing_;
    utf8_low_ = 0x80;
    utf8_high_ = 0xbf;
    return true;
  }
  utf8_low_ = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
  utf8_high_ = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
  if (byte >= 0xc2 && byte <= 0xdf) {
    utf8_missing_ = 1;
  } else if (byte >= 0xe0 && byte <= 0xef) {
    utf8_missing_ = 2;
  } else if (byte >= 0xf0 && byte <= 0xf4) {
    utf8_missing_ = 3;
  } else {
    return false;
  }
  return true;
}

Status JsonScanner::ScanEscape(std::string_view* rest) {
  const char c = rest->front();
  if (c == 'u') {
    state_ = State::kUnicode;
    unicode_ = 0;
    unicode_digits_ = 0;
  } else {
    const char plain = SimpleEscape(c);
    if (plain == 0) return Error("no such escape");
    RETURN_IF_ERROR(EmitLoneSurrogate());
    RETURN_IF_ERROR(EmitText(std::string_view(&plain, 1)));
    state_ = State::kString;
  }
  Advance(rest, 1);
  return OkStatus();
}

Status JsonScanner::ScanUnicode(std::string_view* rest) {
  const int digit = HexDigit(rest->front());
  if (digit < 0) return Error("expected four hex digits after \\u");
  Advance(rest, 1);
  unicode_ = unicode_ << 4 | static_cast<uint32_t>(digit);
  if (++unicode_digits_ < 4) return OkStatus();
  state_ = State::kString;
  if (high_surrogate_ != 0 && IsLowSurrogate(unicode_)) {
    const uint32_t code_point = 0x10000 + ((high_surrogate_ & 0x3ff) << 10) + (unicode_ & 0x3ff);
    high_surrogate_ = 0;
    return EmitCodePoint(code_point);
  }
  RETURN_IF_ERROR(EmitLoneSurrogate());
  if (IsHighSurrogate(unicode_)) {
    high_surrogate_ = unicode_;
    return OkStatus();
  }
  return EmitCodePoint(IsLowSurrogate(unicode_) ? kReplacementCharacter : unicode_);
}

// The waiting half of a pair, if any: its partner did not come.
Status JsonScanner::EmitLoneSurrogate() {
  if (high_surrogate_ == 0) return OkStatus();
  high_surrogate_ = 0;
  return EmitCodePoint(kReplacementCharacter);
}

Status JsonScanner::EmitCodePoint(uint32_t code_point) {
  char text[4];
  size_t size = 0;
  const auto put = [&](uint32_t byte) { text[size++] = static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
  return EmitText(std::string_view(text, size));
}

Status JsonScanner::EmitText(std::string_view text) {
  if (text.empty()) return OkStatus();
  if (!is_key_) return visitor_->OnStringPiece(text);
  if (text.size() > limits_.key_bytes_max - text_.size()) {
    return TooLarge("JSON: a key at offset " + std::to_string(token_offset_) + " is longer than " +
                    std::to_string(limits_.key_bytes_max) + " bytes");
  }
  text_ += text;
  return OkStatus();
}

Status JsonScanner::EndString() {
  RETURN_IF_ERROR(EmitLoneSurrogate());
  if (is_key_) {
    state_ = State::kColon;
    return visitor_->OnKey(text_, token_offset_);
  }
  ValueDone();
  return visitor_->OnStringEnd(offset_);
}

Status JsonScanner::ScanNumber(std::string_view* rest) {
  size_t size = 0;
  // The minus itself: only as the first character.
  if (offset_ == token_offset_ && rest->front() == '-') size = 1;
  while (size < rest->size() && TakeNumber((*rest)[size])) ++size;
  if (text_.size() + size > limits_.number_bytes_max) {
    return TooLarge("JSON: the number at offset " + std::to_string(token_offset_) + " is longer than " +
                    std::to_string(limits_.number_bytes_max) + " bytes");
  }
  const std::string_view text = rest->substr(0, size);
  Advance(rest, size);
  if (rest->empty()) {
    text_ += text;
    return OkStatus();
  }
  if (!NumberIsComplete()) return Error("not a number");
  return EmitNumber(text);
}

// `text`: what comes after text_, the part from earlier pieces.
Status JsonScanner::EmitNumber(std::string_view text) {
  ValueDone();
  if (text_.empty()) return visitor_->OnNumber(text, token_offset_);
  text_ += text;
  return visitor_->OnNumber(text_, token_offset_);
}

// Moves on when `c` may continue the number.
bool JsonScanner::TakeNumber(char c) {
  using enum NumberPart;
  const bool is_digit = IsDigit(c);
  const bool is_exponent = c == 'e' || c == 'E';
  const auto move_to = [this](NumberPart part) {
    number_part_ = part;
    return true;
  };
  switch (number_part_) {
    case kMinus: return is_digit && move_to(c == '0' ? kZero : kInteger);
    case kZero: return (c == '.' && move_to(kPoint)) || (is_exponent && move_to(kExponent));
    case kInteger: return is_digit || (c == '.' && move_to(kPoint)) || (is_exponent && move_to(kExponent));
    case kPoint: return is_digit && move_to(kFraction);
    case kFraction: return is_digit || (is_exponent && move_to(kExponent));
    case kExponent: return (is_digit && move_to(kExponentDigits)) || ((c == '+' || c == '-') && move_to(kExponentSign));
    case kExponentSign: return is_digit && move_to(kExponentDigits);
    case kExponentDigits: return is_digit;
  }
  return false;
}

bool JsonScanner::NumberIsComplete() const {
  using enum NumberPart;
  return number_part_ == kZero || number_part_ == kInteger || number_part_ == kFraction ||
         number_part_ == kExponentDigits;
}

Status JsonScanner::ScanLiteral(std::string_view* rest) {
  while (!literal_.empty() && !rest->empty()) {
    if (rest->front() != literal_.front()) return Error("expected a value");
    literal_.remove_prefix(1);
    Advance(rest, 1);
  }
  if (!literal_.empty()) return OkStatus();
  ValueDone();
  return visitor_->OnLiteral(literal_text_, token_offset_);
}

Status JsonScanner::Error(std::string_view what) const {
  return InvalidArgument("JSON: " + std::string(what) + ", at offset " + std::to_string(offset_));
}

}  // namespace tarn::registry
