#include "storage/engine/log_reader.h"

#include "storage/engine/keys.h"
#include "storage/engine/local_values.h"
#include "storage/engine/record_codec.h"

namespace tarn::engine {

Result<LogRecord> JournalReader::Read(Lsn lsn) {
  ASSIGN_OR_RETURN(const std::optional<std::string> row, rocks_.Get(Family::kLog, LsnKey(lsn)));
  if (!row.has_value()) return NotFound("no log record " + std::to_string(lsn.value()));
  ASSIGN_OR_RETURN(const LogEntry entry, ParseLogEntry(*row));
  std::string buffer;
  ASSIGN_OR_RETURN(const RecordFrame frame, segments_->ReadRecord(entry.position, &buffer));
  ASSIGN_OR_RETURN(LogRecord record, DecodeRecord(frame));
  if (record.lsn == lsn && record.chain_hash == entry.chain_hash) return record;
  return Corruption("the log index leads from record " + std::to_string(lsn.value()) + " to another: segment " +
                    std::to_string(entry.position.segment.value()) + ", offset " +
                    std::to_string(entry.position.offset_bytes));
}

}  // namespace tarn::engine
