#include "storage/engine/group_encoder.h"

#include <utility>

#include "storage/base/check.h"
#include "storage/base/checksum.h"
#include "storage/engine/block_checksums.h"
#include "storage/engine/staged_blob.h"

namespace tarn::engine {
namespace {

constexpr char kZeros[kRecordAlignmentBytes] = {};

class GroupEncoder {
 public:
  GroupEncoder(const GroupToWrite& group, const SegmentHeader& segment, uint64_t begin)
      : group_(group), segment_(segment), begin_(begin), at_(begin) {}

  EncodedGroup Run() {
    CHECK(!group_.records.empty());
    const size_t headers = group_.blobs.size() + group_.records.size() + 1;
    out_.headers.reserve(headers * kRecordHeaderBytes);  // Exactly, because parts_ point into it.
    out_.parts.reserve(headers * 4);
    out_.records.reserve(headers);
    out_.written.begin = {segment_.id, begin_};
    for (const StagedBlob* blob : group_.blobs) AddBlob(*blob);
    for (const RecordFrame& record : group_.records) AddRecord(record);
    AddTrailer();
    out_.written.end = {segment_.id, at_};
    CHECK(out_.headers.size() == headers * kRecordHeaderBytes && at_ - begin_ == GroupBytes(group_));
    return std::move(out_);
  }

 private:
  void AddBlob(const StagedBlob& blob) {
    if (const auto* solo = dynamic_cast<const SoloBlob*>(&blob)) {
      out_.written.blobs.push_back({solo->segment(), kSoloPayloadOffsetBytes, solo->info()});
      AddHeader(SoloReference{solo->info(), solo->segment()});
      return;
    }
    const auto* memory = dynamic_cast<const MemoryBlob*>(&blob);
    CHECK(memory != nullptr);
    AddHeader(BlobHeader{memory->info()});
    out_.written.blobs.push_back({segment_.id, at_, memory->info()});
    const size_t first = out_.parts.size();
    memory->bytes().AppendParts(&out_.parts);
    for (size_t i = first; i < out_.parts.size(); ++i) at_ += out_.parts[i].iov_len;
    AddPadding();
    AddBytes(TableBytes(memory->block_checksums()));
  }

  void AddRecord(const RecordFrame& record) {
    CHECK(record.payload.size() <= limits::kRecordBytesMax);
    CHECK(last_ == nullptr || (record.lsn == last_->lsn.Next() && record.previous_chain_hash == last_->chain_hash));
    last_ = &record;
    out_.written.records.push_back({segment_.id, at_});
    AddHeader(LogHeader{.lsn = record.lsn,
                        .epoch = record.epoch,
                        .time_ms = record.time_ms,
                        .previous_chain_hash = record.previous_chain_hash,
                        .chain_hash = record.chain_hash,
                        .payload_bytes = record.payload.size(),
                        .payload_checksum = Checksum64(record.payload)});
    AddBytes(record.payload);
    AddPadding();
  }

  void AddTrailer() {
    Checksum64Stream sum;
    for (const iovec& part : out_.parts) sum.Update({static_cast<const char*>(part.iov_base), part.iov_len});
    AddHeader(TrailerHeader{.first_lsn = group_.records.front().lsn,
                            .last_lsn = group_.records.back().lsn,
                            .record_count = static_cast<uint32_t>(group_.records.size()),
                            .blob_count = static_cast<uint32_t>(group_.blobs.size()),
                            .begin_bytes = begin_,
                            .group_bytes = at_ - begin_,
                            .chain_hash = group_.records.back().chain_hash,
                            .salt = segment_.salt,
                            .group_checksum = sum.Sum()});
  }

  void AddHeader(const RecordHeader& header) {
    out_.records.emplace_back(header, at_);
    const size_t offset = out_.headers.size();
    AppendRecordHeader(&out_.headers, header);
    AddBytes(std::string_view(out_.headers).substr(offset));
  }

  void AddBytes(std::string_view bytes) {
    if (bytes.empty()) return;
    out_.parts.push_back({const_cast<char*>(bytes.data()), bytes.size()});
    at_ += bytes.size();
  }

  void AddPadding() { AddBytes({kZeros, PaddedBytes(at_) - at_}); }

  const GroupToWrite& group_;
  const SegmentHeader& segment_;
  const uint64_t begin_;
  uint64_t at_;
  const RecordFrame* last_ = nullptr;
  EncodedGroup out_;
};

}  // namespace

uint64_t GroupBytes(const GroupToWrite& group) {
  uint64_t bytes = kRecordHeaderBytes;
  for (const StagedBlob* blob : group.blobs) {
    const bool is_solo = dynamic_cast<const SoloBlob*>(blob) != nullptr;
    bytes += is_solo ? kRecordHeaderBytes : BlobRecordBytes(blob->info().size_bytes);
  }
  for (const RecordFrame& record : group.records) bytes += LogRecordBytes(record.payload.size());
  return bytes;
}

EncodedGroup EncodeGroup(const GroupToWrite& group, const SegmentHeader& segment, uint64_t begin) {
  return GroupEncoder(group, segment, begin).Run();
}

}  // namespace tarn::engine
