#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/file_system.h"
#include "storage/base/limits.h"
#include "storage/base/result.h"

// Keeps RocksDB from ever meeting a full disk: Debian's build may abort there. Writes stop at the hard mark, and what
// RocksDB may still have to write then fits below it: a flush of all memtables and a compaction, each a quarter of the
// mark at most (RocksWriteBufferBytes).
namespace tarn::engine {

struct DiskMarks {
  uint64_t soft_bytes = 0;  // Below: a warning in the log.
  uint64_t hard_bytes = 0;  // Below: no writes. max(min(5 % of the disk, 8 GiB), reserve).
};
DiskMarks MarksOf(uint64_t total_bytes, uint64_t reserve_bytes);

// Memtables of all families together: a quarter of the hard mark, within [1 MiB, 64 MiB].
uint64_t RocksWriteBufferBytes(const DiskMarks& marks);

// Threads: any.
class DiskWatch {
 public:
  // `file_system` and `clock` outlive it. Reads the size of the disk that holds `directory`.
  static Result<std::unique_ptr<DiskWatch>> Create(FileSystem* file_system, std::string directory,
                                                   uint64_t reserve_bytes, Clock* clock);

  // kOutOfSpace when writing `bytes`, or kUsualGroupBytes if that is more, would leave less than the hard mark. So what
  // is refused for want of space is, but for large groups, refused by LastKnown as well. Asks the file system (about 1 µs).
  static constexpr uint64_t kUsualGroupBytes = limits::kMiB;
  Status CheckRoom(uint64_t bytes);
  // The last answer for zero bytes; while that is kOutOfSpace, asks again every limits::kDiskRecheckMs.
  Status LastKnown();

  const DiskMarks& marks() const { return marks_; }
  uint64_t free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }

 private:
  enum class Level : uint8_t { kPlenty, kLow, kNone };
  DiskWatch(FileSystem* file_system, std::string directory, Clock* clock, const DiskMarks& marks);
  Result<uint64_t> Measure();
  Status NoRoom(uint64_t free_bytes) const;

  FileSystem* const file_system_;
  const std::string directory_;
  Clock* const clock_;
  const DiskMarks marks_;
  std::atomic<uint64_t> free_bytes_{0};
  std::atomic<uint64_t> measured_ms_{0};
  std::atomic<Level> level_{Level::kPlenty};
};

// A file that an operator may delete when the disk is full all the same. Written once, with real bytes, and only where
// the soft mark stays clear of it; absent otherwise. Failing to write it is not an error.
void EnsureBallast(FileSystem* file_system, const std::string& path, uint64_t ballast_bytes, const DiskWatch& watch);

}  // namespace tarn::engine
