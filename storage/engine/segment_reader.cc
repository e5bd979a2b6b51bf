#include "storage/engine/segment_reader.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/checksum.h"
#include "storage/base/digest.h"
#include "storage/engine/block_checksums.h"

namespace tarn::engine {

Result<std::string_view> ForwardReader::Read(uint64_t offset, size_t size) {
  if (!Has(offset, size)) {
    return Damage(offset, "needs " + std::to_string(size) + " bytes, the file has " +
                              std::to_string(limit_bytes_ - std::min(limit_bytes_, offset)));
  }
  const bool in_window = offset >= window_offset_ && offset + size <= window_offset_ + window_.size();
  if (!in_window) {
    const uint64_t wanted = std::min<uint64_t>(std::max(size, window_bytes_), limit_bytes_ - offset);
    RETURN_IF_ERROR(segment_.file->ReadAt(offset, wanted, &window_));
    window_offset_ = offset;
    bytes_read_ += window_.size();
    if (window_.size() < size) return Damage(offset, "the file became shorter while it was read");
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

Status ForwardReader::ReadPieces(uint64_t offset, uint64_t size, const std::function<void(std::string_view)>& consume) {
  if (!Has(offset, size)) return Damage(offset, "record is longer than the file");
  while (size > 0) {
    // What the window still has, or a whole new one.
    const uint64_t window_end = window_offset_ + window_.size();
    const uint64_t rest = offset >= window_offset_ && offset < window_end ? window_end - offset : window_bytes_;
    ASSIGN_OR_RETURN(const std::string_view piece, Read(offset, std::min(size, rest)));
    consume(piece);
    offset += piece.size();
    size -= piece.size();
  }
  return OkStatus();
}

Result<RecordHeader> ForwardReader::ReadHeader(uint64_t offset) {
  ASSIGN_OR_RETURN(const std::string_view bytes, Read(offset, kRecordHeaderBytes));
  Result<RecordHeader> header = DecodeRecordHeader(bytes);
  if (!header.ok()) return header.status().WithContext(segment_.name + " offset " + std::to_string(offset));
  return header;
}

Status ForwardReader::Damage(uint64_t offset, std::string_view what) const {
  return Corruption(segment_.name + " offset " + std::to_string(offset) + ": " + std::string(what));
}

Result<SegmentHeader> ReadSegmentHeader(const File& file, SegmentId id) {
  std::string bytes;
  RETURN_IF_ERROR(file.ReadAt(0, kSegmentHeaderBytes, &bytes));
  if (bytes.size() < kSegmentHeaderBytes) return Corruption("shorter than a segment header");
  ASSIGN_OR_RETURN(const SegmentHeader header, DecodeSegmentHeader(bytes));
  if (header.id != id) return Corruption("header of segment " + std::to_string(header.id.value()));
  return header;
}

bool LooksLikeSealedSolo(const File& file, uint64_t size_bytes) {
  const uint64_t end_bytes = FooterBytes(1);
  if (size_bytes < end_bytes) return false;
  std::string bytes;
  if (!file.ReadAt(size_bytes - end_bytes, end_bytes, &bytes).ok() || bytes.size() < end_bytes) return false;
  const Result<RecordHeader> header = DecodeRecordHeader(std::string_view(bytes).substr(0, kRecordHeaderBytes));
  if (!header.ok()) return false;
  const auto* footer = std::get_if<FooterHeader>(&*header);
  return footer != nullptr && footer->entry_count == 1 && footer->last_lsn == Lsn();
}

Status CheckBlob(ForwardReader& reader, uint64_t offset, const BlobInfo& info, BlobStore::Depth depth,
                 const std::function<void(std::string_view)>& consume) {
  if (!reader.Has(offset, BlobRecordBytes(info.size_bytes)))
    return reader.Damage(offset, "blob is longer than the file");
  const bool check_digest = depth == BlobStore::Depth::kDigest;
  BlockChecksums blocks;
  BlobHasher hasher;
  const uint64_t payload_offset = offset + kRecordHeaderBytes;
  RETURN_IF_ERROR(reader.ReadPieces(payload_offset, info.size_bytes, [&](std::string_view piece) {
    blocks.Update(piece);
    if (check_digest) hasher.Update(piece);
    if (consume) consume(piece);
  }));
  const uint64_t padding_bytes = PaddedBytes(info.size_bytes) - info.size_bytes;
  ASSIGN_OR_RETURN(const std::string_view padding, reader.Read(payload_offset + info.size_bytes, padding_bytes));
  if (padding.find_first_not_of('\0') != std::string_view::npos) {
    return reader.Damage(payload_offset + info.size_bytes, "padding of a blob is not zero");
  }
  if (consume) consume(padding);

  const std::vector<uint64_t> sums = blocks.Finish();
  const uint64_t table_offset = payload_offset + PaddedBytes(info.size_bytes);
  std::string table;
  RETURN_IF_ERROR(reader.ReadPieces(table_offset, sums.size() * sizeof(uint64_t),
                                    [&table](std::string_view piece) { table.append(piece); }));
  for (size_t i = 0; i < sums.size(); ++i) {
    if (LoadLittleEndian<uint64_t>(table.data() + i * sizeof(uint64_t)) == sums[i]) continue;
    return reader.Damage(payload_offset + i * limits::kBlobBlockBytes,
                         "checksum of block " + std::to_string(i) + " of blob " + HexEncode(info.sha512.view()));
  }
  if (consume) consume(table);
  if (!check_digest) return OkStatus();
  const BlobHasher::Digests digests = hasher.Finish();
  if (digests.sha512 != info.sha512) return reader.Damage(offset, "SHA-512 of blob " + HexEncode(info.sha512.view()));
  if (digests.sha1 != info.sha1) return reader.Damage(offset, "SHA-1 of blob " + HexEncode(info.sha512.view()));
  return OkStatus();
}

Result<Footer> ReadFooter(ForwardReader& reader, uint64_t offset) {
  ASSIGN_OR_RETURN(const RecordHeader record, reader.ReadHeader(offset));
  const auto* header = std::get_if<FooterHeader>(&record);
  if (header == nullptr) return reader.Damage(offset, "no footer");
  const SegmentFile& segment = reader.segment();
  if (header->salt != segment.header.salt) return reader.Damage(offset, "footer of another segment");
  if (offset + FooterBytes(header->entry_count) != reader.limit_bytes()) {
    return reader.Damage(offset, "footer does not end the file");
  }
  const uint64_t entries_bytes = header->entry_count * kFooterEntryBytes;
  std::string table;
  RETURN_IF_ERROR(reader.ReadPieces(offset + kRecordHeaderBytes, entries_bytes,
                                    [&table](std::string_view piece) { table.append(piece); }));
  if (Checksum64(table) != header->entries_checksum) return reader.Damage(offset, "checksum of the footer's table");
  Footer footer{*header, {}};
  footer.entries.reserve(header->entry_count);
  for (uint64_t at = 0; at < entries_bytes; at += kFooterEntryBytes) {
    ASSIGN_OR_RETURN(const FooterEntry entry, DecodeFooterEntry(std::string_view(table).substr(at, kFooterEntryBytes)));
    footer.entries.push_back(entry);
  }
  const uint64_t marker_offset = offset + kRecordHeaderBytes + entries_bytes;
  ASSIGN_OR_RETURN(const std::string_view marker, reader.Read(marker_offset, kEndMarkerBytes));
  const Result<uint64_t> marked = DecodeEndMarker(marker, segment.header.salt);
  if (!marked.ok() || *marked != offset) return reader.Damage(marker_offset, "end marker");
  return footer;
}

Result<std::optional<uint64_t>> FindFooter(ForwardReader& reader) {
  const std::optional<uint64_t> none;
  if (reader.limit_bytes() < kSegmentHeaderBytes + FooterBytes(0)) return none;
  ASSIGN_OR_RETURN(const std::string_view marker, reader.Read(reader.limit_bytes() - kEndMarkerBytes, kEndMarkerBytes));
  const Result<uint64_t> offset = DecodeEndMarker(marker, reader.segment().header.salt);
  if (!offset.ok()) return none;
  const Result<Footer> footer = ReadFooter(reader, *offset);
  if (footer.ok()) return std::optional<uint64_t>(*offset);
  if (footer.code() == Code::kCorruption) return none;
  return footer.status();
}

}  // namespace tarn::engine
