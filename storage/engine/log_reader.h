#pragma once

#include "storage/engine/local_values.h"
#include "storage/engine/log.h"
#include "storage/engine/rocks.h"
#include "storage/engine/segment_store.h"

namespace tarn::engine {

// Reads log records where the log index says they are. Both parts outlive it. Threads: any.
class JournalReader final : public LogReader {
 public:
  JournalReader(const Rocks& rocks, SegmentStore* segments) : rocks_(rocks), segments_(segments) {}
  Result<LogRecord> Read(Lsn lsn) override;
  Result<RawRecord> ReadRaw(Lsn lsn);
  // Where its header stands.
  Result<SegmentPosition> PositionOf(Lsn lsn) const;

 private:
  Result<LogEntry> EntryOf(Lsn lsn) const;
  // Payload in `buffer`.
  Result<RecordFrame> ReadFrame(Lsn lsn, std::string* buffer);

  const Rocks& rocks_;
  SegmentStore* const segments_;
};

}  // namespace tarn::engine
