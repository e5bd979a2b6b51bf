#include "storage/base/bytes.h"

#include <array>

namespace tarn {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr char kStandardAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kUrlAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr uint8_t kInvalid = 0xff;

constexpr std::array<uint8_t, 256> MakeDecodeTable() {
  std::array<uint8_t, 256> table{};
  for (auto& entry : table) entry = kInvalid;
  for (uint8_t i = 0; i < 64; ++i) table[static_cast<uint8_t>(kStandardAlphabet[i])] = i;
  return table;
}
constexpr std::array<uint8_t, 256> kDecodeTable = MakeDecodeTable();

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Encode(std::string_view bytes, const char* alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  size_t i = 0;
  const auto at = [&](size_t k) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[k])); };
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t v = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out.push_back(alphabet[v >> 18]);
    out.push_back(alphabet[v >> 12 & 63]);
    out.push_back(alphabet[v >> 6 & 63]);
    out.push_back(alphabet[v & 63]);
  }
  const size_t rest = bytes.size() - i;
  if (rest == 0) return out;
  const uint32_t v = at(i) << 16 | (rest == 2 ? at(i + 1) << 8 : 0);
  out.push_back(alphabet[v >> 18]);
  out.push_back(alphabet[v >> 12 & 63]);
  if (rest == 2) out.push_back(alphabet[v >> 6 & 63]);
  if (pad) out.append(rest == 2 ? "=" : "==");
  return out;
}

Status BadCharacter(uint64_t offset) {
  return InvalidArgument("base64: unexpected character at offset " + std::to_string(offset));
}

}  // namespace

std::string HexEncode(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out.push_back(kHexDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kHexDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

Result<std::string> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) return InvalidArgument("hex: odd length " + std::to_string(text.size()));
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexValue(text[i]);
    const int low = HexValue(text[i + 1]);
    if (high < 0 || low < 0) return InvalidArgument("hex: unexpected character at offset " + std::to_string(i));
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

std::string Base64Encode(std::string_view bytes) { return Encode(bytes, kStandardAlphabet, true); }
std::string Base64UrlEncode(std::string_view bytes) { return Encode(bytes, kUrlAlphabet, false); }

Result<std::string> Base64Decode(std::string_view text) {
  Base64StreamDecoder decoder;
  std::string out;
  RETURN_IF_ERROR(decoder.Decode(text, &out));
  RETURN_IF_ERROR(decoder.Finish());
  return out;
}

Status Base64StreamDecoder::Decode(std::string_view text, std::string* out) {
  // Bring the stream to a group boundary, then decode whole groups without bookkeeping.
  if (group_count_ != 0 || padding_ != 0) {
    const size_t head =
        padding_ != 0 ? text.size() : std::min<size_t>(text.size(), static_cast<size_t>(4 - group_count_));
    RETURN_IF_ERROR(DecodeSlow(text.substr(0, head), out));
    text.remove_prefix(head);
    // The head may have ended the stream; the fast path below would not notice.
    if (padding_ != 0) return DecodeSlow(text, out);
  }
  const auto* in = reinterpret_cast<const uint8_t*>(text.data());
  const size_t groups = text.size() / 4;
  const size_t start = out->size();
  out->resize(start + groups * 3);
  char* target = out->data() + start;
  size_t done = 0;
  for (; done < groups; ++done, in += 4, target += 3) {
    const uint32_t a = kDecodeTable[in[0]];
    const uint32_t b = kDecodeTable[in[1]];
    const uint32_t c = kDecodeTable[in[2]];
    const uint32_t d = kDecodeTable[in[3]];
    if ((a | b | c | d) & 0xc0) break;  // Padding or an error: the careful path decides.
    const uint32_t v = a << 18 | b << 12 | c << 6 | d;
    target[0] = static_cast<char>(v >> 16);
    target[1] = static_cast<char>(v >> 8);
    target[2] = static_cast<char>(v);
  }
  out->resize(start + done * 3);
  offset_ += done * 4;
  return DecodeSlow(text.substr(done * 4), out);
}

Status Base64StreamDecoder::DecodeSlow(std::string_view text, std::string* out) {
  for (const char c : text) {
    const uint8_t value = kDecodeTable[static_cast<uint8_t>(c)];
    if (c == '=') {
      // Padding may only be the third and fourth, or the fourth character of a group.
      if (group_count_ < 2 || padding_ == 2) return BadCharacter(offset_);
      ++padding_;
      group_ <<= 6;
    } else if (value == kInvalid || padding_ != 0) {
      return BadCharacter(offset_);
    } else {
      group_ = group_ << 6 | value;
    }
    ++offset_;
    if (++group_count_ < 4) continue;
    const int bytes = 3 - padding_;
    for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(group_ >> (16 - 8 * i)));
    group_ = 0;
    group_count_ = 0;
  }
  return OkStatus();
}

Status Base64StreamDecoder::Finish() const {
  if (group_count_ != 0) {
    return InvalidArgument("base64: ends within a group, after " + std::to_string(offset_) + " characters");
  }
  return OkStatus();
}

}  // namespace tarn
