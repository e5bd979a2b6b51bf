#include "migrate/couch_file/term.h"

#include <zlib.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "migrate/couch_file/snappy.h"
#include "storage/base/bytes.h"

namespace tarn::couch_file {
namespace {

// Tags of Erlang's external term format (erts, "External Term Format"), those that occur in database files.
enum Tag : uint8_t {
  kNewFloat = 70,
  kSmallInteger = 97,
  kInteger = 98,
  kFloatText = 99,
  kAtom = 100,
  kSmallTuple = 104,
  kLargeTuple = 105,
  kNil = 106,
  kString = 107,
  kList = 108,
  kBinary = 109,
  kSmallBig = 110,
  kLargeBig = 111,
  kSmallAtom = 115,
  kAtomUtf8 = 118,
  kSmallAtomUtf8 = 119,
};

constexpr uint8_t kSnappyPrefix = 1;
constexpr uint8_t kVersion = 131;
constexpr uint8_t kCompressed = 80;
constexpr size_t kFloatTextBytes = 31;

uint64_t LoadBig(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

// Decimal text, filled up with zeroes.
bool ParseFloat(std::string_view text, double* number) {
  text = text.substr(0, text.find('\0'));
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && std::isfinite(*number);
}

// Zlib gives at most about 1,032 bytes for one.
constexpr uint64_t kInflateRatioMax = 1100;

Status Inflate(std::string_view deflated, size_t size, std::string* out) {
  if (size / kInflateRatioMax > deflated.size())
    return Corruption("a deflated term claims more bytes than it can hold");
  out->resize(size);
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return ResourceExhausted("no memory to inflate");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(deflated.data()));
  stream.avail_in = static_cast<uInt>(deflated.size());
  stream.next_out = reinterpret_cast<Bytef*>(out->data());
  stream.avail_out = static_cast<uInt>(size);
  const int code = inflate(&stream, Z_FINISH);
  const bool whole = code == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
  inflateEnd(&stream);
  return whole ? OkStatus() : Corruption("a deflated term does not inflate to the size it claims");
}

}  // namespace

Status TermReader::Bad(std::string_view what) const {
  return Corruption("term, offset " + std::to_string(position_) + ": " + std::string(what));
}

bool TermReader::TakeCounted(size_t length_bytes, std::string_view* bytes) {
  return Take(length_bytes, bytes) && Take(static_cast<size_t>(LoadBig(*bytes)), bytes);
}

bool TermReader::TakeCount(size_t length_bytes, uint32_t* count) {
  std::string_view length;
  if (!Take(length_bytes, &length)) return false;
  *count = static_cast<uint32_t>(LoadBig(length));
  // Every element has at least one byte.
  return *count <= bytes_.size() - position_;
}

bool TermReader::TakeBig(size_t length_bytes, Token* token) {
  std::string_view length;
  std::string_view sign;
  if (!Take(length_bytes, &length) || !Take(1, &sign)) return false;
  if (!Take(static_cast<size_t>(LoadBig(length)), &token->bytes)) return false;
  token->negative = sign[0] != 0;
  while (token->bytes.ends_with('\0')) token->bytes.remove_suffix(1);
  token->kind = TermKind::kBigInteger;
  if (token->bytes.size() > sizeof(uint64_t)) return true;
  uint64_t magnitude = 0;
  for (size_t i = token->bytes.size(); i-- > 0;) magnitude = magnitude << 8 | static_cast<uint8_t>(token->bytes[i]);
  if (magnitude > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return true;
  token->kind = TermKind::kInteger;
  token->integer = token->negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
  return true;
}

Status TermReader::Next(Token* token) {
  std::string_view bytes;
  if (!Take(1, &bytes)) return Bad("the bytes end too early");
  std::string_view wrong = "the bytes end too early";
  if (TakeToken(static_cast<uint8_t>(bytes[0]), token, &wrong)) return OkStatus();
  return Bad(wrong);
}

// What follows `tag`; false says in `*wrong` why not, if it is not that the bytes end too early.
bool TermReader::TakeToken(uint8_t tag, Token* token, std::string_view* wrong) {
  std::string_view bytes;
  switch (tag) {
    case kBinary: token->kind = TermKind::kBinary; return TakeCounted(4, &token->bytes);
    case kSmallTuple:
    case kLargeTuple:
      token->kind = TermKind::kTuple;
      *wrong = "more elements than bytes";
      return TakeCount(tag == kSmallTuple ? 1 : 4, &token->count);
    case kNil: token->kind = TermKind::kNil; return true;
    case kList:
      token->kind = TermKind::kList;
      *wrong = "a list of nothing, or of more elements than bytes";
      return TakeCount(4, &token->count) && token->count > 0;
    case kSmallInteger:
      token->kind = TermKind::kInteger;
      if (!Take(1, &bytes)) return false;
      token->integer = static_cast<uint8_t>(bytes[0]);
      return true;
    case kInteger:
      token->kind = TermKind::kInteger;
      if (!Take(4, &bytes)) return false;
      token->integer = static_cast<int32_t>(LoadBig(bytes));
      return true;
    case kSmallBig:
    case kLargeBig: return TakeBig(tag == kSmallBig ? 1 : 4, token);
    case kAtom:
    case kAtomUtf8: token->kind = TermKind::kAtom; return TakeCounted(2, &token->bytes);
    case kSmallAtom:
    case kSmallAtomUtf8: token->kind = TermKind::kAtom; return TakeCounted(1, &token->bytes);
    case kString: token->kind = TermKind::kString; return TakeCounted(2, &token->bytes);
    case kNewFloat:
      token->kind = TermKind::kFloat;
      if (!Take(8, &bytes)) return false;
      token->number = std::bit_cast<double>(LoadBig(bytes));
      *wrong = "not a finite number";
      return std::isfinite(token->number);
    case kFloatText:
      token->kind = TermKind::kFloat;
      if (!Take(kFloatTextBytes, &bytes)) return false;
      *wrong = "not a finite number";
      return ParseFloat(bytes, &token->number);
    default: *wrong = "an unknown tag"; return false;
  }
}

Status TermReader::Skip() {
  Token token;
  // Each token takes a byte at least, so that this cannot outgrow the bytes by much.
  for (uint64_t left = 1; left > 0; --left) {
    RETURN_IF_ERROR(Next(&token));
    if (token.kind == TermKind::kTuple) left += token.count;
    if (token.kind == TermKind::kList) left += uint64_t{token.count} + 1;
  }
  return OkStatus();
}

Result<std::string_view> TermReader::TakeTerm() {
  const size_t begin = position_;
  RETURN_IF_ERROR(Skip());
  return bytes_.substr(begin, position_ - begin);
}

Status TermReader::ReadTuple(uint32_t count) {
  // Nearly always; the rest finds out what it is instead.
  if (bytes_.size() - position_ > 2 && bytes_[position_] == kSmallTuple &&
      static_cast<uint8_t>(bytes_[position_ + 1]) == count && count <= bytes_.size() - position_ - 2) {
    position_ += 2;
    return OkStatus();
  }
  Token token;
  RETURN_IF_ERROR(Next(&token));
  if (token.kind != TermKind::kTuple || token.count != count) {
    return Bad("not a tuple of " + std::to_string(count) + " elements");
  }
  return OkStatus();
}

Result<uint32_t> TermReader::ReadTupleOfAtLeast(uint32_t count_min) {
  Token token;
  RETURN_IF_ERROR(Next(&token));
  if (token.kind != TermKind::kTuple || token.count < count_min) {
    return Bad("not a tuple of at least " + std::to_string(count_min) + " elements");
  }
  return token.count;
}

Result<std::string_view> TermReader::ReadBinary() {
  Token token;
  RETURN_IF_ERROR(Next(&token));
  if (token.kind != TermKind::kBinary) return Bad("not a binary");
  return token.bytes;
}

Result<uint64_t> TermReader::ReadUnsigned() {
  Token token;
  RETURN_IF_ERROR(Next(&token));
  if (token.kind != TermKind::kInteger || token.integer < 0) return Bad("not an integer from 0 to 2^63 - 1");
  return static_cast<uint64_t>(token.integer);
}

Result<bool> TermReader::ReadFlag() {
  Token token;
  RETURN_IF_ERROR(Next(&token));
  if (token.kind == TermKind::kInteger && (token.integer == 0 || token.integer == 1)) return token.integer == 1;
  if (token.kind == TermKind::kAtom && (token.bytes == "true" || token.bytes == "false")) return token.bytes == "true";
  return Bad("not a flag");
}

Result<uint32_t> TermReader::ReadList() {
  Token token;
  RETURN_IF_ERROR(Next(&token));
  if (token.kind == TermKind::kNil) return uint32_t{0};
  if (token.kind != TermKind::kList) return Bad("not a list");
  return token.count;
}

Status TermReader::ReadListEnd(uint32_t count) {
  if (count == 0) return OkStatus();
  if (position_ < bytes_.size() && bytes_[position_] == kNil) {
    ++position_;
    return OkStatus();
  }
  Token token;
  RETURN_IF_ERROR(Next(&token));
  return token.kind == TermKind::kNil ? OkStatus() : Bad("a list that does not end");
}

Result<std::string_view> UnpackTerm(std::string_view chunk, size_t bytes_max, std::string* unpacked) {
  if (chunk.empty()) return Corruption("a stored term is empty");
  if (static_cast<uint8_t>(chunk[0]) == kSnappyPrefix) {
    RETURN_IF_ERROR(SnappyDecode(chunk.substr(1), bytes_max, unpacked));
    chunk = *unpacked;
  }
  if (chunk.empty() || static_cast<uint8_t>(chunk[0]) != kVersion) {
    return Corruption("a stored term begins with neither 1 nor 131");
  }
  chunk.remove_prefix(1);
  if (chunk.empty() || static_cast<uint8_t>(chunk[0]) != kCompressed) return chunk;
  if (chunk.size() < 5) return Corruption("a deflated term is cut off");
  const auto size = static_cast<size_t>(LoadBig(chunk.substr(1, 4)));
  if (size > bytes_max) {
    return TooLarge("a deflated term has " + std::to_string(size) + " bytes; at most " + std::to_string(bytes_max) +
                    " are read");
  }
  std::string plain;
  RETURN_IF_ERROR(Inflate(chunk.substr(5), size, &plain));
  *unpacked = std::move(plain);
  return std::string_view(*unpacked);
}

}  // namespace tarn::couch_file
