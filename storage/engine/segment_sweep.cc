#include "storage/engine/segment_sweep.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/base/checksum.h"
#include "storage/engine/segment_reader.h"
#include "storage/engine/segment_table.h"

namespace tarn::engine {
namespace {

// What a blob takes behind its header, and its zeros.
uint64_t BodyBytes(uint64_t blob_bytes) { return BlobRecordBytes(blob_bytes) - kRecordHeaderBytes; }

void AddZeros(uint64_t bytes, Checksum64Stream* sum) {
  static constexpr std::array<char, 64 * limits::kKiB> kZeros{};
  for (uint64_t left = bytes; left > 0;) {
    const uint64_t piece = std::min<uint64_t>(left, kZeros.size());
    sum->Update({kZeros.data(), piece});
    left -= piece;
  }
}

// Writes one segment anew, group by group.
class Rewrite {
 public:
  Rewrite(const SegmentFile& old, uint64_t footer, const std::set<uint64_t>& dead_offsets, File* file)
      : reader_(old, old.size_bytes),
        prover_(old, old.size_bytes),
        footer_(footer),
        dead_(dead_offsets),
        file_(*file) {}

  Status Run(const std::function<bool()>& is_stopping) {
    RETURN_IF_ERROR(file_.Truncate(reader_.segment().size_bytes));  // All of it a hole.
    RETURN_IF_ERROR(Copy(0, kSegmentHeaderBytes));
    GroupBuffer buffer;
    for (uint64_t at = kSegmentHeaderBytes; at < footer_;) {
      if (is_stopping()) return Cancelled("stopping");
      // Under a new checksum damage would be damage no longer.
      RETURN_IF_ERROR(ReadGroup(prover_, at, BlobStore::Depth::kChecksums, &buffer));
      RETURN_IF_ERROR(WriteGroup(at));
      at = buffer.group.end.offset_bytes;
    }
    return file_.WriteAt(footer_, table_.EncodeFooter(footer_, reader_.segment().header.salt));
  }

 private:
  Status WriteGroup(uint64_t begin) {
    Checksum64Stream sum;
    for (uint64_t at = begin;;) {
      ASSIGN_OR_RETURN(RecordHeader header, reader_.ReadHeader(at));
      if (const auto* trailer = std::get_if<TrailerHeader>(&header)) {
        TrailerHeader again = *trailer;
        again.group_checksum = sum.Sum();
        return WriteHeader(at, again, nullptr);
      }
      const auto* blob = std::get_if<BlobHeader>(&header);
      if (blob != nullptr && dead_.contains(at)) header = CollectedBlob{BlobInfo(blob->info)};
      RETURN_IF_ERROR(WriteHeader(at, header, &sum));
      table_.Add(header, at);
      const uint64_t body = at + kRecordHeaderBytes;
      if (const auto* collected = std::get_if<CollectedBlob>(&header)) {
        AddZeros(BodyBytes(collected->info.size_bytes), &sum);
      } else {
        RETURN_IF_ERROR(Copy(body, RecordBytes(header) - kRecordHeaderBytes, &sum));
      }
      at += RecordBytes(header);
    }
  }

  Status WriteHeader(uint64_t at, const RecordHeader& header, Checksum64Stream* sum) {
    std::string bytes;
    AppendRecordHeader(&bytes, header);
    if (sum != nullptr) sum->Update(bytes);
    return file_.WriteAt(at, bytes);
  }

  Status Copy(uint64_t at, uint64_t bytes, Checksum64Stream* sum = nullptr) {
    uint64_t to = at;
    Status status;
    RETURN_IF_ERROR(reader_.ReadPieces(at, bytes, [&](std::string_view piece) {
      if (sum != nullptr) sum->Update(piece);
      if (status.ok()) status = file_.WriteAt(to, piece);
      to += piece.size();
    }));
    return status;
  }

  ForwardReader reader_;
  ForwardReader prover_;
  const uint64_t footer_;
  const std::set<uint64_t>& dead_;
  File& file_;
  SegmentTable table_;
};

// Every group and the footer of a sealed segment.
Status Prove(const SegmentFile& segment, const std::function<bool()>& is_stopping) {
  ForwardReader reader(segment, segment.size_bytes);
  ASSIGN_OR_RETURN(const std::optional<uint64_t> footer, FindFooter(reader));
  if (!footer.has_value()) return reader.Damage(segment.size_bytes, "no footer");
  GroupBuffer buffer;
  for (uint64_t at = kSegmentHeaderBytes; at < *footer; at = buffer.group.end.offset_bytes) {
    if (is_stopping()) return Cancelled("stopping");
    RETURN_IF_ERROR(ReadGroup(reader, at, BlobStore::Depth::kChecksums, &buffer));
  }
  ASSIGN_OR_RETURN(const SegmentTable table, SegmentTable::Read(segment, *footer));
  ASSIGN_OR_RETURN(const Footer read, ReadFooter(reader, *footer));
  return table.Matches(read) ? OkStatus() : reader.Damage(*footer, "footer does not list what is there");
}

Status WriteAndProve(SegmentFolder* folder, const SegmentFile& old, uint64_t footer,
                     const std::set<uint64_t>& dead_offsets, const std::function<bool()>& is_stopping) {
  ASSIGN_OR_RETURN(const std::shared_ptr<File> file, folder->BeginReplacement(old.header.id));
  RETURN_IF_ERROR(Rewrite(old, footer, dead_offsets, file.get()).Run(is_stopping));
  RETURN_IF_ERROR(folder->SyncFile(file.get()));
  RETURN_IF_ERROR(Prove(SegmentFile{file, old.header, old.name + ", written anew,", old.size_bytes}, is_stopping));
  return folder->Replace(old.header.id);
}

}  // namespace

Result<std::optional<DeadBlobs>> FindDeadBlobs(const SegmentFolder& folder, const SegmentFolder::Entry& entry, Lsn last,
                                               const std::function<Result<bool>(const Location&)>& is_live) {
  RETURN_IF_ERROR(entry.header_status);
  ASSIGN_OR_RETURN(const SegmentFile segment, folder.OpenForReading(entry.id));
  ForwardReader reader(segment, segment.size_bytes, ForwardReader::kHeaderWindowBytes);
  ASSIGN_OR_RETURN(const std::optional<uint64_t> footer_offset, FindFooter(reader));
  if (!footer_offset.has_value()) return std::optional<DeadBlobs>();
  ASSIGN_OR_RETURN(const Footer footer, ReadFooter(reader, *footer_offset));
  if (footer.header.last_lsn > last) return std::optional<DeadBlobs>();
  DeadBlobs dead;
  for (const FooterEntry& line : footer.entries) {
    if (line.kind != RecordKind::kBlob) continue;
    ASSIGN_OR_RETURN(const RecordHeader header, reader.ReadHeader(line.offset_bytes));
    const auto* blob = std::get_if<BlobHeader>(&header);
    if (blob == nullptr) return reader.Damage(line.offset_bytes, "the footer lists a blob here");
    dead.blob_bytes += blob->info.size_bytes;
    const Location location{entry.id, line.offset_bytes + kRecordHeaderBytes, blob->info};
    ASSIGN_OR_RETURN(const bool lives, is_live(location));
    if (lives) continue;
    dead.offsets.insert(line.offset_bytes);
    dead.bytes += BodyBytes(blob->info.size_bytes);
  }
  return std::optional<DeadBlobs>(std::move(dead));
}

Status WriteWithoutDead(SegmentFolder* folder, const SegmentFolder::Entry& entry,
                        const std::set<uint64_t>& dead_offsets, const std::function<bool()>& is_stopping) {
  ASSIGN_OR_RETURN(const SegmentFile old, folder->OpenForReading(entry.id));
  ForwardReader reader(old, old.size_bytes);
  ASSIGN_OR_RETURN(const std::optional<uint64_t> footer, FindFooter(reader));
  if (!footer.has_value()) return reader.Damage(old.size_bytes, "no footer");
  Status status = WriteAndProve(folder, old, *footer, dead_offsets, is_stopping);
  if (!status.ok()) folder->DiscardReplacement(entry.id);
  return status;
}

}  // namespace tarn::engine
