#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace tarn::registry {

// Bytes that never change once made. Owners: the rope they belong to, and every response body that
// is being sent.
using SharedBytes = std::shared_ptr<const std::string>;

// How far back a deflate block may refer (RFC 1951, section 2).
inline constexpr size_t kDeflateWindowBytes = 32 * 1024;

// zlib levels. kFast where somebody waits (80 to 160 us per appended version), kBest in the
// background.
enum class DeflateEffort : int { kFast = 6, kBest = 9 };

// What the assembly of a gzip member must know about a run of deflate blocks, without looking at
// them.
struct DeflateExtent {
  uint64_t deflated_bytes = 0;
  uint64_t plain_bytes = 0;
  uint32_t crc32 = 0;  // Of the plain bytes, as in a gzip trailer.

  // This run followed by `next`.
  void Extend(const DeflateExtent& next);
  bool operator==(const DeflateExtent&) const = default;
};

// An append-only raw deflate stream, made of pieces compressed at different times.
//
// Each piece is primed with up to 32 KiB of plain text that the stream already holds, so that it
// refers back as one continuous compression would, and ends with a sync flush, so that it ends on a
// byte. No block is marked final. Nothing in a stream refers to what was before its own start:
// streams may be concatenated, left out and put in another order. The window of plain text is kept
// only by streams that are being appended to; others find it again by inflating themselves (1 to 2
// ms per MB), because 32 KiB each would be most of the memory of a cached packument of ordinary
// size.
//
// Threads: one at a time per object; bytes() may be used by any thread once taken.
class DeflateStream {
 public:
  DeflateStream() = default;
  // All of `plain` in one run.
  static DeflateStream FromPlain(std::string_view plain, DeflateEffort effort);
  // As it was persisted. Nothing is checked here: Plain() and Append() find out.
  static DeflateStream FromDeflated(std::string deflated, const DeflateExtent& extent);

  // Appends a piece. Copies the deflated bytes so far: earlier holders of bytes() keep what they
  // have. kCorruption when the stream's own bytes do not inflate to what the extent says; then
  // nothing has changed.
  [[nodiscard]] Status Append(std::string_view plain);
  // Inflates everything. kCorruption: length or CRC-32 differ from the extent, or it is not
  // deflate.
  [[nodiscard]] Result<std::string> Plain() const;

  // Puts `run` in the place of the deflated bytes [begin, end), whole pieces that inflate to the
  // same. What follows refers back to plain text and so need not be touched.
  void ReplacePieces(uint64_t begin, uint64_t end, std::string_view run);

  // Never null.
  const SharedBytes& bytes() const { return bytes_; }
  const DeflateExtent& extent() const { return extent_; }
  // Forgets the window, for a stream that will rarely be appended to again.
  void DropWindow();
  // Heap bytes, shared ones included.
  size_t memory_bytes() const;

 private:
  [[nodiscard]] Status RecoverWindow();
  void SlideWindow(std::string_view plain);

  static const SharedBytes& EmptyBytes();

  SharedBytes bytes_ = EmptyBytes();
  DeflateExtent extent_;
  std::string window_;  // The last min(plain_bytes, 32 KiB) of plain text, or empty when dropped.
};

// Appends blocks for `plain` to `out`, primed with the last 32 KiB of `history`, ended by a sync
// flush.
DeflateExtent AppendDeflated(std::string_view history, std::string_view plain, DeflateEffort effort, std::string* out);

// Appends exactly extent.plain_bytes inflated from `deflated` (whole streams as above, concatenated
// or not) to `out`. kCorruption: not deflate, other length, other CRC-32; then `out` is as before.
[[nodiscard]] Status AppendInflated(std::string_view deflated, const DeflateExtent& extent, std::string* out);

}  // namespace tarn::registry
