#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/log.h"
#include "storage/engine/segment_store.h"

// Log records as bytes, and back. A payload is codec[1] version[1] zero[2] plain size[4] followed by the FlatBuffers
// bytes of storage/schema/log_record.fbs, plain or as one zstd frame. FORMAT.md, "Log record".
namespace tarn::engine {

// Written to disk since format 1.
enum class PayloadCodec : uint8_t { kPlain = 0, kZstd = 1 };
inline constexpr uint8_t kPayloadVersion = 1;
inline constexpr size_t kPayloadHeaderBytes = 8;

// What a record says, without what the committer assigns (LSN, epoch, time, hashes). Costs CPU: never call it on the
// committer thread. kInvalidArgument: more than limits::kRecordBytesMax.
Result<std::string> EncodePayload(const Event& event, std::span<const Change> changes, std::span<const BlobInfo> blobs);

// SHA-256(previous[32] ‖ LSN[8] ‖ epoch[4] ‖ time_ms[8] ‖ payload size[8] ‖ payload), integers little-endian.
Sha256Digest ChainHash(const Sha256Digest& previous, Lsn lsn, Epoch epoch, uint64_t time_ms, std::string_view payload);

// Event, changes and blobs of a payload into `record`; the rest of it is left alone. Nothing of the payload is
// trusted. kCorruption: not a payload; kFailedPrecondition: written by a newer format.
Status DecodePayload(std::string_view payload, LogRecord* record);

// A frame read from the journal. Checks its own chain hash, so that nothing of it can have changed; that it continues
// the record before is the caller's to check.
Result<LogRecord> DecodeRecord(const RecordFrame& frame);

// The value of a kBlob entry (storage/schema/blob.fbs): that the blob exists, wherever each node keeps it.
std::string EncodeBlobRecord(const BlobInfo& info);
// `key` is the SHA-512. kCorruption: not a blob record.
Result<BlobInfo> ParseBlobRecord(std::string_view key, std::string_view payload);

}  // namespace tarn::engine
