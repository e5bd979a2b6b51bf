// Persistence of ropes: derived data, so an unknown version is not migrated but rebuilt.
//
// All integers little-endian:
//   u32 magic "TROP"   u16 format version 1   u16 zero   u32 chunks
//   per chunk: u32 entries   u32 pieces   u64 plain bytes   u64 deflated bytes   u32 CRC-32
//              u64 plain bytes of the runs before the pieces   u64 deflated bytes of them
//              entries × u32 length   deflated bytes
//   u64 XXH3-64 of everything before
#include <string>
#include <utility>

#include "storage/base/checksum.h"
#include "storage/registry/byte_reader.h"
#include "storage/registry/rope.h"

namespace tarn::registry {
namespace {

// Written to disk since format 1.
constexpr uint32_t kMagic = 0x504f5254;
constexpr uint16_t kFormatVersion = 1;
static_assert(kMagic == ('T' | 'R' << 8 | 'O' << 16 | 'P' << 24));

Status Damaged(std::string_view what) { return Corruption("rope: " + std::string(what)); }

}  // namespace

std::string Rope::Serialise() const {
  std::string out;
  out.reserve(static_cast<size_t>(extent().deflated_bytes) + entry_count_ * sizeof(uint32_t) + chunks_.size() * 48 +
              32);
  AppendLittleEndian(&out, kMagic);
  AppendLittleEndian(&out, kFormatVersion);
  AppendLittleEndian(&out, uint16_t{0});
  AppendLittleEndian(&out, static_cast<uint32_t>(chunks_.size()));
  for (const Chunk& chunk : chunks_) {
    const DeflateExtent& extent = chunk.stream.extent();
    AppendLittleEndian(&out, static_cast<uint32_t>(chunk.entry_bytes.size()));
    AppendLittleEndian(&out, chunk.pieces);
    AppendLittleEndian(&out, extent.plain_bytes);
    AppendLittleEndian(&out, extent.deflated_bytes);
    AppendLittleEndian(&out, extent.crc32);
    AppendLittleEndian(&out, chunk.runs_plain_bytes);
    AppendLittleEndian(&out, chunk.runs_deflated_bytes);
    for (const uint32_t length : chunk.entry_bytes) AppendLittleEndian(&out, length);
    out.append(*chunk.stream.bytes());
  }
  AppendLittleEndian(&out, Checksum64(out));
  return out;
}

Result<Rope> Rope::Parse(std::string_view bytes, const RopeLimits& limits) {
  if (bytes.size() < sizeof(uint64_t)) return Damaged("too short");
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(uint64_t));
  if (LoadLittleEndian<uint64_t>(bytes.data() + body.size()) != Checksum64(body)) {
    return Damaged("checksum differs");
  }
  ByteReader reader(body);
  uint32_t magic = 0, chunk_count = 0;
  uint16_t version = 0, zero = 0;
  if (!reader.Read(&magic) || magic != kMagic) return Damaged("magic differs");
  if (!reader.Read(&version) || version != kFormatVersion) return Damaged("unknown format version");
  if (!reader.Read(&zero) || !reader.Read(&chunk_count)) return Damaged("header cut off");

  Rope rope(limits);
  for (uint32_t i = 0; i < chunk_count; ++i) {
    Chunk chunk;
    uint32_t entries = 0;
    DeflateExtent extent;
    if (!reader.Read(&entries) || !reader.Read(&chunk.pieces) || !reader.Read(&extent.plain_bytes) ||
        !reader.Read(&extent.deflated_bytes) || !reader.Read(&extent.crc32) || !reader.Read(&chunk.runs_plain_bytes) ||
        !reader.Read(&chunk.runs_deflated_bytes) || entries > reader.remaining() / sizeof(uint32_t)) {
      return Damaged("chunk cut off");
    }
    uint64_t plain_bytes = entries > 0 ? entries - 1 : 0;  // The commas.
    chunk.entry_bytes.resize(entries);
    for (uint32_t& length : chunk.entry_bytes) {
      if (!reader.Read(&length)) return Damaged("chunk cut off");
      plain_bytes += length;
    }
    if (entries == 0 || plain_bytes != extent.plain_bytes) {
      return Damaged("entry lengths do not add up");
    }
    if (chunk.pieces > entries || chunk.runs_plain_bytes > extent.plain_bytes ||
        chunk.runs_deflated_bytes > extent.deflated_bytes) {
      return Damaged("runs and pieces do not add up");
    }
    std::string_view deflated;
    if (!reader.ReadBytes(extent.deflated_bytes, &deflated)) return Damaged("chunk cut off");
    chunk.stream = DeflateStream::FromDeflated(std::string(deflated), extent);
    rope.AddChunk(std::move(chunk));
  }
  if (reader.remaining() != 0) return Damaged("bytes after the last chunk");
  return rope;
}

}  // namespace tarn::registry
