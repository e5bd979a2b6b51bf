#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/segment_store.h"
#include "storage/engine/state_hash.h"

// Payloads of the engine's own rows: fixed-size, little-endian. FORMAT.md, "Values" and "Keys".
// Parsing: kCorruption for a wrong size.
namespace tarn::engine {

inline constexpr uint32_t kFormat = 1;  // Of the whole directory. Written to disk since format 1.

// kNode. Written to disk since format 1.
inline constexpr std::string_view kAppliedKey = "applied";
inline constexpr std::string_view kFormatKey = "format";

// How far the state in RocksDB has come; written in the same batch as the state itself.
struct AppliedState {
  Lsn lsn;
  Epoch epoch{1};
  Sha256Digest chain_hash;  // All zero before the first record.
  StateHash state_hash;
  SegmentPosition tail;  // Where the group after the last applied one begins.
  bool operator==(const AppliedState&) const = default;
};
std::string EncodeAppliedState(const AppliedState& state);  // 76 bytes.
Result<AppliedState> ParseAppliedState(std::string_view payload);

std::string EncodeFormat(uint32_t format);  // 4 bytes.
Result<uint32_t> ParseFormat(std::string_view payload);

// kLog: where a record is, and its chain hash.
struct LogEntry {
  SegmentPosition position;
  Sha256Digest chain_hash;
  bool operator==(const LogEntry&) const = default;
};
std::string EncodeLogEntry(const LogEntry& entry);  // 48 bytes.
Result<LogEntry> ParseLogEntry(std::string_view payload);

// kLocation; the key holds the SHA-512.
std::string EncodeLocation(const Location& location);  // 44 bytes.
Result<Location> ParseLocation(const Digest& digest, std::string_view payload);

}  // namespace tarn::engine
