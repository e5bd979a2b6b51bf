#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/limits.h"
#include "storage/base/result.h"
#include "storage/registry/deflate_stream.h"

namespace tarn::registry {

// Tests make these small to meet many chunks.
struct RopeLimits {
  size_t chunk_entries_max = limits::kRopeChunkEntriesMax;
  uint64_t chunk_plain_bytes_max = limits::kRopeChunkPlainBytesMax;
  size_t seal_pieces = limits::kRopeSealPieces;
};

// A sequence of strings joined by commas, kept as deflate blocks: the members of a JSON object that
// mostly grows at its end.
//
// Entries are grouped into chunks. A chunk is a DeflateStream of its own, holding its entries with
// commas between them; the comma between two chunks is a constant six-byte stored block outside
// both. So a chunk never depends on its neighbours, and a change in the middle, of the first entry
// too, rewrites one chunk.
//
// The last chunk grows by primed pieces (about 100 us per entry, whatever the rope's length) until
// it is full. Pieces cost space, 1.25 to 1.35 times the necessary: after seal_pieces of them they
// want to be sealed, that is compressed anew in one run, primed as they were. That is never done by
// Append, but by whoever looks at SealNeeded(). A chunk holds more entries than one seal because it
// starts without history, which costs the size of one entry compressed alone: on the manifests of
// typescript 14 % in chunks of 64, 3.5 % of 256, 2.6 % of 512.
//
// The rope keeps no plain text, only the length of each entry, and inflates a chunk it has to
// change: 0.3 ms next to the 6 ms of compressing it, where plain text would take ten times the
// memory, and asking somebody else for it could be answered with something else.
//
// Threads: one at a time; the collected buffers are immutable and may be used by any thread.
class Rope {
 public:
  explicit Rope(const RopeLimits& limits = {}) : limits_(limits) {}
  Rope(Rope&&) noexcept = default;
  Rope& operator=(Rope&&) noexcept = default;

  size_t entry_count() const { return entry_count_; }
  size_t chunk_count() const { return chunks_.size(); }

  // kCorruption (here and below): a chunk does not inflate to what went in; nothing has changed,
  // rebuild the rope. `index` counts entries from 0 and must be below entry_count().
  [[nodiscard]] Status Append(std::string_view entry);
  [[nodiscard]] Status Replace(size_t index, std::string_view entry);
  [[nodiscard]] Status Remove(size_t index);
  [[nodiscard]] Result<std::string> Entry(size_t index) const;

  // A chunk taken out to be compressed anew where nobody waits for it. A job holds what it needs:
  // run it on any thread, without any lock.
  class SealJob {
   public:
    // kCorruption as above. 2 to 4 ms of CPU.
    [[nodiscard]] Status Run();

   private:
    friend class Rope;
    size_t chunk_ = 0;
    uint64_t layout_ = 0;
    uint32_t pieces_ = 0;
    uint64_t runs_deflated_bytes_ = 0;
    uint64_t runs_plain_bytes_ = 0;
    DeflateStream stream_;
    std::string run_;
  };
  bool SealNeeded() const;
  // nullopt: nothing to seal.
  std::optional<SealJob> NextSeal() const;
  // Puts the result of a job that has run in place; what was appended to the chunk since stays
  // behind it. False, and nothing done, when the rope was edited or that chunk sealed meanwhile.
  bool Install(SealJob job);
  // All of it here and now.
  [[nodiscard]] Status Seal();

  // The whole sequence: what CollectBuffers adds to `out`, concatenated, is a run of deflate blocks
  // of this extent.
  void CollectBuffers(std::vector<SharedBytes>* out) const;
  DeflateExtent extent() const;
  // Heap bytes, shared ones included.
  size_t memory_bytes() const;

  // Derived data on disk; see rope_format.cc for the layout.
  std::string Serialise() const;
  // kCorruption: checksum, length or structure; says which.
  static Result<Rope> Parse(std::string_view bytes, const RopeLimits& limits = {});

 private:
  friend class RopeBuilder;
  struct Chunk {
    DeflateStream stream;
    std::vector<uint32_t> entry_bytes;
    uint32_t pieces = 0;  // At the end of the stream, each of one entry; before them are runs.
    uint64_t runs_deflated_bytes = 0;
    uint64_t runs_plain_bytes = 0;
  };
  struct Position {
    size_t chunk;
    size_t entry;   // Within the chunk.
    size_t offset;  // Of the entry in the chunk's plain text.
  };

  bool IsFull(const Chunk& chunk) const;
  bool WantsSeal(const Chunk& chunk) const;
  // The chunk's whole plain text in one run.
  static void Compress(std::string_view plain, Chunk* chunk);
  void AddChunk(Chunk chunk);
  Position Locate(size_t index) const;
  void RecomputeFront();

  RopeLimits limits_;
  size_t entry_count_ = 0;
  uint64_t layout_ = 0;  // Counts the changes that are not appending; a job is for one layout.
  std::vector<Chunk> chunks_;
  // All chunks but the last, each with the comma after it: extent() need not go through them.
  DeflateExtent front_;
};

// Makes a rope out of many entries, each chunk compressed in one run. Holds the plain text of one
// chunk.
class RopeBuilder {
 public:
  explicit RopeBuilder(const RopeLimits& limits = {}) : rope_(limits) {}
  void Append(std::string_view entry);
  // Once.
  Rope Finish();

 private:
  void CloseChunk();

  Rope rope_;
  std::string plain_;
  std::vector<uint32_t> entry_bytes_;
};

}  // namespace tarn::registry
