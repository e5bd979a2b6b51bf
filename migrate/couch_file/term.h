#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace tarn::couch_file {

enum class TermKind : uint8_t {
  kInteger,     // integer
  kBigInteger,  // bytes: the magnitude, little-endian; negative
  kFloat,       // number: finite
  kAtom,        // bytes: the name
  kTuple,       // count: elements that follow
  kList,        // count: elements that follow, at least one, and then the end of the list (ReadListEnd)
  kNil,         // the empty list
  kString,      // bytes: a list of that many small integers
  kBinary,      // bytes
};

struct Token {
  TermKind kind = TermKind::kNil;
  bool negative = false;
  int64_t integer = 0;
  double number = 0;
  uint32_t count = 0;
  std::string_view bytes;
};

// Reads Erlang's external term format front to back, without building anything: what a caller does not need, it skips.
//
// Views point into the bytes given to the constructor. Nothing recurses; counts that the bytes cannot hold are refused
// where they stand. After an error the reader may be anywhere within its bytes, and may still be called.
// Errors: kCorruption, with the offset within the term.
// Threads: as a value type.
class TermReader {
 public:
  TermReader() = default;
  // Of `bytes` without the version byte 131.
  explicit TermReader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return position_ == bytes_.size(); }

  Status Next(Token* token);
  // One whole term, whatever is in it.
  Status Skip();
  // As Skip; its bytes, for a reader of their own.
  Result<std::string_view> TakeTerm();

  // The term must be as named.
  Status ReadTuple(uint32_t count);
  Result<uint32_t> ReadTupleOfAtLeast(uint32_t count_min);
  Result<std::string_view> ReadBinary();
  Result<uint64_t> ReadUnsigned();
  // 0 or 1, or an atom false or true.
  Result<bool> ReadFlag();
  // The number of elements that follow; after the last one comes ReadListEnd(count).
  Result<uint32_t> ReadList();
  Status ReadListEnd(uint32_t count);
  // What the next term is, without reading it; an unknown tag gives kNil and fails when it is read.
  bool NextIsBinary() const { return position_ < bytes_.size() && bytes_[position_] == 'm'; }

 private:
  Status Bad(std::string_view what) const;
  // False if the bytes end too early.
  bool Take(size_t count, std::string_view* bytes) {
    if (count > bytes_.size() - position_) return false;
    *bytes = bytes_.substr(position_, count);
    position_ += count;
    return true;
  }
  bool TakeCounted(size_t length_bytes, std::string_view* bytes);
  bool TakeBig(size_t length_bytes, Token* token);
  // False also if there are fewer bytes than elements.
  bool TakeCount(size_t length_bytes, uint32_t* count);
  bool TakeToken(uint8_t tag, Token* token, std::string_view* wrong);

  std::string_view bytes_;
  size_t position_ = 0;
};

// The term in `chunk`, a stored term (docs/couch-file-format.md, "Stored terms"): plain, snappy or deflate. The view is
// of `chunk` or of `unpacked` (replaced), without the version byte. At most `bytes_max` bytes come of it.
Result<std::string_view> UnpackTerm(std::string_view chunk, size_t bytes_max, std::string* unpacked);

}  // namespace tarn::couch_file
