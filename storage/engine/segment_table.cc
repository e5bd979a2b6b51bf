#include "storage/engine/segment_table.h"

#include <algorithm>

#include "storage/base/checksum.h"

namespace tarn::engine {

void SegmentTable::Add(const RecordHeader& header, uint64_t offset_bytes) {
  if (std::holds_alternative<TrailerHeader>(header)) return;
  entries_.push_back(FooterEntryOf(header, offset_bytes));
  if (const auto* blob = std::get_if<BlobHeader>(&header)) blob_bytes_ += blob->info.size_bytes;
  if (const auto* log = std::get_if<LogHeader>(&header)) {
    if (first_lsn_ == Lsn()) first_lsn_ = log->lsn;
    last_lsn_ = log->lsn;
    chain_hash_ = log->chain_hash;
  }
}

std::string SegmentTable::EncodeFooter(uint64_t offset_bytes, uint64_t salt) const {
  std::string out;
  out.reserve(FooterBytes(entries_.size()));
  out.resize(kRecordHeaderBytes);  // Filled in when the checksum is known.
  for (const FooterEntry& entry : entries_) AppendFooterEntry(&out, entry);
  std::string header;
  AppendRecordHeader(&header,
                     FooterHeader{.first_lsn = first_lsn_,
                                  .last_lsn = last_lsn_,
                                  .entry_count = entries_.size(),
                                  .blob_bytes = blob_bytes_,
                                  .salt = salt,
                                  .chain_hash = chain_hash_,
                                  .entries_checksum = Checksum64(std::string_view(out).substr(kRecordHeaderBytes))});
  out.replace(0, kRecordHeaderBytes, header);
  AppendEndMarker(&out, offset_bytes, salt);
  return out;
}

bool SegmentTable::Matches(const Footer& footer) const {
  return std::equal(entries_.begin(), entries_.end(), footer.entries.begin(), footer.entries.end()) &&
         footer.header.first_lsn == first_lsn_ && footer.header.last_lsn == last_lsn_ &&
         footer.header.chain_hash == chain_hash_ && footer.header.blob_bytes == blob_bytes_;
}

Result<SegmentTable> SegmentTable::Read(const SegmentFile& segment, uint64_t end) {
  ForwardReader reader(segment, end, ForwardReader::kHeaderWindowBytes);
  SegmentTable table;
  uint64_t at = kSegmentHeaderBytes;
  while (at < end) {
    ASSIGN_OR_RETURN(const RecordHeader header, reader.ReadHeader(at));
    if (std::holds_alternative<FooterHeader>(header)) return reader.Damage(at, "footer before the last group");
    table.Add(header, at);
    at += RecordBytes(header);
  }
  if (at != end) return reader.Damage(end, "no record begins here");
  return table;
}

}  // namespace tarn::engine
