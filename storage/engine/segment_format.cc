#include "storage/engine/segment_format.h"

#include <array>
#include <cstring>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/base/checksum.h"

namespace tarn::engine {
namespace {

// As text at the beginning of what they mark.
constexpr std::string_view kSegmentMagic = "TARNSEG1";
constexpr std::string_view kEndMagic = "TARNSEND";
constexpr std::string_view kRecordMagic = "TREC";
constexpr size_t kChecksumBytes = sizeof(uint64_t);
constexpr uint64_t kPayloadBytesMax = uint64_t{1} << 48;  // So that sums of sizes cannot overflow.
constexpr uint16_t kCodecMask = 0x000f;                   // Of the flags; 0 raw, 1 zstd, 2 delta (both reserved).

// A fixed-size structure, field by field at its offset; the checksum is its last word.
template <size_t kSize>
class Encoder {
 public:
  template <typename T>
  void Put(size_t offset, T value) {
    StoreLittleEndian(bytes_.data() + offset, value);
  }
  void PutBytes(size_t offset, std::string_view value) {
    std::memcpy(bytes_.data() + offset, value.data(), value.size());
  }
  void FinishInto(std::string* out) {
    Put<uint64_t>(kSize - kChecksumBytes, Checksum64({bytes_.data(), kSize - kChecksumBytes}));
    out->append(bytes_.data(), kSize);
  }

 private:
  std::array<char, kSize> bytes_{};
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T Get(size_t offset) const {
    return LoadLittleEndian<T>(bytes_.data() + offset);
  }
  template <typename Fixed>
  Fixed GetFixed(size_t offset) const {
    return Fixed::FromBytes(bytes_.substr(offset, Fixed::kSize)).value();
  }
  bool BeginsWith(std::string_view magic) const { return bytes_.substr(0, magic.size()) == magic; }
  bool ChecksumHolds() const {
    const size_t end = bytes_.size() - kChecksumBytes;
    return Checksum64(bytes_.substr(0, end)) == Get<uint64_t>(end);
  }

 private:
  const std::string_view bytes_;
};

using RecordEncoder = Encoder<kRecordHeaderBytes>;

void PutCommon(RecordEncoder* out, RecordKind kind, uint64_t payload_bytes) {
  out->PutBytes(0, kRecordMagic);
  out->Put(4, static_cast<uint8_t>(kind));
  out->Put(5, kRecordFormat);
  out->Put<uint16_t>(6, 0);
  out->Put(8, payload_bytes);
}

void PutBlobInfo(RecordEncoder* out, const BlobInfo& info) {
  out->PutBytes(16, info.sha512.view());
  out->PutBytes(80, info.sha1.view());
  out->Put(104, info.size_bytes);
}

void Put(RecordEncoder* out, const BlobHeader& header) {
  PutCommon(out, RecordKind::kBlob, header.info.size_bytes);
  PutBlobInfo(out, header.info);
}

void Put(RecordEncoder* out, const CollectedBlob& header) {
  PutCommon(out, RecordKind::kCollected, header.info.size_bytes);
  PutBlobInfo(out, header.info);
}

void Put(RecordEncoder* out, const LogHeader& header) {
  PutCommon(out, RecordKind::kLog, header.payload_bytes);
  out->Put(16, header.lsn.value());
  out->Put(24, header.epoch.value());
  out->Put(32, header.time_ms);
  out->PutBytes(40, header.previous_chain_hash.view());
  out->PutBytes(72, header.chain_hash.view());
  out->Put(104, header.payload_checksum);
}

void Put(RecordEncoder* out, const SoloReference& header) {
  PutCommon(out, RecordKind::kSoloReference, 0);
  PutBlobInfo(out, header.info);
  out->Put(112, header.segment.value());
}

void Put(RecordEncoder* out, const TrailerHeader& header) {
  PutCommon(out, RecordKind::kTrailer, 0);
  out->Put(16, header.first_lsn.value());
  out->Put(24, header.last_lsn.value());
  out->Put(32, header.record_count);
  out->Put(36, header.blob_count);
  out->Put(40, header.begin_bytes);
  out->Put(48, header.group_bytes);
  out->PutBytes(56, header.chain_hash.view());
  out->Put(88, header.salt);
  out->Put(96, header.group_checksum);
}

void Put(RecordEncoder* out, const FooterHeader& header) {
  PutCommon(out, RecordKind::kFooter, header.entry_count * kFooterEntryBytes);
  out->Put(16, header.first_lsn.value());
  out->Put(24, header.last_lsn.value());
  out->Put(32, header.entry_count);
  out->Put(40, header.blob_bytes);
  out->PutBytes(56, header.chain_hash.view());
  out->Put(88, header.salt);
  out->Put(96, header.entries_checksum);
}

BlobInfo GetBlobInfo(const Decoder& in) {
  return {in.GetFixed<Digest>(16), in.GetFixed<Sha1Digest>(80), in.Get<uint64_t>(104)};
}

template <typename Header>
Result<RecordHeader> GetBlob(const Decoder& in, uint64_t payload_bytes) {
  Header header{GetBlobInfo(in)};
  if (header.info.size_bytes != payload_bytes) return Corruption("raw blob whose two sizes differ");
  return RecordHeader(header);
}

RecordHeader GetLog(const Decoder& in, uint64_t payload_bytes) {
  return LogHeader{.lsn = Lsn(in.Get<uint64_t>(16)),
                   .epoch = Epoch(in.Get<uint32_t>(24)),
                   .time_ms = in.Get<uint64_t>(32),
                   .previous_chain_hash = in.GetFixed<Sha256Digest>(40),
                   .chain_hash = in.GetFixed<Sha256Digest>(72),
                   .payload_bytes = payload_bytes,
                   .payload_checksum = in.Get<uint64_t>(104)};
}

RecordHeader GetTrailer(const Decoder& in) {
  return TrailerHeader{.first_lsn = Lsn(in.Get<uint64_t>(16)),
                       .last_lsn = Lsn(in.Get<uint64_t>(24)),
                       .record_count = in.Get<uint32_t>(32),
                       .blob_count = in.Get<uint32_t>(36),
                       .begin_bytes = in.Get<uint64_t>(40),
                       .group_bytes = in.Get<uint64_t>(48),
                       .chain_hash = in.GetFixed<Sha256Digest>(56),
                       .salt = in.Get<uint64_t>(88),
                       .group_checksum = in.Get<uint64_t>(96)};
}

bool IsListed(RecordKind kind) {
  return kind == RecordKind::kBlob || kind == RecordKind::kLog || kind == RecordKind::kSoloReference ||
         kind == RecordKind::kCollected;
}

Result<RecordHeader> GetFooter(const Decoder& in, uint64_t payload_bytes) {
  FooterHeader header{.first_lsn = Lsn(in.Get<uint64_t>(16)),
                      .last_lsn = Lsn(in.Get<uint64_t>(24)),
                      .entry_count = in.Get<uint64_t>(32),
                      .blob_bytes = in.Get<uint64_t>(40),
                      .salt = in.Get<uint64_t>(88),
                      .chain_hash = in.GetFixed<Sha256Digest>(56),
                      .entries_checksum = in.Get<uint64_t>(96)};
  if (header.entry_count > kPayloadBytesMax / kFooterEntryBytes ||
      header.entry_count * kFooterEntryBytes != payload_bytes) {
    return Corruption("footer whose entry count and length differ");
  }
  return RecordHeader(header);
}

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace

void AppendSegmentHeader(std::string* out, const SegmentHeader& header) {
  Encoder<kSegmentHeaderBytes> bytes;
  bytes.PutBytes(0, kSegmentMagic);
  bytes.Put(8, kSegmentFormat);
  bytes.Put(10, static_cast<uint8_t>(header.kind));
  bytes.Put(16, header.id.value());
  bytes.Put(24, header.salt);
  bytes.FinishInto(out);
}

void AppendRecordHeader(std::string* out, const RecordHeader& header) {
  RecordEncoder bytes;
  std::visit([&bytes](const auto& fields) { Put(&bytes, fields); }, header);
  bytes.FinishInto(out);
}

void AppendFooterEntry(std::string* out, const FooterEntry& entry) {
  AppendLittleEndian(out, entry.offset_bytes);
  AppendLittleEndian(out, entry.payload_bytes);
  AppendLittleEndian(out, uint64_t{static_cast<uint8_t>(entry.kind)});
  out->append(reinterpret_cast<const char*>(entry.id.data()), entry.id.size());
}

void AppendEndMarker(std::string* out, uint64_t footer_offset_bytes, uint64_t salt) {
  Encoder<kEndMarkerBytes> bytes;
  bytes.PutBytes(0, kEndMagic);
  bytes.Put(8, footer_offset_bytes);
  bytes.Put(16, salt);
  bytes.FinishInto(out);
}

Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  CHECK(bytes.size() == kSegmentHeaderBytes);
  const Decoder in(bytes);
  if (!in.BeginsWith(kSegmentMagic)) return Corruption("no segment magic");
  if (!in.ChecksumHolds()) return Corruption("checksum of the segment header");
  const auto format = in.Get<uint16_t>(8);
  if (format != kSegmentFormat) {
    return FailedPrecondition("segment format " + std::to_string(format) + ", this program knows " +
                              std::to_string(kSegmentFormat));
  }
  const auto kind = in.Get<uint8_t>(10);
  if (kind != static_cast<uint8_t>(SegmentKind::kShared) && kind != static_cast<uint8_t>(SegmentKind::kSolo)) {
    return FailedPrecondition("unknown segment kind " + std::to_string(kind));
  }
  return SegmentHeader{static_cast<SegmentKind>(kind), SegmentId(in.Get<uint64_t>(16)), in.Get<uint64_t>(24)};
}

Result<RecordHeader> DecodeRecordHeader(std::string_view bytes) {
  CHECK(bytes.size() == kRecordHeaderBytes);
  const Decoder in(bytes);
  if (!in.BeginsWith(kRecordMagic)) return Corruption("no record magic");
  if (!in.ChecksumHolds()) return Corruption("checksum of the record header");
  const auto kind = in.Get<uint8_t>(4);
  const auto format = in.Get<uint8_t>(5);
  const auto flags = in.Get<uint16_t>(6);
  const auto payload_bytes = in.Get<uint64_t>(8);
  if (format != kRecordFormat || flags != 0) {
    return FailedPrecondition("record of format " + std::to_string(format) + ", codec " +
                              std::to_string(flags & kCodecMask) + ", flags " + std::to_string(flags) +
                              ", this program knows format 1 without flags");
  }
  if (payload_bytes > kPayloadBytesMax) return Corruption("record of " + std::to_string(payload_bytes) + " bytes");
  switch (static_cast<RecordKind>(kind)) {
    case RecordKind::kBlob: return GetBlob<BlobHeader>(in, payload_bytes);
    case RecordKind::kCollected: return GetBlob<CollectedBlob>(in, payload_bytes);
    case RecordKind::kLog: return GetLog(in, payload_bytes);
    case RecordKind::kSoloReference:
      return RecordHeader(SoloReference{GetBlobInfo(in), SegmentId(in.Get<uint64_t>(112))});
    case RecordKind::kTrailer: return GetTrailer(in);
    case RecordKind::kFooter: return GetFooter(in, payload_bytes);
  }
  return FailedPrecondition("unknown record kind " + std::to_string(kind));
}

bool MayBeRecord(std::string_view bytes, RecordKind kind) {
  return bytes.starts_with(kRecordMagic) && static_cast<uint8_t>(bytes[4]) == static_cast<uint8_t>(kind);
}

Result<FooterEntry> DecodeFooterEntry(std::string_view bytes) {
  CHECK(bytes.size() == kFooterEntryBytes);
  const Decoder in(bytes);
  FooterEntry entry;
  entry.offset_bytes = in.Get<uint64_t>(0);
  entry.payload_bytes = in.Get<uint64_t>(8);
  const auto kind = in.Get<uint64_t>(16);
  if (kind > UINT8_MAX || !IsListed(static_cast<RecordKind>(kind))) {
    return Corruption("footer entry of kind " + std::to_string(kind));
  }
  entry.kind = static_cast<RecordKind>(kind);
  std::memcpy(entry.id.data(), bytes.data() + 24, entry.id.size());
  return entry;
}

Result<uint64_t> DecodeEndMarker(std::string_view bytes, uint64_t salt) {
  CHECK(bytes.size() == kEndMarkerBytes);
  const Decoder in(bytes);
  if (!in.BeginsWith(kEndMagic) || !in.ChecksumHolds()) return Corruption("no end marker");
  if (in.Get<uint64_t>(16) != salt) return Corruption("end marker of another segment");
  return in.Get<uint64_t>(8);
}

FooterEntry FooterEntryOf(const RecordHeader& header, uint64_t offset_bytes) {
  FooterEntry entry;
  entry.offset_bytes = offset_bytes;
  const auto set_blob = [&entry](RecordKind kind, uint64_t payload_bytes, const Digest& digest) {
    entry.kind = kind;
    entry.payload_bytes = payload_bytes;
    std::memcpy(entry.id.data(), digest.bytes().data(), entry.id.size());
  };
  std::visit(
      Overloaded{
          [&](const BlobHeader& blob) { set_blob(RecordKind::kBlob, blob.info.size_bytes, blob.info.sha512); },
          [&](const SoloReference& solo) { set_blob(RecordKind::kSoloReference, 0, solo.info.sha512); },
          [&](const CollectedBlob& blob) { set_blob(RecordKind::kCollected, blob.info.size_bytes, blob.info.sha512); },
          [&](const LogHeader& log) {
            entry.kind = RecordKind::kLog;
            entry.payload_bytes = log.payload_bytes;
            char* id = reinterpret_cast<char*>(entry.id.data());
            StoreLittleEndian(id, log.lsn.value());
            StoreLittleEndian(id + 8, log.epoch.value());
          },
          [](const TrailerHeader&) { CHECK(false); },
          [](const FooterHeader&) { CHECK(false); },
      },
      header);
  return entry;
}

uint64_t RecordBytes(const RecordHeader& header) {
  return std::visit(Overloaded{
                        [](const BlobHeader& blob) { return BlobRecordBytes(blob.info.size_bytes); },
                        [](const LogHeader& log) { return LogRecordBytes(log.payload_bytes); },
                        [](const CollectedBlob& blob) { return BlobRecordBytes(blob.info.size_bytes); },
                        [](const SoloReference&) { return kRecordHeaderBytes; },
                        [](const TrailerHeader&) { return kRecordHeaderBytes; },
                        [](const FooterHeader& footer) { return FooterBytes(footer.entry_count); },
                    },
                    header);
}

}  // namespace tarn::engine
