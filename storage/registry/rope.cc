#include "storage/registry/rope.h"

#include <limits>
#include <utility>

#include "storage/base/check.h"

namespace tarn::registry {
namespace {

// "," as a stored block: not final, type 00, padding, LEN 1, NLEN. It begins and ends on a byte, as
// every stream here does, and refers to nothing.
const DeflateStream& Comma() {
  static const DeflateStream comma = [] {
    const std::string bytes("\x00\x01\x00\xfe\xff,", 6);
    return DeflateStream::FromDeflated(bytes, {.deflated_bytes = bytes.size(), .plain_bytes = 1, .crc32 = 0xe0da836e});
  }();
  return comma;
}

uint32_t EntryBytes(std::string_view entry) {
  CHECK(entry.size() <= std::numeric_limits<uint32_t>::max());
  return static_cast<uint32_t>(entry.size());
}

}  // namespace

bool Rope::IsFull(const Chunk& chunk) const {
  return chunk.entry_bytes.size() >= limits_.chunk_entries_max ||
         chunk.stream.extent().plain_bytes >= limits_.chunk_plain_bytes_max;
}

void Rope::AddChunk(Chunk chunk) {
  if (!chunks_.empty()) {
    Chunk& last = chunks_.back();
    last.stream.DropWindow();
    front_.Extend(last.stream.extent());
    front_.Extend(Comma().extent());
  }
  entry_count_ += chunk.entry_bytes.size();
  chunks_.push_back(std::move(chunk));
}

Status Rope::Append(std::string_view entry) {
  if (chunks_.empty() || IsFull(chunks_.back())) {
    Chunk chunk;
    chunk.entry_bytes.push_back(EntryBytes(entry));
    RETURN_IF_ERROR(chunk.stream.Append(entry));
    chunk.pieces = 1;
    AddChunk(std::move(chunk));
    return OkStatus();
  }
  Chunk& last = chunks_.back();
  std::string piece;
  piece.reserve(entry.size() + 1);
  piece.append(1, ',').append(entry);
  RETURN_IF_ERROR(last.stream.Append(piece));
  last.entry_bytes.push_back(EntryBytes(entry));
  ++last.pieces;
  ++entry_count_;
  return OkStatus();
}

void Rope::Compress(std::string_view plain, Chunk* chunk) {
  chunk->stream = DeflateStream::FromPlain(plain, DeflateEffort::kFast);
  chunk->pieces = 0;
  chunk->runs_deflated_bytes = chunk->stream.extent().deflated_bytes;
  chunk->runs_plain_bytes = plain.size();
}

Rope::Position Rope::Locate(size_t index) const {
  CHECK(index < entry_count_);
  Position position{.chunk = 0, .entry = index, .offset = 0};
  while (position.entry >= chunks_[position.chunk].entry_bytes.size()) {
    position.entry -= chunks_[position.chunk].entry_bytes.size();
    ++position.chunk;
  }
  for (size_t i = 0; i < position.entry; ++i) {
    position.offset += chunks_[position.chunk].entry_bytes[i] + size_t{1};
  }
  return position;
}

Result<std::string> Rope::Entry(size_t index) const {
  const Position position = Locate(index);
  const Chunk& chunk = chunks_[position.chunk];
  ASSIGN_OR_RETURN(const std::string plain, chunk.stream.Plain());
  return plain.substr(position.offset, chunk.entry_bytes[position.entry]);
}

Status Rope::Replace(size_t index, std::string_view entry) {
  const Position position = Locate(index);
  Chunk& chunk = chunks_[position.chunk];
  ASSIGN_OR_RETURN(std::string plain, chunk.stream.Plain());
  plain.replace(position.offset, chunk.entry_bytes[position.entry], entry);
  Compress(plain, &chunk);
  chunk.entry_bytes[position.entry] = EntryBytes(entry);
  ++layout_;
  RecomputeFront();
  return OkStatus();
}

Status Rope::Remove(size_t index) {
  const Position position = Locate(index);
  Chunk& chunk = chunks_[position.chunk];
  if (chunk.entry_bytes.size() == 1) {
    chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(position.chunk));
  } else {
    ASSIGN_OR_RETURN(std::string plain, chunk.stream.Plain());
    // The comma after the entry goes with it; the last entry takes the one before.
    const size_t begin =
        position.offset - (position.offset + chunk.entry_bytes[position.entry] == plain.size() ? 1 : 0);
    plain.erase(begin, chunk.entry_bytes[position.entry] + size_t{1});
    Compress(plain, &chunk);
    chunk.entry_bytes.erase(chunk.entry_bytes.begin() + static_cast<std::ptrdiff_t>(position.entry));
  }
  --entry_count_;
  ++layout_;
  RecomputeFront();
  return OkStatus();
}

void Rope::RecomputeFront() {
  front_ = {};
  for (size_t i = 0; i + 1 < chunks_.size(); ++i) {
    front_.Extend(chunks_[i].stream.extent());
    front_.Extend(Comma().extent());
  }
}

Status Rope::SealJob::Run() {
  ASSIGN_OR_RETURN(const std::string plain, stream_.Plain());
  const std::string_view text = plain;
  run_.clear();
  AppendDeflated(text.substr(0, runs_plain_bytes_), text.substr(runs_plain_bytes_), DeflateEffort::kBest, &run_);
  return OkStatus();
}

bool Rope::WantsSeal(const Chunk& chunk) const {
  return chunk.pieces >= limits_.seal_pieces || (chunk.pieces > 1 && IsFull(chunk));
}

bool Rope::SealNeeded() const {
  for (const Chunk& chunk : chunks_) {
    if (WantsSeal(chunk)) return true;
  }
  return false;
}

std::optional<Rope::SealJob> Rope::NextSeal() const {
  for (size_t i = 0; i < chunks_.size(); ++i) {
    if (!WantsSeal(chunks_[i])) continue;
    SealJob job;
    job.chunk_ = i;
    job.layout_ = layout_;
    job.pieces_ = chunks_[i].pieces;
    job.runs_deflated_bytes_ = chunks_[i].runs_deflated_bytes;
    job.runs_plain_bytes_ = chunks_[i].runs_plain_bytes;
    job.stream_ = chunks_[i].stream;
    job.stream_.DropWindow();
    return job;
  }
  return std::nullopt;
}

bool Rope::Install(SealJob job) {
  if (job.layout_ != layout_) return false;
  CHECK(job.chunk_ < chunks_.size());
  Chunk& chunk = chunks_[job.chunk_];
  CHECK(chunk.pieces >= job.pieces_);
  const DeflateExtent& sealed = job.stream_.extent();
  chunk.stream.ReplacePieces(job.runs_deflated_bytes_, sealed.deflated_bytes, job.run_);
  chunk.runs_deflated_bytes = job.runs_deflated_bytes_ + job.run_.size();
  chunk.runs_plain_bytes = sealed.plain_bytes;
  chunk.pieces -= job.pieces_;
  ++layout_;
  RecomputeFront();
  return true;
}

Status Rope::Seal() {
  while (std::optional<SealJob> job = NextSeal()) {
    RETURN_IF_ERROR(job->Run());
    CHECK(Install(std::move(*job)));
  }
  return OkStatus();
}

void Rope::CollectBuffers(std::vector<SharedBytes>* out) const {
  for (size_t i = 0; i < chunks_.size(); ++i) {
    if (i > 0) out->push_back(Comma().bytes());
    out->push_back(chunks_[i].stream.bytes());
  }
}

DeflateExtent Rope::extent() const {
  DeflateExtent extent = front_;
  if (!chunks_.empty()) extent.Extend(chunks_.back().stream.extent());
  return extent;
}

size_t Rope::memory_bytes() const {
  size_t bytes = chunks_.capacity() * sizeof(Chunk);
  for (const Chunk& chunk : chunks_) {
    bytes += chunk.stream.memory_bytes() + chunk.entry_bytes.capacity() * sizeof(uint32_t);
  }
  return bytes;
}

void RopeBuilder::Append(std::string_view entry) {
  if (!entry_bytes_.empty()) plain_.push_back(',');
  plain_.append(entry);
  entry_bytes_.push_back(EntryBytes(entry));
  if (entry_bytes_.size() >= rope_.limits_.chunk_entries_max || plain_.size() >= rope_.limits_.chunk_plain_bytes_max) {
    CloseChunk();
  }
}

void RopeBuilder::CloseChunk() {
  Rope::Chunk chunk;
  Rope::Compress(plain_, &chunk);
  chunk.entry_bytes = entry_bytes_;  // A copy: exact capacity, and the buffer is used again.
  rope_.AddChunk(std::move(chunk));
  plain_.clear();
  entry_bytes_.clear();
}

Rope RopeBuilder::Finish() {
  if (!entry_bytes_.empty()) CloseChunk();
  return std::move(rope_);
}

}  // namespace tarn::registry
