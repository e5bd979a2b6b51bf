#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/column_families.h"

namespace tarn::engine {

// What happened, in domain words. The engine stores it and does not read it; it feeds the change feed, webhooks, the
// audit trail and the derived families. Written to disk since format 1: never renumbered, never reused.
enum class EventKind : uint16_t {
  kUnspecified = 0,
  kPublishVersion = 1,
  kSetDistTags = 2,
  kDeprecate = 3,
  kUnpublishVersion = 4,
  kUnpublishPackage = 5,
  kSetOwners = 6,
  kSetAccess = 7,
  kStar = 8,
  kPutUser = 16,
  kRemoveUser = 17,
  kPutToken = 18,
  kRevokeToken = 19,
  kPutOrg = 20,
  kPutSetting = 32,
  kCountDownloads = 40,
  kImport = 48,
  kCollectBlobs = 56,  // Blobs that nothing referred to are no more; without changes: it begins (collect.h).
  kBeginEpoch = 64,    // A leader took over; nothing else changed.
};

struct Event {
  EventKind kind = EventKind::kUnspecified;
  std::string package;          // Empty when not about a package.
  std::string version;          // Empty when not about one version.
  std::string actor;            // User name; empty for the system.
  std::string idempotency_key;  // Empty when the client gave none.
};

// One put (value set) or delete (value unset) of a replicated or derived family. `value` is the payload, unframed.
struct Change {
  Family family;
  std::string key;
  std::optional<std::string> value;
};

// A log record as it is in the journal, decoded and verified.
struct LogRecord {
  Lsn lsn;
  Epoch epoch;
  uint64_t time_ms = 0;
  Sha256Digest previous_chain_hash;
  Sha256Digest chain_hash;  // SHA-256(previous ‖ fixed header fields ‖ payload); see FORMAT.md, "Log record".
  Event event;
  std::vector<Change> changes;
  std::vector<BlobInfo> blobs;  // All that this record refers to; complete before the record is applied.
};

// The same exactly as it stands in the journal, for whoever sends it on or writes it again. `payload` is what the chain hash
// was taken of (record_codec.h).
struct RawRecord {
  Lsn lsn;
  Epoch epoch;
  uint64_t time_ms = 0;
  Sha256Digest previous_chain_hash;
  Sha256Digest chain_hash;
  std::string payload;
};

// Reads the journal by LSN. Threads: any. Records up to Store::last_lsn() are there, without gaps.
class LogReader {
 public:
  virtual ~LogReader() = default;
  // kNotFound past the end; kCorruption names segment and offset.
  [[nodiscard]] virtual Result<LogRecord> Read(Lsn lsn) = 0;
};

}  // namespace tarn::engine
