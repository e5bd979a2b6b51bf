#include "migrate/couch_file/json_writer.h"

#include <array>
#include <charconv>
#include <cstring>
#include <vector>

#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {
namespace {

// True if none of eight bytes needs a look: no control character, quote, backslash, nor anything above ASCII.
bool PlainEight(const char* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof(word));
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101;
  constexpr uint64_t kHigh = 0x8080'8080'8080'8080;
  const auto has_zero = [](uint64_t x) { return (x - kOnes) & ~x & kHigh; };
  const uint64_t control = (word - kOnes * 0x20) & ~word & kHigh;
  return ((word & kHigh) | control | has_zero(word ^ kOnes * '"') | has_zero(word ^ kOnes * '\\')) == 0;
}

// Bytes of the UTF-8 sequence at the beginning of `text`, whose first byte is above ASCII; 0 if it is none (also
// overlong ones, surrogates, and above U+10FFFF).
size_t Utf8Bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto follows = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const uint8_t first = byte(0);
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

void AppendEscaped(char character, std::string* out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (character) {
    case '"': out->append("\\\""); return;
    case '\\': out->append("\\\\"); return;
    case '\b': out->append("\\b"); return;
    case '\f': out->append("\\f"); return;
    case '\n': out->append("\\n"); return;
    case '\r': out->append("\\r"); return;
    case '\t': out->append("\\t"); return;
    default:
      out->append("\\u00");
      out->push_back(kHex[static_cast<uint8_t>(character) >> 4]);
      out->push_back(kHex[static_cast<uint8_t>(character) & 15]);
  }
}

void AppendInteger(int64_t value, std::string* out) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out->append(text.data(), end);
}

void AppendFloat(double value, std::string* out) {
  std::array<char, 40> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  out->append(text);
  if (text.find_first_of(".e") == std::string_view::npos) out->append(".0");
}

// The decimal digits of a magnitude, little-endian, by dividing again and again; its size is limited.
void AppendBigInteger(std::string_view magnitude, bool negative, std::string* out) {
  constexpr uint32_t kBase = 1'000'000'000;
  constexpr size_t kBaseDigits = 9;
  std::vector<uint32_t> words((magnitude.size() + 3) / 4);
  for (size_t i = 0; i < magnitude.size(); ++i) {
    words[i / 4] |= uint32_t{static_cast<uint8_t>(magnitude[i])} << (8 * (i % 4));
  }
  std::string digits;  // The last one first.
  while (!words.empty()) {
    uint64_t rest = 0;
    for (size_t i = words.size(); i-- > 0;) {
      const uint64_t value = rest << 32 | words[i];
      words[i] = static_cast<uint32_t>(value / kBase);
      rest = value % kBase;
    }
    while (!words.empty() && words.back() == 0) words.pop_back();
    for (size_t i = 0; i < kBaseDigits; ++i, rest /= 10) digits.push_back(static_cast<char>('0' + rest % 10));
  }
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  if (negative) out->push_back('-');
  out->append(digits.rbegin(), digits.rend());
}

class Writer {
 public:
  Writer(TermReader* terms, size_t bytes_max, std::string* out, JsonNotes* notes)
      : terms_(terms), bytes_max_(out->size() + bytes_max), out_(out), notes_(notes) {}

  Status WriteObject(ObjectShape shape, std::string_view first_members) {
    if (shape == ObjectShape::kWrapped) RETURN_IF_ERROR(terms_->ReadTuple(1));
    ASSIGN_OR_RETURN(const uint32_t count, terms_->ReadList());
    out_->push_back('{');
    out_->append(first_members);
    if (count == 0) {
      out_->push_back('}');
      return OkStatus();
    }
    if (!first_members.empty()) out_->push_back(',');
    frames_.push_back({count, true});
    RETURN_IF_ERROR(WriteKey());
    while (!frames_.empty()) {
      bool opened = false;
      RETURN_IF_ERROR(WriteValue(&opened));
      if (!opened) RETURN_IF_ERROR(FinishValue());
      if (out_->size() > bytes_max_) return TooLarge("the document's JSON text is over the limit");
    }
    return OkStatus();
  }

 private:
  struct Frame {
    uint32_t left;  // Elements, the present one included.
    bool object;
  };

  Status WriteKey() {
    RETURN_IF_ERROR(terms_->ReadTuple(2));
    Token token;
    RETURN_IF_ERROR(terms_->Next(&token));
    // Keys are binaries; files of the first releases have atoms too.
    if (token.kind != TermKind::kBinary && token.kind != TermKind::kAtom) return Corruption("a key that is no text");
    notes_->replaced += AppendJsonString(token.bytes, out_);
    out_->push_back(':');
    return OkStatus();
  }

  // `*opened` if it began an object or array that has elements.
  Status WriteValue(bool* opened) {
    Token token;
    RETURN_IF_ERROR(terms_->Next(&token));
    switch (token.kind) {
      case TermKind::kBinary: notes_->replaced += AppendJsonString(token.bytes, out_); return OkStatus();
      case TermKind::kInteger: AppendInteger(token.integer, out_); return OkStatus();
      case TermKind::kBigInteger:
        if (token.bytes.size() > limits::kCouchBignumBytesMax) return TooLarge("a number with more than 1,000 digits");
        AppendBigInteger(token.bytes, token.negative, out_);
        return OkStatus();
      case TermKind::kFloat: AppendFloat(token.number, out_); return OkStatus();
      case TermKind::kAtom:
        if (token.bytes != "true" && token.bytes != "false" && token.bytes != "null") {
          return Corruption("an atom that is no JSON value");
        }
        out_->append(token.bytes);
        return OkStatus();
      case TermKind::kNil: out_->append("[]"); return OkStatus();
      case TermKind::kString: WriteSmallIntegers(token.bytes); return OkStatus();
      case TermKind::kList: *opened = true; return Open(token.count, false);
      case TermKind::kTuple: break;
    }
    if (token.count != 1) return Corruption("a tuple that is no JSON object");
    ASSIGN_OR_RETURN(const uint32_t count, terms_->ReadList());
    if (count == 0) {
      out_->append("{}");
      return OkStatus();
    }
    *opened = true;
    return Open(count, true);
  }

  Status Open(uint32_t count, bool object) {
    if (frames_.size() >= limits::kCouchJsonDepthMax) {
      return TooLarge("JSON nested more than " + std::to_string(limits::kCouchJsonDepthMax) + " levels deep");
    }
    frames_.push_back({count, object});
    out_->push_back(object ? '{' : '[');
    return object ? WriteKey() : OkStatus();
  }

  // After a value: a comma and the next key, or the end of what it was the last of.
  Status FinishValue() {
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      if (--frame.left > 0) {
        out_->push_back(',');
        return frame.object ? WriteKey() : OkStatus();
      }
      RETURN_IF_ERROR(terms_->ReadListEnd(1));
      out_->push_back(frame.object ? '}' : ']');
      frames_.pop_back();
    }
    return OkStatus();
  }

  void WriteSmallIntegers(std::string_view bytes) {
    out_->push_back('[');
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (i > 0) out_->push_back(',');
      AppendInteger(static_cast<uint8_t>(bytes[i]), out_);
    }
    out_->push_back(']');
  }

  TermReader* const terms_;
  const size_t bytes_max_;
  std::string* const out_;
  JsonNotes* const notes_;
  std::vector<Frame> frames_;
};

}  // namespace

uint64_t AppendJsonString(std::string_view text, std::string* out) {
  uint64_t replaced = 0;
  out->push_back('"');
  size_t begin = 0;  // Of what can be copied as it is.
  size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= 8 && PlainEight(text.data() + i)) {
      i += 8;
      continue;
    }
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      ++i;
      continue;
    }
    if (byte >= 0x80) {
      if (const size_t bytes = Utf8Bytes(text.substr(i)); bytes > 0) {
        i += bytes;
        continue;
      }
    }
    out->append(text, begin, i - begin);
    if (byte >= 0x80) {
      out->append("\xEF\xBF\xBD");
      ++replaced;
    } else {
      AppendEscaped(text[i], out);
    }
    begin = ++i;
  }
  out->append(text, begin, i - begin);
  out->push_back('"');
  return replaced;
}

Status AppendJsonObject(TermReader* terms, ObjectShape shape, std::string_view first_members, size_t bytes_max,
                        std::string* out, JsonNotes* notes) {
  return Writer(terms, bytes_max, out, notes).WriteObject(shape, first_members);
}

}  // namespace tarn::couch_file
