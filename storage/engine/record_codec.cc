#include "storage/engine/record_codec.h"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/compress.h"
#include "storage/base/digest.h"
#include "storage/base/limits.h"
#include "storage/schema/blob_generated.h"
#include "storage/schema/log_record_generated.h"

namespace tarn::engine {
namespace {

constexpr size_t kCompressFromBytes = 1024;  // Below, the frame's own overhead eats what is saved.
constexpr int kCompressionLevel = 3;         // Level 1 saves a third of the time and loses a tenth of the gain.
constexpr flatbuffers::uoffset_t kDepthMax = 8;
constexpr flatbuffers::uoffset_t kTablesMax = limits::kChangesPerRecordMax + 8;
constexpr size_t kBufferAlignment = alignof(uint64_t);

static_assert(limits::kRecordBytesMax < FLATBUFFERS_MAX_BUFFER_SIZE);
static_assert(sizeof(schema::BlobReference) == 96, "written to disk since format 1");

// FlatBuffers are read in place, by aligned loads: `bytes`, or a copy in `buffer` when they lie askew.
std::string_view Aligned(std::string_view bytes, std::string* buffer) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kBufferAlignment == 0) return bytes;
  buffer->assign(bytes);
  return *buffer;
}

std::string PayloadHeader(PayloadCodec codec, size_t plain_size) {
  std::string header;
  header.push_back(static_cast<char>(codec));
  header.push_back(static_cast<char>(kPayloadVersion));
  AppendLittleEndian(&header, uint16_t{0});
  AppendLittleEndian(&header, static_cast<uint32_t>(plain_size));
  return header;
}

// Header and the smaller of the two forms.
std::string WrapPlain(std::string_view plain) {
  if (plain.size() >= kCompressFromBytes) {
    std::string payload = PayloadHeader(PayloadCodec::kZstd, plain.size());
    ZstdAppend(plain, kCompressionLevel, &payload);
    if (payload.size() - kPayloadHeaderBytes < plain.size() - plain.size() / 8) {
      payload.shrink_to_fit();
      return payload;
    }
  }
  std::string payload = PayloadHeader(PayloadCodec::kPlain, plain.size());
  payload += plain;
  return payload;
}

// The plain bytes of a payload, in `buffer` unless they can be read where they are.
Result<std::string_view> UnwrapPlain(std::string_view payload, std::string* buffer) {
  if (payload.size() < kPayloadHeaderBytes) return Corruption("log payload shorter than its header");
  const auto codec = static_cast<uint8_t>(payload[0]);
  const auto version = static_cast<uint8_t>(payload[1]);
  const auto plain_size = LoadLittleEndian<uint32_t>(payload.data() + 4);
  if (version != kPayloadVersion || codec > static_cast<uint8_t>(PayloadCodec::kZstd)) {
    return FailedPrecondition("log payload of version " + std::to_string(version) + ", codec " + std::to_string(codec) +
                              ", this program knows version " + std::to_string(kPayloadVersion));
  }
  if (plain_size > limits::kRecordBytesMax)
    return Corruption("log payload claims " + std::to_string(plain_size) + " bytes");
  const std::string_view stored = payload.substr(kPayloadHeaderBytes);
  if (codec == static_cast<uint8_t>(PayloadCodec::kPlain)) {
    if (stored.size() != plain_size) return Corruption("log payload has another size than it says");
    return Aligned(stored, buffer);
  }
  RETURN_IF_ERROR(ZstdExtract(stored, plain_size, buffer).WithContext("log payload"));
  return std::string_view(*buffer);
}

flatbuffers::Offset<flatbuffers::Vector<uint8_t>> CreateBytes(flatbuffers::FlatBufferBuilder* builder,
                                                              std::string_view bytes) {
  return builder->CreateVector(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}
// Empty strings are left out.
flatbuffers::Offset<flatbuffers::String> CreateText(flatbuffers::FlatBufferBuilder* builder, std::string_view text) {
  return text.empty() ? 0 : builder->CreateString(text.data(), text.size());
}

flatbuffers::Offset<schema::Change> CreateChange(flatbuffers::FlatBufferBuilder* builder, const Change& change) {
  const auto key = CreateBytes(builder, change.key);
  flatbuffers::Offset<flatbuffers::Vector<uint8_t>> value = 0;
  if (change.value.has_value()) value = CreateBytes(builder, *change.value);
  return schema::CreateChange(*builder, change.value.has_value() ? schema::ChangeKind::Put : schema::ChangeKind::Delete,
                              static_cast<uint8_t>(change.family), key, value);
}

schema::BlobReference ToReference(const BlobInfo& info) {
  return schema::BlobReference(flatbuffers::span<const uint8_t, 64>(info.sha512.bytes()),
                               flatbuffers::span<const uint8_t, 20>(info.sha1.bytes()), 0, info.size_bytes);
}
BlobInfo FromReference(const schema::BlobReference& reference) {
  BlobInfo info;
  std::copy(reference.sha512()->begin(), reference.sha512()->end(), info.sha512.mutable_bytes().begin());
  std::copy(reference.sha1()->begin(), reference.sha1()->end(), info.sha1.mutable_bytes().begin());
  info.size_bytes = reference.size_bytes();
  return info;
}

std::string ToString(const flatbuffers::String* text) { return text == nullptr ? std::string() : text->str(); }
std::string_view ToView(const flatbuffers::Vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<Change> FromSchema(const schema::Change& stored) {
  Change change{static_cast<Family>(stored.family()), {}, std::nullopt};
  if (!IsOfKind(change.family, FamilyKind::kReplicated)) {
    return FailedPrecondition("log record changes family " + std::to_string(stored.family()) +
                              ", which this program does not replicate");
  }
  if (stored.key() == nullptr || stored.key()->size() > limits::kKeyBytesMax) {
    return Corruption("log record with a key that is missing or too long");
  }
  change.key = ToView(*stored.key());
  const bool is_put = stored.kind() == schema::ChangeKind::Put;
  if ((!is_put && stored.kind() != schema::ChangeKind::Delete) || is_put != (stored.value() != nullptr)) {
    return Corruption("log record with a change that is neither put nor delete");
  }
  if (is_put) change.value = ToView(*stored.value());
  return change;
}

Event FromSchema(const schema::Event& stored) {
  return Event{static_cast<EventKind>(stored.kind()), ToString(stored.package()), ToString(stored.version()),
               ToString(stored.actor()), ToString(stored.idempotency_key())};
}

}  // namespace

Result<std::string> EncodePayload(const Event& event, std::span<const Change> changes,
                                  std::span<const BlobInfo> blobs) {
  size_t estimate = 256 + blobs.size() * sizeof(schema::BlobReference);
  for (const Change& change : changes) estimate += change.key.size() + (change.value ? change.value->size() : 0) + 48;
  if (estimate > limits::kRecordBytesMax) {
    return InvalidArgument("log record of about " + std::to_string(estimate) + " bytes, limit " +
                           std::to_string(limits::kRecordBytesMax));
  }
  flatbuffers::FlatBufferBuilder builder(estimate);
  std::vector<flatbuffers::Offset<schema::Change>> change_offsets;
  change_offsets.reserve(changes.size());
  for (const Change& change : changes) change_offsets.push_back(CreateChange(&builder, change));
  std::vector<schema::BlobReference> references;
  references.reserve(blobs.size());
  for (const BlobInfo& info : blobs) references.push_back(ToReference(info));

  const auto package = CreateText(&builder, event.package);
  const auto version = CreateText(&builder, event.version);
  const auto actor = CreateText(&builder, event.actor);
  const auto idempotency_key = CreateText(&builder, event.idempotency_key);
  const auto event_offset =
      schema::CreateEvent(builder, static_cast<uint16_t>(event.kind), package, version, actor, idempotency_key);
  const auto changes_offset = builder.CreateVector(change_offsets);
  const auto blobs_offset = builder.CreateVectorOfStructs(references);
  schema::FinishLogRecordBuffer(builder, schema::CreateLogRecord(builder, event_offset, changes_offset, blobs_offset));
  if (builder.GetSize() > limits::kRecordBytesMax) return InvalidArgument("log record over its limit");
  return WrapPlain({reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()});
}

Sha256Digest ChainHash(const Sha256Digest& previous, Lsn lsn, Epoch epoch, uint64_t time_ms, std::string_view payload) {
  std::string bytes(previous.view());
  AppendLittleEndian(&bytes, lsn.value());
  AppendLittleEndian(&bytes, epoch.value());
  AppendLittleEndian(&bytes, time_ms);
  AppendLittleEndian(&bytes, static_cast<uint64_t>(payload.size()));
  bytes += payload;
  return Sha256(bytes);
}

Status DecodePayload(std::string_view payload, LogRecord* record) {
  std::string buffer;
  ASSIGN_OR_RETURN(const std::string_view plain, UnwrapPlain(payload, &buffer));
  const auto* data = reinterpret_cast<const uint8_t*>(plain.data());
  flatbuffers::Verifier verifier(data, plain.size(), kDepthMax, kTablesMax);
  if (!schema::VerifyLogRecordBuffer(verifier)) return Corruption("log payload is not a valid LogRecord");
  const schema::LogRecord& stored = *schema::GetLogRecord(data);

  record->event = stored.event() == nullptr ? Event{} : FromSchema(*stored.event());
  record->changes.clear();
  record->blobs.clear();
  if (stored.changes() != nullptr) {
    record->changes.reserve(stored.changes()->size());
    for (const schema::Change* change : *stored.changes()) {
      ASSIGN_OR_RETURN(Change decoded, FromSchema(*change));
      record->changes.push_back(std::move(decoded));
    }
  }
  if (stored.blobs() != nullptr) {
    for (const schema::BlobReference* blob : *stored.blobs()) record->blobs.push_back(FromReference(*blob));
  }
  return OkStatus();
}

Result<LogRecord> DecodeRecord(const RecordFrame& frame) {
  const Sha256Digest expected =
      ChainHash(frame.previous_chain_hash, frame.lsn, frame.epoch, frame.time_ms, frame.payload);
  if (expected != frame.chain_hash) {
    return Corruption("log record " + std::to_string(frame.lsn.value()) + ": wrong chain hash");
  }
  LogRecord record;
  record.lsn = frame.lsn;
  record.epoch = frame.epoch;
  record.time_ms = frame.time_ms;
  record.previous_chain_hash = frame.previous_chain_hash;
  record.chain_hash = frame.chain_hash;
  const Status decoded = DecodePayload(frame.payload, &record);
  if (!decoded.ok()) return decoded.WithContext("log record " + std::to_string(frame.lsn.value()));
  return record;
}

std::string EncodeBlobRecord(const BlobInfo& info) {
  flatbuffers::FlatBufferBuilder builder(128);
  const schema::Sha1 sha1(flatbuffers::span<const uint8_t, 20>(info.sha1.bytes()));
  schema::FinishBlobRecordBuffer(builder, schema::CreateBlobRecord(builder, &sha1, info.size_bytes));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

Result<BlobInfo> ParseBlobRecord(std::string_view key, std::string_view payload) {
  std::string buffer;
  const std::string_view plain = Aligned(payload, &buffer);
  const auto* data = reinterpret_cast<const uint8_t*>(plain.data());
  flatbuffers::Verifier verifier(data, plain.size(), kDepthMax, 1);
  if (!schema::VerifyBlobRecordBuffer(verifier)) return Corruption("not a valid BlobRecord");
  const schema::BlobRecord& stored = *schema::GetBlobRecord(data);
  if (stored.sha1() == nullptr) return Corruption("blob record without SHA-1");
  BlobInfo info;
  ASSIGN_OR_RETURN(info.sha512, Digest::FromBytes(key));
  std::copy(stored.sha1()->bytes()->begin(), stored.sha1()->bytes()->end(), info.sha1.mutable_bytes().begin());
  info.size_bytes = stored.size_bytes();
  return info;
}

}  // namespace tarn::engine
