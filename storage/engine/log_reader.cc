#include "storage/engine/log_reader.h"

#include "storage/engine/keys.h"
#include "storage/engine/local_values.h"
#include "storage/engine/record_codec.h"

namespace tarn::engine {

Result<LogEntry> JournalReader::EntryOf(Lsn lsn) const {
  ASSIGN_OR_RETURN(const std::optional<std::string> row, rocks_.Get(Family::kLog, LsnKey(lsn)));
  if (!row.has_value()) return NotFound("no log record " + std::to_string(lsn.value()));
  return ParseLogEntry(*row);
}

Result<SegmentPosition> JournalReader::PositionOf(Lsn lsn) const {
  ASSIGN_OR_RETURN(const LogEntry entry, EntryOf(lsn));
  return entry.position;
}

Result<RecordFrame> JournalReader::ReadFrame(Lsn lsn, std::string* buffer) {
  ASSIGN_OR_RETURN(const LogEntry entry, EntryOf(lsn));
  ASSIGN_OR_RETURN(const RecordFrame frame, segments_->ReadRecord(entry.position, buffer));
  if (frame.lsn == lsn && frame.chain_hash == entry.chain_hash) return frame;
  return Corruption("the log index leads from record " + std::to_string(lsn.value()) + " to another: segment " +
                    std::to_string(entry.position.segment.value()) + ", offset " +
                    std::to_string(entry.position.offset_bytes));
}

Result<LogRecord> JournalReader::Read(Lsn lsn) {
  std::string buffer;
  ASSIGN_OR_RETURN(const RecordFrame frame, ReadFrame(lsn, &buffer));
  return DecodeRecord(frame);
}

Result<RawRecord> JournalReader::ReadRaw(Lsn lsn) {
  std::string buffer;
  ASSIGN_OR_RETURN(const RecordFrame frame, ReadFrame(lsn, &buffer));
  return RawRecord{
      frame.lsn, frame.epoch, frame.time_ms, frame.previous_chain_hash, frame.chain_hash, std::string(frame.payload)};
}

}  // namespace tarn::engine
