#pragma once

#include <cstdint>
#include <memory>

#include "storage/base/status.h"

namespace rocksdb {
class Env;
}

namespace tarn {

// RocksDB's door to a real folder that can lose power, fill up, fail, and forget what was not synced: the counterpart
// of FaultFileSystem for the half of the store that RocksDB writes. Knows appends, syncs, creations, renames, deletions
// and folder syncs. After LoseUnsynced a file is cut to its last synced length; one that was created, renamed or deleted
// since the last sync of its folder is as before.
// Threads: any. Outlives the databases opened with it.
class RocksFaultEnv {
 public:
  RocksFaultEnv();
  ~RocksFaultEnv();

  rocksdb::Env* env() const;

  // Changes (writes, syncs, names) so far.
  uint64_t change_count() const;
  // The n-th change from now (0: the next) and all later ones fail and have no effect.
  void CutPowerAtChange(uint64_t after);
  bool is_power_off() const;
  // Appends to the write-ahead log fail with kOutOfSpace or kIoError until set back to kOk.
  void FailLogWrites(Code code);
  // Planted fault: syncs answer OK and do nothing.
  void IgnoreSyncs();

  // With the database closed: the power is cut if it is on, then what was not on stable storage is gone, and the power
  // is back.
  void LoseUnsynced();

 private:
  class FaultFs;
  const std::shared_ptr<FaultFs> file_system_;
  const std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace tarn
