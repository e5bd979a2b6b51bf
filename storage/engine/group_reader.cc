#include <algorithm>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/checksum.h"
#include "storage/engine/segment_reader.h"

namespace tarn::engine {
namespace {

// Walks one group record by record.
class GroupWalk {
 public:
  GroupWalk(ForwardReader& reader, uint64_t begin, BlobStore::Depth depth, GroupBuffer* out)
      : reader_(reader), begin_(begin), depth_(depth), out_(*out), at_(begin) {}

  Status Run() {
    out_.group = GroupRead{};
    out_.payloads.clear();
    out_.group.begin = {reader_.segment().header.id, begin_};
    while (true) {
      ASSIGN_OR_RETURN(const RecordHeader header, reader_.ReadHeader(at_));
      if (const auto* trailer = std::get_if<TrailerHeader>(&header)) return Finish(*trailer);
      // A record is in the sum as it is in the file; header first (ReadHeader left it in the window).
      ASSIGN_OR_RETURN(const std::string_view header_bytes, reader_.Read(at_, kRecordHeaderBytes));
      sum_.Update(header_bytes);
      RETURN_IF_ERROR(std::visit([this](const auto& fields) { return Take(fields); }, header));
      at_ += RecordBytes(header);
    }
  }

 private:
  Status Take(const BlobHeader& blob) {
    out_.group.blobs.push_back({reader_.segment().header.id, at_ + kRecordHeaderBytes, blob.info});
    return CheckBlob(reader_, at_, blob.info, depth_, [this](std::string_view piece) { sum_.Update(piece); });
  }

  Status Take(const CollectedBlob& blob) {
    const uint64_t bytes = BlobRecordBytes(blob.info.size_bytes) - kRecordHeaderBytes;
    if (!reader_.Has(at_, kRecordHeaderBytes + bytes)) return reader_.Damage(at_, "blob is longer than the file");
    bool is_zero = true;
    RETURN_IF_ERROR(reader_.ReadPieces(at_ + kRecordHeaderBytes, bytes, [&](std::string_view piece) {
      is_zero = is_zero && piece.find_first_not_of('\0') == std::string_view::npos;
      sum_.Update(piece);
    }));
    if (!is_zero) return reader_.Damage(at_, "a collected blob that is not all zeros");
    ++collected_;
    return OkStatus();
  }

  Status Take(const SoloReference& solo) {
    out_.group.blobs.push_back({solo.segment, kSoloPayloadOffsetBytes, solo.info});
    return OkStatus();
  }

  Status Take(const LogHeader& log) {
    if (log.payload_bytes > limits::kRecordBytesMax) return reader_.Damage(at_, "log record is too long");
    const uint64_t padded_bytes = PaddedBytes(log.payload_bytes);
    if (!reader_.Has(at_, kRecordHeaderBytes + padded_bytes)) {
      return reader_.Damage(at_, "log record is longer than the file");
    }
    if (!out_.group.records.empty()) {
      const RecordFrame& previous = out_.group.records.back();
      if (log.lsn != previous.lsn.Next() || log.previous_chain_hash != previous.chain_hash) {
        return reader_.Damage(at_, "log record does not follow the one before it");
      }
    }
    std::string& payload = out_.payloads.emplace_back();
    payload.reserve(padded_bytes);
    RETURN_IF_ERROR(reader_.ReadPieces(at_ + kRecordHeaderBytes, padded_bytes,
                                       [&payload](std::string_view piece) { payload.append(piece); }));
    sum_.Update(payload);
    payload.resize(log.payload_bytes);
    if (Checksum64(payload) != log.payload_checksum) return reader_.Damage(at_, "checksum of a log record");
    out_.group.records.push_back({log.lsn, log.epoch, log.time_ms, log.previous_chain_hash, log.chain_hash, payload});
    out_.group.record_positions.push_back({reader_.segment().header.id, at_});
    return OkStatus();
  }

  Status Take(const FooterHeader&) { return reader_.Damage(at_, "footer inside a group"); }
  Status Take(const TrailerHeader&) { return reader_.Damage(at_, "unexpected trailer"); }

  Status Finish(const TrailerHeader& trailer) {
    const GroupRead& group = out_.group;
    if (trailer.salt != reader_.segment().header.salt) return reader_.Damage(at_, "trailer of another segment");
    if (trailer.begin_bytes != begin_ || trailer.group_bytes != at_ - begin_) {
      return reader_.Damage(at_, "trailer of a group at offset " + std::to_string(trailer.begin_bytes));
    }
    if (group.records.empty() || trailer.record_count != group.records.size() ||
        trailer.blob_count != group.blobs.size() + collected_ || trailer.first_lsn != group.records.front().lsn ||
        trailer.last_lsn != group.records.back().lsn || trailer.chain_hash != group.records.back().chain_hash) {
      return reader_.Damage(at_, "trailer does not match its group");
    }
    if (trailer.group_checksum != sum_.Sum()) return reader_.Damage(at_, "checksum of the group");
    out_.group.end = {reader_.segment().header.id, at_ + kRecordHeaderBytes};
    return OkStatus();
  }

  ForwardReader& reader_;
  const uint64_t begin_;
  const BlobStore::Depth depth_;
  GroupBuffer& out_;
  uint64_t at_;
  size_t collected_ = 0;
  Checksum64Stream sum_;
};

}  // namespace

Status ReadGroup(ForwardReader& reader, uint64_t begin, BlobStore::Depth depth, GroupBuffer* out) {
  return GroupWalk(reader, begin, depth, out).Run();
}

// Looks for trailers, because they say where their group begins. The salt in them cannot be guessed, so what a blob
// holds is never taken for one.
Result<std::optional<uint64_t>> FindWholeGroup(ForwardReader& reader, uint64_t from) {
  GroupBuffer group;
  ForwardReader group_reader(reader.segment(), reader.limit_bytes());
  for (uint64_t at = PaddedBytes(from); reader.Has(at, kRecordHeaderBytes); at += kRecordAlignmentBytes) {
    ASSIGN_OR_RETURN(const std::string_view bytes, reader.Read(at, kRecordHeaderBytes));
    if (!MayBeRecord(bytes, RecordKind::kTrailer)) continue;
    const Result<RecordHeader> header = DecodeRecordHeader(bytes);
    const auto* trailer = header.ok() ? std::get_if<TrailerHeader>(&*header) : nullptr;
    if (trailer == nullptr || trailer->salt != reader.segment().header.salt || trailer->begin_bytes < from) continue;
    const Status whole = ReadGroup(group_reader, trailer->begin_bytes, BlobStore::Depth::kChecksums, &group);
    if (whole.ok()) return std::optional<uint64_t>(trailer->begin_bytes);
    if (whole.code() != Code::kCorruption) return whole;
  }
  return std::optional<uint64_t>();
}

}  // namespace tarn::engine
